"""A meter that device health calls urgent for days in a row is a case; once it has a good day the work is done.

What a device says of its own battery and clock counts at once: neither comes back by itself.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from city.quality import Cause
from service import health
from service.access.districts import districts_of
from service.cases.kinds import Found, Move
from service.cases.states import ENDED
from service.cases.store import Case
from service.settings import LoadedCity

DAY = timedelta(days=1)


def changes(engine: Engine, city: LoadedCity, now_utc: datetime, cases: Sequence[Case]) -> Iterator[Found | Move]:
    """The worst meters that were urgent on each of the last days and have no case of these days; and those of a case that are well."""
    settings = city.settings.cases
    last = health.devices(engine, city, now_utc, 1)
    bad, days = {one.meter.id for one in last if one.urgency > 0}, settings.bad_meter_days
    well = {one.meter.id for one in last if one.urgency == 0 and one.rate is not None}
    for case in cases:
        of_health = bool(case.facts) and case.found_utc < now_utc  # what people found, or a later night, this day says nothing of
        if of_health and case.subject in well and case.state not in ENDED:
            yield Move(case.source_id, "done", now_utc, "it has been well for a day")
    for ago in range(1, days):
        bad &= {one.meter.id for one in health.devices(engine, city, now_utc - ago * DAY, 1) if one.urgency > 0}
    began = now_utc - days * DAY
    bad -= {case.subject for case in cases if case.state not in ENDED or case.since_utc > began}
    for one in [one for one in last if one.meter.id in bad][: settings.bad_meters_a_night]:
        where = sorted(districts_of(city, one.meter.id))
        district = where[0] if len(where) == 1 else ""
        priority = 2 if one.importance > 1 else 3
        yield Found(f"{one.meter.id} {now_utc:%Y-%m-%d}", one.meter.id, district, priority, now_utc, one.reason, _facts(one, days))


def _facts(one: health.Health, days: int) -> dict[str, Any]:
    """What is wrong, for words in either language: share answered, the worst cause, battery [%], clock [s], share flat."""
    wrong = [(number, cause) for cause, number in one.causes.items() if cause not in (Cause.OVERRUN,)]
    return {
        "days": days,
        "rate": one.rate,
        "cause": max(wrong)[1].name.lower() if wrong else "",
        "battery_pct": one.battery_pct if one.battery_pct is not None and one.battery_pct <= health.LOW_BATTERY_PCT else None,
        "clock_s": one.clock_s if one.clock_s is not None and abs(one.clock_s) > one.meter.step_s / 10 else None,
        "flat": one.flat,
    }
