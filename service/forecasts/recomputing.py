"""A stored forecast made again from its stored machine and what was known then: the same bits, or the first difference and why."""

from collections.abc import Iterator, Mapping, Set
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine

from city.problems import fault
from forecasting import ladder
from service import schema as t
from service.fanout import spread
from service.forecasts import provenance
from service.forecasts.adding import added_up, rows_of
from service.forecasts.answering import Moment
from service.forecasts.predicting import INSTEAD, share
from service.forecasts.series import groups, place_of
from service.forecasts.shares import Chunk, shared_out
from service.settings import LoadedCity
from service.store import forecasting as store
from service.store import results
from service.store.vectors import unpack_float


def night_of(text: str) -> date:
    """The date of a night. Raises `PenstockError` when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fault(f"--night '{text}'", "not a date", "a date like 2025-03-01", "Write year, month and day.") from None


def recompute(city: LoadedCity, engine: Engine, night: date, series: str | None) -> tuple[list[str], bool]:
    """What `penstock forecast recompute` says, and whether every forecast asked for came out the same.

    Raises `PenstockError` when nothing of that night is stored, or it was stored before machines were.
    """
    stored = {row.series_id: row for row in results.rows(engine, t.forecast, t.forecast.c.night == night)}
    wanted = [name for name in stored if series in (None, name)]
    if not wanted:
        known = ", ".join(sorted(stored)[:8]) or "none: no forecast of that night is stored"
        raise fault(f"forecast of {series or 'any series'} in the night of {night}", "not stored", known, "Check date and name.")
    old = [name for name in wanted if stored[name].model_id is None]
    if old:
        raise fault(f"forecast of {old[0]}", "no machine is named with it", "a night since machines are stored", "Choose a later night.")
    first = stored[wanted[0]]
    moment = Moment(city, engine, first.made_at_utc, first.known_at_utc)
    within = {name for parent, parts in city.sums.constraints.items() for name in (parent, *parts)}
    asked = list(stored) if within & set(wanted) else wanted  # what adds up was moved together, so it is made again together
    shares = spread(share, list(_chunks(moment, stored, set(asked))), city, engine)
    together = added_up(moment, shares)[0] if within & set(wanted) else None
    made = {row["series_id"]: row for row in rows_of(moment, shares, together)}
    told = [line for name in wanted if (line := _difference(stored[name], made.get(name), moment)) is not None]
    lost = [str(problem) for one in shares for problem in one.problems]
    same = len(wanted) - len(told)
    return [*lost, *told, f"night of {night}: {same} of {len(wanted)} forecasts are the same to the last bit"], not told


def _chunks(moment: Moment, stored: Mapping[str, Any], asked: Set[str]) -> Iterator[Chunk]:
    """The whole chunks that hold an asked series, with the machines that answered them then: bands may borrow from who is asked beside."""
    place, models = place_of(moment.city.environment), {row.model_id: row for row in store.models(moment.engine)}
    for group, ids in groups(moment.city).items():
        mine = [stored[name] for name in ids if name in stored]
        held = {models[row.model_id].group_key.removeprefix(group.key("")): row.model_id for row in mine if row.model_id in models}
        steps = len(unpack_float(mine[0].quantiles)) // 3 if mine else 0
        for cut in shared_out(group, ids, stored.keys()):
            if asked.isdisjoint(cut):
                continue
            yield Chunk(place, group, cut, moment.made_at_utc, moment.known_at_utc, steps, tuple(sorted(held.items())), _refused(held))


def _refused(held: dict[str, str]) -> tuple[str, ...]:
    """Series of a rung without a machine were answered by another."""
    return tuple(rung for rung in ladder.RUNGS if rung not in held and INSTEAD in held)


def _difference(then: Any, now: dict[str, Any] | None, moment: Moment) -> str | None:
    """What differs, and the likely reason; None where nothing does."""
    if now is not None and now["quantiles"] == then.quantiles and now["model_id"] == then.model_id:
        return None
    if now is None:
        return f"{then.series_id}: it is not forecast any more; likely it is no longer in city.toml, or its machine is not stored"
    return f"{then.series_id}: {_where(then, now)}; likely because {_likely(then, now, moment)}"


def _where(then: Any, now: dict[str, Any]) -> str:
    a, b = (unpack_float(packed).reshape(3, -1) for packed in (then.quantiles, now["quantiles"]))
    if a.shape != b.shape:
        return f"{a.shape[1]} steps then, {b.shape[1]} now"
    differs = np.argwhere(a.T != b.T)
    if not len(differs):
        return "the same numbers from another machine"
    step, level = (int(v) for v in differs[0])
    at = then.start_utc + step * timedelta(seconds=then.step_s)
    name = ("P10", "P50", "P90")[level]
    return f"{name} of {at:%Y-%m-%d %H:%M} UTC was {a[level, step]:.9g} and is {b[level, step]:.9g}, the first of {len(differs)}"


def _likely(then: Any, now: dict[str, Any], moment: Moment) -> str:
    """Compares what can be: the input by its hash, then code, versions and settings by the machine's provenance."""
    if now["input_hash"] != then.input_hash:
        return "history, weather or events known then differ from what the machine was given: something was imported with an earlier time"
    (row,) = [row for row in store.models(moment.engine) if row.model_id == then.model_id] or [None]
    told = row.provenance if row is not None else {}
    current = {"code": provenance.code(), "versions": provenance.versions(), "settings": provenance.settings_of(moment.city)}
    for name, value in current.items():
        if told.get(name) != value:
            changed = _changed(told.get(name), value)
            return f"{name} differ from those the machine was trained with{changed}"
    return "an event, or what its series adds up with, was told otherwise since then"


def _changed(old: Any, new: Any) -> str:
    if not isinstance(old, dict):
        return ""
    return ": " + ", ".join(f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value)
