"""Forecasts between two nights: the live machines asked at any time of day, with what was read today, without any training."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from city.clock import civil_day, floor, local_date
from city.frames import Block
from city.problems import PenstockError, Problem, fault
from service.crash import keep
from service.forecasts import history, training
from service.forecasts.predicting import SERIES_PER_CHUNK, Chunk, Share, asked, reach_days
from service.forecasts.series import Group, groups, place_of, window_start
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
    for group, ids in groups(city).items():
        measured = [name for name in ids if name in city.points]
        held, refused = tuple(sorted(training.live(models, group).items())), training.refused(models, group)
        made_at = floor(now_utc, group.step)
        for at in range(0, len(measured), SERIES_PER_CHUNK):
            some = tuple(measured[at : at + SERIES_PER_CHUNK])
            chunk = Chunk(place_of(city.environment), group, some, made_at, now_utc, hours * 3600 // group.step_s, held, refused)
            share = _asked(city, engine, chunk)
            problems += share.problems
            count += len(share.ids)
            rows = [{**row, "quantiles": pack_float(q.T)} for row, q in zip(share.rows(), share.quantiles, strict=True)]
            with writing(engine) as connection:
                store.store_now(connection, made_at, rows, now_utc - timedelta(days=KEPT_DAYS))
    return f"{count} series for {hours} h from {floor(now_utc, timedelta(minutes=5)):%Y-%m-%d %H:%M} UTC, by the live machines", problems


def _asked(city: LoadedCity, engine: Engine, chunk: Chunk) -> Share:
    """A share that costs only its own series when it fails."""
    try:
        start = window_start(city, chunk.made_at_utc, reach_days(city.settings.forecast))
        so_far = today(city, engine, chunk.group, chunk.ids, chunk.made_at_utc)
        known = history.read(city, engine, chunk.group, chunk.ids, start, chunk.made_at_utc, chunk.known_at_utc, chunk.steps, so_far)
        return asked(chunk, known)
    except PenstockError as error:
        return Share(chunk, problems=tuple(error.problems))
    except Exception as error:
        told = keep(error, city.environment)
        return Share(chunk, problems=(Problem(f"forecasts of {chunk.group}", told, "answers", "Report this."),))


def today(city: LoadedCity, engine: Engine, group: Group, ids: tuple[str, ...], made_at_utc: datetime) -> Block:
    """What was measured since midnight, up to a time: from readings, judged as at night."""
    zone = city.settings.city.time_zone
    begin, end = civil_day(local_date(made_at_utc, zone), zone)
    points = [city.points[name] for name in ids]
    steps = int((made_at_utc - begin) / group.step)
    if not steps:
        nothing = np.zeros((len(ids), 0))
        return Block(ids, begin, group.step, group.quantity, nothing.astype(np.int64), nothing.astype(np.uint16))
    read = check(engine, city, points, begin, end).read
    return replace(read, values=read.values[:, :steps], quality=read.quality[:, :steps])
