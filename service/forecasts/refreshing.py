"""Forecasts between two nights: the live machines' answer of midnight, corrected by what was read today, without any machines."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import floor
from city.problems import PenstockError, Problem, fault
from service.crash import keep
from service.forecasts import history, machines
from service.forecasts.predicting import asked, reach_days
from service.forecasts.series import groups, place_of, window_start
from service.forecasts.shares import Chunk, Share, shared_out
from service.settings import LoadedCity
from service.store import forecasting as store
from service.store import writing
from service.store.vectors import pack_float
from service.validation import check

KEPT_DAYS = 8
"""Answers between nights are for decisions ahead, not for the record [d]."""
MOST_HOURS = 168


def refresh(city: LoadedCity, engine: Engine, now_utc: datetime, hours: int) -> tuple[str, list[Problem]]:
    """Ask every measured series and store the answers under the time of their first step.

    Returns the sentence and what went wrong. Raises `PenstockError` when no machine is there yet. Sums are not asked: they follow
    from their parts.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise fault("--hours", str(hours), f"1 to {MOST_HOURS}", "Ask for at most a week.")
    models = store.models(engine)
    if not any(row.state == store.LIVE for row in models):
        raise fault("forecast now", "no machine is live yet", "a night that trained them", "Run `penstock night` first.")
    problems: list[Problem] = []
    count = 0
    midnight = window_start(city, now_utc, 0)
    for group, ids in groups(city).items():
        held, refused = tuple(sorted(machines.live(models, group).items())), machines.refused(models, group)
        over = int((now_utc - midnight) / group.step)  # steps of today that are known
        for some in shared_out(group, ids, city.points.keys()):
            steps = over + hours * 3600 // group.step_s
            share = _asked(city, engine, Chunk(place_of(city.environment), group, some, midnight, now_utc, steps, held, refused), over)
            problems += [*share.problems, *_left_out(share)]
            count += len(share.ids)
            rows = [{**row, "quantiles": pack_float(q[over:].T)} for row, q in zip(share.rows(), share.quantiles, strict=True)]
            with writing(engine) as connection:
                store.store_now(connection, midnight + over * group.step, rows, now_utc - timedelta(days=KEPT_DAYS))
    return f"{count} series for {hours} h from {floor(now_utc, timedelta(minutes=5)):%Y-%m-%d %H:%M} UTC, by the live machines", problems


def _left_out(share: Share) -> Iterator[Problem]:
    """A sentence for every series that gets no answer though nothing went wrong."""
    for rung, ids in share.lacking.items():
        yield Problem(f"forecast of {', '.join(ids)}", f"no machine of the rung '{rung}' is live", "one", "The next night trains it.")
    for name, reason in share.unasked.items():
        yield Problem(f"forecast of {name}", reason, "some history", "Mend the meter.")


def _asked(city: LoadedCity, engine: Engine, chunk: Chunk, over: int) -> Share:
    """A share that costs only its own series when it fails."""
    try:
        start = window_start(city, chunk.made_at_utc, reach_days(city.settings.forecast))
        known = history.read(city, engine, chunk.group, chunk.ids, start, chunk.made_at_utc, chunk.known_at_utc, chunk.steps)
        return asked(chunk, known, _today(city, engine, known.history.ids, chunk, over))
    except PenstockError as error:
        return Share(chunk, problems=tuple(error.problems))
    except Exception as error:
        told = keep(error, city.environment)
        return Share(chunk, problems=(Problem(f"forecasts of {chunk.group}", told, "answers", "Report this."),))


def _today(city: LoadedCity, engine: Engine, ids: tuple[str, ...], chunk: Chunk, over: int) -> NDArray[np.float32] | None:
    """What was measured since midnight, float32[n, over] [unit per step]: from readings judged as at night; NaN where none is usable."""
    if not over:
        return None
    end = window_start(city, chunk.made_at_utc, -1)
    read = check(engine, city, [city.points[name] for name in ids], chunk.made_at_utc, end).read
    return read.select(ids).unit_values()[:, :over].astype(np.float32)
