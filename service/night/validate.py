"""Readings of the last days become one checked vector per point and civil day: flags are set, nothing is filled or changed."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from city import quality as q
from city.clock import civil_day, local_date
from city.frames import Block
from city.places import Point
from city.problems import Problem
from meters.periods import Histories, as_primary
from meters.quality import Limits, validate
from meters.usage import differences
from service.metering import histories
from service.night import Night, Output
from service.store import meter_days, readings
from service.store.runs import StepResult

Totals = dict[tuple[str, datetime], int]


def compute(night: Night) -> Output:
    """Vectors for every complete civil day that has hot readings and no vectors yet."""
    days = _days(night)
    if not days:
        return Output(StepResult("no new day of readings"))
    made = [_group(night, points, days) for points in _groups(night)]

    def write(connection: Connection) -> None:
        for block, totals in made:
            meter_days.store(connection, block, days, night.key_of, "night", totals)
        # Only what lies in vectors by now may go: days up to the last one made here.
        readings.drop_hot(connection, min(night.today - timedelta(days=night.city.settings.night.hot_days), days[-1][1]))

    counts: Counter[str] = Counter()
    problems: list[Problem] = []
    for block, _ in made:
        causes, number = np.unique(block.quality >> 8, return_counts=True)
        counts.update({q.Cause(int(cause)).name.lower(): int(n) for cause, n in zip(causes, number, strict=True)})
        counts["usable"] += int(block.usable().sum())
        problems += _bad_points(block)
    total = sum(block.quality.size for block, _ in made)
    told = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.most_common() if name not in ("none", "usable"))
    usable = 100 * counts["usable"] / total
    sentence = f"{total:,} intervals of {len(days)} day{'s' * (len(days) > 1)}, {usable:.1f} % usable; {told or 'no flags'}"
    return Output(StepResult(sentence, dict(counts), problems), write)


def _days(night: Night) -> list[tuple[datetime, datetime]]:
    """Civil days after the last validated one and before tonight, up to the last one that was heard of.

    A day nobody polled in between gets a vector of gaps; days after the newest reading wait, because their readings may come.
    """
    zone = night.city.settings.city.time_zone
    last = meter_days.last(night.engine, "night")
    first, newest = readings.first_slot(night.engine), readings.last_slot(night.engine)
    if first is None or newest is None:
        return []
    day = local_date(last, zone) + timedelta(days=1) if last else local_date(first, zone)
    found = []
    while day < night.date and day <= local_date(newest, zone):
        found.append(civil_day(day, zone))
        day += timedelta(days=1)
    return found


def _groups(night: Night) -> list[list[Point]]:
    """Points read over a link, by quantity and step."""
    found: dict[tuple[str, int], list[Point]] = {}
    for point in night.city.points.values():
        if night.city.meter[point.meter].link is not None:
            found.setdefault((point.quantity, point.step_s), []).append(point)
    return [points for _, points in sorted(found.items())]


def _group(night: Night, points: Sequence[Point], days: Sequence[tuple[datetime, datetime]]) -> tuple[Block, Totals]:
    start, end = days[0][0], days[-1][1]
    step = timedelta(seconds=points[0].step_s)
    # One slot more than the days have: the register at the end of the last interval.
    frame = readings.hot(night.engine, [p.id for p in points], start, end + step)
    ids = tuple(p.id for p in points)
    if not points[0].quantity.is_register:
        return as_block(frame, points, start, end, step, night.city.validation_limits, histories(night.city, points)), {}
    if frame.empty:
        return _nothing(points, start, end, step), {}
    moduli = {p.id: modulus for p in points if (modulus := night.city.modulus(p)) is not None}
    usage = differences(frame, step, moduli, start, end, histories(night.city, points))
    block = usage.block
    absent = [name for name in ids if name not in block.ids]
    if absent:
        block = _stacked(block, _nothing([p for p in points if p.id in absent], start, end, step))
    limits = {limit.point: limit for limit in night.city.validation_limits}
    return validate(block.select(ids), limits), _totals(block, usage.gaps, days)


def as_block(
    frame: pd.DataFrame,
    points: Sequence[Point],
    start: datetime,
    end: datetime,
    step: timedelta,
    limits: Sequence[Limits],
    known: Histories | None = None,
) -> Block:
    """Hot readings of instant points as a validated int64 Block over [start, end); readings off the grid are left out."""
    block = _nothing(points, start, end, step)
    values, quality = block.values.copy(), block.quality.copy()
    row_of = {p.id: i for i, p in enumerate(points)}
    seconds = (frame["time_utc"] - pd.Timestamp(start)).dt.total_seconds().to_numpy()
    column, on_grid = (seconds // step.total_seconds()).astype(int), seconds % step.total_seconds() == 0
    inside = on_grid & (column >= 0) & (column < block.steps)
    row = frame["point_id"].map(row_of).to_numpy()[inside]
    values[row, column[inside]] = block.quantity.to_int(frame["value"].to_numpy(dtype=float)[inside])
    quality[row, column[inside]] = frame["quality"].to_numpy()[inside]
    made = Block(block.ids, start, step, block.quantity, values, quality)
    return validate(as_primary(made, known or {}), {limit.point: limit for limit in limits})


def _nothing(points: Sequence[Point], start: datetime, end: datetime, step: timedelta) -> Block:
    shape = (len(points), int((end - start) / step))
    absent = np.full(shape, q.missing(q.Cause.GAP), dtype=np.uint16)
    return Block(tuple(p.id for p in points), start, step, points[0].stored, np.zeros(shape, dtype=np.int64), absent)


def _stacked(a: Block, b: Block) -> Block:
    return Block(a.ids + b.ids, a.start_utc, a.step, a.quantity, np.vstack([a.values, b.values]), np.vstack([a.quality, b.quality]))


def _totals(block: Block, gaps: pd.DataFrame, days: Sequence[tuple[datetime, datetime]]) -> Totals:
    """Exact usage of days with gaps that begin and end within the day: what was measured plus the gaps' register totals."""
    found: Totals = {}
    row_of = {name: i for i, name in enumerate(block.ids)}
    for start, end in days:
        inside = gaps[(gaps["period_start_utc"] >= start) & (gaps["period_end_utc"] <= end)]
        day = block.window(start, end)
        for name, part in inside.groupby("point_id", observed=True):
            usable = day.usable()[row_of[str(name)]]
            covered = int((part["period_end_utc"] - part["period_start_utc"]).sum() / block.step)
            if covered == int((~usable).sum()):
                measured = int(day.values[row_of[str(name)]][usable].sum())
                found[str(name), start] = measured + int(part["amount"].sum())
    return found


def _bad_points(block: Block) -> list[Problem]:
    """A sentence for each point with less than nine tenths of its values usable."""
    share = block.usable().mean(axis=1)
    problems = []
    for i in np.flatnonzero(share < 0.9):
        causes, number = np.unique(block.quality[i] >> 8, return_counts=True)
        worst = q.Cause(int(causes[causes > 0][np.argmax(number[causes > 0])])) if (causes > 0).any() else q.Cause.GAP
        observed = f"{100 * share[i]:.0f} % of its values are usable; most often {worst.name.lower().replace('_', ' ')}"
        problems.append(Problem(block.ids[i], observed, "90 % or more", _REMEDY.get(worst, "Have the meter looked at.")))
    return problems


_REMEDY = {
    q.Cause.TIMEOUT: "Check power and cable of the unit.",
    q.Cause.UNIT_BACKOFF: "The unit does not answer: check its power and cable.",
    q.Cause.NO_CONNECTION: "Check the link's gateway.",
    q.Cause.FLAT: "The value is stuck: check the sensor.",
    q.Cause.LIMIT: "Outside its limits: check the register map (word order, scale) and [[limits]].",
    q.Cause.OUT_OF_MAP: "Outside the map's range: check the register map (word order, scale).",
    q.Cause.RESET: "The register ran backwards: check the register map (word order) or enter the meter exchange.",
}
