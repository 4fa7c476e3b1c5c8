"""Editing: what a person says about validated values. Every edit is a further version of its days; none is ever changed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, local_date
from city.frames import Block
from city.places import Point
from city.problems import fault
from city.quality import Flag
from meters.vee.estimation import estimate
from meters.vee.norms import DAYS
from service.access.districts import districts_of
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import ledger, meter_days, operations, readings, writing
from service.store.meter_days import Day
from service.turn import turn
from service.vee.changes import Copy, Line, Some, accepted, copied, on_line, refused, valued
from service.vee.stretches import digest

ACCEPT, ESTIMATE, REFUSE = "accept", "estimate", "refuse"
_SAID = {ACCEPT: "accepted as read", ESTIMATE: "estimated", REFUSE: "refused"}
What = str | float | Line | Copy


def edit(
    engine: Engine,
    city: LoadedCity,
    person: Person,
    point_id: str,
    start: datetime,
    end: datetime,
    what: What,
    reason: str,
    now: datetime,
    seen: str = "",
) -> str:
    """Edit the intervals of a point in [start, end) and return the sentence that stands in the audit.

    `what`: a value [unit per interval] replaces them (EDITED), so does a `Line` (and ESTIMATED_LINEAR) or a `Copy` of another day (and
    ESTIMATED_LIKE_DAY); `estimate` replaces them by a line or like days; `accept` keeps what was read and makes what was doubted or
    warned of VALID and EDITED; `refuse` keeps the values and lets nobody use them (QUESTIONABLE and EDITED). `seen` is the digest
    (`stretches.digest`) of the intervals as the person saw them; empty for a person who did not look.

    Raises `PenstockError` without the role, the district or a reason, for an unknown point, times off its grid, days that are not
    validated yet, values that are not as they were seen, a negative usage, and where there is nothing to accept, to refuse or to
    estimate from.
    """
    require(engine, person, "readings", point_id, now, districts_of(city, point_id) if person.districts else None)
    with turn(engine, city.folder, "edit", f"edit of {point_id}") as store:  # a night that reopens the same day must know the edit
        return _edit(store, city, person.name, _point(city, point_id), start, end, what, reason.strip(), now, seen)


def _edit(
    engine: Engine,
    city: LoadedCity,
    who: str,
    point: Point,
    start: datetime,
    end: datetime,
    what: What,
    reason: str,
    now: datetime,
    seen: str,
) -> str:
    point_id, days = point.id, _days(city, point, start, end)
    block = meter_days.block(engine, [point], days[0][0], days[-1][1])
    if not reason:
        raise fault("--reason", "missing", "why the values are edited", "Say it; it stays with the version.")
    for day in days:  # a version made before the night's would stand for what was read
        if not block.window(*day).quality.any():
            raise fault(f"edit of {point_id}", f"no values from {day[0]:%Y-%m-%d %H:%MZ} on", "validated days", "Wait for the night.")
    some = ((block.times >= start) & (block.times < end))[np.newaxis]
    if seen and digest(block.values[some], block.quality[some]) != seen:
        raise fault(f"edit of {point_id}", "a later version changed these values", "as they were seen", "Look at them again.")
    made, told = _made(engine, city, point, block, some, what), said(what, point.stored.unit)
    sentence = f"{who}: {point_id}, {int(some.sum())} intervals from {start:%Y-%m-%dT%H:%MZ}: {told}; {reason}"
    with writing(engine) as connection:
        keys = readings.keys_of(connection, [point_id])
        versions = meter_days.revise(connection, made, days, keys, who, now, f"edit: {told}; {reason}")
        operations.record(connection, now, who, "edit", point_id, sentence)
    newest = ", ".join(f"{local_date(day, city.settings.city.time_zone)} version {number}" for (_, day), number in versions.items())
    return f"{sentence} ({newest}){_ledger(engine, city, days)}" if newest else f"{sentence} (nothing changed)"


def said(what: What, unit: str) -> str:
    """What becomes of the values, in words."""
    if isinstance(what, Line):
        return f"a line from {what.first:g} to {what.last:g} {unit}"
    if isinstance(what, Copy):
        return f"as on {what.day}"
    return f"{what:g} {unit} each" if isinstance(what, float) else _SAID[what]


def _made(engine: Engine, city: LoadedCity, point: Point, block: Block, some: Some, what: What) -> Block:
    zone = city.settings.city.time_zone
    if isinstance(what, Line):
        return on_line(block, some, what)
    if isinstance(what, Copy):
        return copied(block, some, meter_days.block(engine, [point], *civil_day(what.day, zone)), zone)
    if what == ACCEPT:
        end = block.start_utc + block.steps * block.step
        return accepted(block, meter_days.block(engine, [point], block.start_utc, end, as_read=True), some)
    if what == ESTIMATE:
        return _estimated(engine, city, point, block, some)
    return refused(block, some) if what == REFUSE else valued(block, some, float(what))


def chosen(options: Mapping[str, Any]) -> What:
    """What the one option of the command line says that was given. Raises `PenstockError` for none or several, and for what is no date."""
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    if len(given) != 1:
        raise fault("edit", " and ".join(given) or "nothing", f"one of {', '.join(options)}", "Say what is to become of the values.")
    (name, value), *_ = given.items()
    if name == "--line":
        return Line(*value)
    if name == "--copy":
        try:
            return Copy(date.fromisoformat(value))
        except ValueError:
            raise fault(f"--copy {value}", "no date", "YYYY-MM-DD", "Correct it.") from None
    return float(value) if name == "--value" else name.removeprefix("--")


def _point(city: LoadedCity, point_id: str) -> Point:
    if point_id not in city.points:
        raise fault(f"point '{point_id}'", "unknown", "<meter>.<register> of city.toml", "Check the spelling.")
    return city.points[point_id]


def _days(city: LoadedCity, point: Point, start: datetime, end: datetime) -> list[Day]:
    """The civil days that [start, end) touches."""
    zone, step = city.settings.city.time_zone, timedelta(seconds=point.step_s)
    found = [civil_day(local_date(start, zone), zone)]
    if end <= start or (start - found[0][0]) % step or (end - start) % step:
        allowed = f"from before to, both on a step of {point.step_s} s"
        raise fault(f"edit of {point.id}", f"{start:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ}", allowed, "Correct the times.")
    while found[-1][1] < end:
        found.append(civil_day(local_date(found[-1][1], zone), zone))
    return found


def _estimated(engine: Engine, city: LoadedCity, point: Point, block: Block, some: Some) -> Block:
    if not block.quantity.is_period:
        raise fault(f"edit of {point.id}", f"{block.quantity} is not usage", "a point of usage", "Give --value or --accept.")
    zone = city.settings.city.time_zone
    oldest = civil_day(local_date(block.start_utc, zone) - timedelta(days=DAYS), zone)[0]
    history = meter_days.block(engine, [point], oldest, block.start_utc)
    civil = city.settings.calendar.grid(oldest, block.step, history.steps + block.steps)
    asked = replace(block, quality=np.where(some, q.missing_of(block.quality), block.quality))
    made = estimate(asked, history, civil)
    if not made.usable()[some].all():
        raise fault(f"edit of {point.id}", "neither neighbours nor days alike", "something to estimate from", "Give --value.")
    edited = (made.quality | np.uint16(Flag.EDITED)).astype(np.uint16)
    # Only what was asked for: another gap of these days stays as it is.
    return replace(block, values=np.where(some, made.values, block.values), quality=np.where(some, edited, block.quality))


def _ledger(engine: Engine, city: LoadedCity, days: list[Day]) -> str:
    last = ledger.posted_until(engine)
    posted = last is not None and local_date(days[0][0], city.settings.city.time_zone) <= last
    return ". The ledger has posted that day already; the next night restates it" if posted else ""


def told(engine: Engine, city: LoadedCity, point_id: str, start: datetime, end: datetime) -> Iterator[str]:
    """One sentence per version of the point's days that [start, end) touches, oldest first."""
    point, zone = _point(city, point_id), city.settings.city.time_zone
    first = civil_day(local_date(start, zone), zone)[0]
    for row in meter_days.versions(engine, [point], first, end):
        known = f"known since {row.known_at_utc:%Y-%m-%dT%H:%MZ}"
        yield f"{local_date(row.day_start_utc, zone)}  version {row.version}  {known}  {row.who}: {row.reason}"
