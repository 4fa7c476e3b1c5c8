"""The answers of all shares together: sums that add up, sample paths, peaks, and the rows that are stored."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from city.problems import PenstockError, Problem
from forecasting.coherent import Alone
from service import hierarchy
from service.crash import keep
from service.forecasts.answering import Moment
from service.forecasts.shares import Share
from service.store.vectors import pack_float


def added_up(moment: Moment, shares: Sequence[Share]) -> tuple[hierarchy.Result | None, list[Problem]]:
    """Sums that add up, sample paths and peaks; without them every forecast stays as its series was forecast by itself.

    What a known event changed keeps its change, and the sums above it follow.
    """
    given = [part for one in shares for part in one.alone]
    if not given:
        return None, []
    changed = {name for one in shares if one.changes is not None for name in one.changes["series_id"]}
    try:
        return hierarchy.together(moment.city, moment.made_at_utc, _in_order(given), changed), []
    except PenstockError as error:
        return None, list(error.problems)
    except Exception as error:
        told = keep(error, moment.city.environment)
        return None, [Problem("sums and sample paths", told, "forecasts that add up", "These do not; report this.")]


def _in_order(given: Sequence[Alone]) -> list[Alone]:
    """All series of a step as one, by id: what they become together must not depend on how they were shared out."""
    found = []
    for step_s in sorted({one.step_s for one in given}):
        some = [one for one in given if one.step_s == step_s]
        ids = [name for one in some for name in one.ids]
        origins = np.unique(np.concatenate([one.origins for one in some]))
        errors = np.full((len(ids), len(origins), some[0].quantiles.shape[1]), np.nan, np.float32)
        first = 0
        for one in some:
            errors[first : first + len(one.ids), np.searchsorted(origins, one.origins)] = one.errors
            first += len(one.ids)
        order = np.argsort(np.array(ids))
        quantiles = np.concatenate([one.quantiles for one in some])
        found.append(Alone(tuple(ids[i] for i in order), step_s, quantiles[order], origins, errors[order]))
    return found


def rows_of(moment: Moment, shares: Sequence[Share], together: hierarchy.Result | None) -> Iterator[dict[str, Any]]:
    """Rows of the table `forecast` without the night, by series."""
    said = together.together.quantiles if together is not None else {}
    within = {name for parent, parts in moment.city.sums.constraints.items() for name in (parent, *parts)}
    found = {}
    for one in shares:
        for row, name, quantiles in zip(one.rows(), one.ids, one.quantiles, strict=True):
            vectors = said[name] if name in within and name in said else quantiles.T
            at = {"made_at_utc": moment.made_at_utc, "start_utc": moment.made_at_utc}
            found[name] = {**row, **at, "quantiles": pack_float(vectors)}
    return (found[name] for name in sorted(found))
