"""Readings of the last days become one checked vector per point and civil day, with a second version where something was estimated.

A day that heard more after it was validated - a station's line was down, a file came late - is validated again; so is one that
ended in a gap over which the register is known by now. Both get a further version; what a person edited stays.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
from sqlalchemy import Connection

from city import quality as q
from city.clock import civil_day, local_date
from city.places import Point
from city.problems import Problem
from service.night import Night, Output
from service.night.zones import missed
from service.reopening import Again, changed, checked_late, closed_gaps, late_days
from service.retention.removing import gone_before
from service.roads import live_points
from service.store import heard, meter_days, readings
from service.store.meter_days import Day
from service.store.runs import StepResult
from service.validation import Checked, check

ESTIMATES = {"estimated_linear": q.Flag.ESTIMATED_LINEAR, "estimated_like_day": q.Flag.ESTIMATED_LIKE_DAY}


def compute(night: Night) -> Output:
    """Vectors for every complete civil day that has hot readings and no vectors yet, and versions of days that know more by now."""
    days = _days(night)
    counts, late = late_days(night, days)
    again = list(checked_late(night, _groups(night), late))
    made = []
    for points in _groups(night) if days else ():
        checked, closed = closed_gaps(night, check(night.engine, night.city, points, days[0][0], days[-1][1]), days)
        made.append(checked)
        again += [closed] if closed is not None else []
    caught = list(_caught_up(night))
    if not days and not late and not caught:
        return Output(StepResult("no new day of readings"))

    def write(connection: Connection) -> None:
        for checked in made:
            meter_days.store(connection, checked.read, days, night.key_of, "night", night.now_utc, checked.made)
        for checked, former, differs in caught:
            meter_days.store(connection, checked.read, former, night.key_of, "night", night.now_utc, checked.made)
            if differs is not None:  # a day that was validated before, and heard more while its zone was left out
                meter_days.revise(connection, differs.made, former, night.key_of, "night", night.now_utc, "late readings")
        for one in again:
            meter_days.revise(connection, one.checked.made, one.days, night.key_of, "night", night.now_utc, one.reason)
        heard.note(connection, counts)

    problems = [problem for checked in made for problem in _bad_points(checked)]
    sentence, counted = _told(made, days, again)
    if caught:
        sentence += f"; {len({day for _, former, _ in caught for day, _ in former})} days of zones that had been left out"
    since = min((start for start, _ in (*days, *late)), default=None)
    return Output(StepResult(sentence, counted, problems), write, since_utc=since)


def _caught_up(night: Night) -> Iterator[tuple[Checked, list[Day], Checked | None]]:
    """Validated days of zones that a former night had to leave out, up to the last one that the others have; and what differs there."""
    zone, last = night.city.settings.city.time_zone, meter_days.last(night.engine, "night")
    if last is None:
        return
    for name, since in missed(night).items():
        first = local_date(since, zone)
        former = [civil_day(first + timedelta(days=n), zone) for n in range((local_date(last, zone) - first).days + 1)]
        gone = gone_before(night.engine)  # a day whose readings [retention] took away cannot be made of them
        former = [day for day in former if day[1] > day[0] and (gone is None or day[0] >= gone)]
        for points in _groups(night) if former else ():
            own = [point for point in points if night.city.meter[point.meter].zone == name]
            if own:
                checked = check(night.engine, night.city, own, former[0][0], former[-1][1])
                yield checked, former, changed(night, checked, former)


def _told(made: Sequence[Checked], days: Sequence[Day], again: Sequence[Again]) -> tuple[str, dict[str, int]]:
    """The step's sentence and its counts: usable as read, each cause, each kind of estimate, days validated again."""
    counts: Counter[str] = Counter()
    for checked in made:
        causes, number = np.unique(checked.read.quality >> 8, return_counts=True)
        counts.update({q.Cause(int(cause)).name.lower(): int(n) for cause, n in zip(causes, number, strict=True)})
        counts["usable"] += int(checked.read.usable().sum())
        new = checked.made.usable() & ~checked.read.usable()
        counts.update({name: int((new & ((checked.made.quality & int(flag)) != 0)).sum()) for name, flag in ESTIMATES.items()})
    total = sum(checked.read.quality.size for checked in made)
    told = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.most_common() if n and name not in ("none", "usable"))
    reopened = {start for one in again for start, _ in one.days}
    sentence = f"{total:,} intervals of {len(days)} day{'s' * (len(days) != 1)}"
    if total:
        sentence += f", {100 * counts['usable'] / total:.1f} % usable; {told or 'no flags'}"
    if reopened:
        sentence += f"; {len(reopened)} earlier day{'s' * (len(reopened) > 1)} validated again"
    return sentence, {**counts, "reopened_days": len(reopened)}


def _days(night: Night) -> list[Day]:
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
    return [day for day in found if day[1] > day[0]]  # Samoa's 30 December 2011 has no quarters


def _groups(night: Night) -> list[list[Point]]:
    """Points whose readings come in by poll, by quantity and step."""
    live = live_points(night.city)
    found: dict[tuple[str, int], list[Point]] = {}
    for point in night.city.points.values():
        if point.id in live:
            found.setdefault((point.quantity, point.step_s), []).append(point)
    return [points for _, points in sorted(found.items())]


def _bad_points(checked: Checked) -> list[Problem]:
    """A sentence for each point with less than nine tenths of its values usable as read."""
    block = checked.read
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
    q.Cause.REVERSE_FLOW: "Water ran backwards through the meter: check the non-return valve and how the meter is mounted.",
    q.Cause.TIME_TOLERANCE: "It was read too far from its slot: check the station's clock and the link's load.",
    q.Cause.SPIKE: "Its readings leap: check the wiring and the register map.",
    q.Cause.WRONG_METER: "Another device answers there: check its serial number in city.toml.",
}
