"""Days validated before that know more by now: readings came late, or a register is back after a gap that began there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from city import quality as q
from city.clock import civil_day, local_date
from city.places import Point
from service.night import Night
from service.retention.removing import gone_before
from service.store import heard, meter_days, readings
from service.store.meter_days import Day
from service.validation import Checked, check

LOOK_BACK = timedelta(days=7)  # for the last good register before a gap that ends tonight


class Again(NamedTuple):
    """Points that differ now on some earlier days, and why."""

    checked: Checked
    days: Sequence[Day]
    reason: str


def late_days(night: Night, new: Sequence[Day]) -> tuple[dict[datetime, int], list[Day]]:
    """How many values each new or changed day has by now, and those validated days that have more than when they were."""
    zone = night.city.settings.city.time_zone
    first = readings.first_slot(night.engine)
    if first is None:
        return {}, []
    known = heard.known(night.engine, civil_day(local_date(first, zone), zone)[0])
    former = [civil_day(local_date(start, zone), zone) for start in known]
    count = heard.count(night.engine, [*former, *new])
    gone = gone_before(night.engine)  # a day whose readings went by [retention] would be made of the late ones alone
    late = [day for day in former if count[day[0]] > known[day[0]] and (gone is None or day[0] >= gone)]
    return {day[0]: count[day[0]] for day in [*late, *new]}, late


def checked_late(night: Night, groups: Sequence[Sequence[Point]], late: Sequence[Day]) -> Iterator[Again]:
    """What differs on days that heard more since they were validated."""
    for span in _spans(late):
        for points in groups:
            checked = changed(night, check(night.engine, night.city, points, span[0][0], span[-1][1]), span)
            if checked is not None:
                yield Again(checked, span, "late readings")


def closed_gaps(night: Night, checked: Checked, days: Sequence[Day]) -> tuple[Checked, Again | None]:
    """Points whose register is back after a gap that began before `days` are checked again from the day of the last good one.

    Returns `checked` with estimates that share the register's total with the days before, and those days' part.
    """
    points, start = _open_ended(night, checked, days)
    if not points:
        return checked, None
    zone = night.city.settings.city.time_zone
    wider = check(night.engine, night.city, points, start, days[-1][1])
    former = []
    while start < days[0][0]:
        former.append(civil_day(local_date(start, zone), zone))
        start = former[-1][1]
    before = changed(night, Checked(*(side.window(former[0][0], former[-1][1]) for side in (wider.read, wider.made))), former)
    again = None if before is None else Again(before, former, "estimated again: the register came back")
    return _with_rows(checked, wider, days), again


def _open_ended(night: Night, checked: Checked, days: Sequence[Day]) -> tuple[list[Point], datetime]:
    """Points whose first interval is missing, like the last one of the day before, and the day of the last good one."""
    known = checked.read.usable()
    points = [night.city.points[name] for name, some in zip(checked.read.ids, ~known[:, 0] & known.any(axis=1), strict=True) if some]
    midnight, first = days[0][0], readings.first_slot(night.engine)
    if not points or first is None or not points[0].quantity.is_register:
        return [], midnight
    zone = night.city.settings.city.time_zone
    oldest = civil_day(local_date(max(midnight - LOOK_BACK, first), zone), zone)[0]
    if oldest >= midnight:
        return [], midnight
    past = meter_days.block(night.engine, points, oldest, midnight)
    measured = q.measured(past.quality)
    some = ~measured[:, -1] & measured.any(axis=1)
    if not some.any():
        return [], midnight
    last = int(np.where(measured[some], np.arange(past.steps), -1).max(axis=1).min())
    start = civil_day(local_date(past.start_utc + last * past.step, zone), zone)[0]
    return [point for point, one in zip(points, some, strict=True) if one], start


def _with_rows(checked: Checked, wider: Checked, days: Sequence[Day]) -> Checked:
    row_of = {name: i for i, name in enumerate(checked.made.ids)}
    rows = [row_of[name] for name in wider.made.ids]
    part = wider.made.window(days[0][0], days[-1][1])
    values, quality = checked.made.values.copy(), checked.made.quality.copy()
    values[rows], quality[rows] = part.values, part.quality
    return Checked(checked.read, replace(checked.made, values=values, quality=quality))


def changed(night: Night, checked: Checked, days: Sequence[Day]) -> Checked | None:
    """Those points whose days are not what is stored, with what a person edited kept; None when there is none."""
    points = [night.city.points[name] for name in checked.made.ids]
    stored = meter_days.block(night.engine, points, days[0][0], days[-1][1])
    edited = (stored.quality & int(q.Flag.EDITED)) != 0
    values, quality = np.where(edited, stored.values, checked.made.values), np.where(edited, stored.quality, checked.made.quality)
    some = ((values != stored.values) | (quality != stored.quality)).any(axis=1)
    kept = Checked(checked.read, replace(checked.made, values=values, quality=quality.astype(np.uint16)))
    return kept.select([p.id for p, one in zip(points, some, strict=True) if one]) if some.any() else None


def _spans(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Days in runs without a day between them."""
    span: list[Day] = []
    for day in days:
        if span and span[-1][1] != day[0]:
            yield span
            span = []
        span.append(day)
    if span:
        yield span
