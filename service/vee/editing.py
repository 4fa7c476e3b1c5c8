"""Editing: what a person says about validated values. Every edit is a further version of its days; none is ever changed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, local_date
from city.frames import Block
from city.places import Point
from city.problems import fault
from city.quality import Flag
from meters.vee.estimation import estimate
from meters.vee.norms import DAYS
from service.settings import LoadedCity
from service.store import ledger, meter_days, operations, readings, writing
from service.store.meter_days import Day

ACCEPT, ESTIMATE = "accept", "estimate"
_SAID = {ACCEPT: "accepted as read", ESTIMATE: "estimated"}


def edit(
    engine: Engine, city: LoadedCity, point_id: str, start: datetime, end: datetime, what: str | float, who: str, reason: str, now: datetime
) -> str:
    """Edit the intervals of a point in [start, end) and return the sentence that stands in the audit.

    `what`: a value [unit per interval] replaces them (EDITED); `estimate` replaces them by a line or like days (EDITED and
    ESTIMATED); `accept` keeps what was read and makes what was doubted or warned of VALID and EDITED. Raises `PenstockError` for an
    unknown point, times off its grid, days that are not validated yet, a negative usage, and where there is nothing to accept or
    nothing to estimate from.
    """
    point = _point(city, point_id)
    days = _days(city, point, start, end)
    block = meter_days.block(engine, [point], days[0][0], days[-1][1])
    if not reason.strip():
        raise fault("--reason", "missing", "why the values are edited", "Say it; it stays with the version.")
    if not block.quality.any():
        raise fault(f"edit of {point_id}", f"no values from {days[0][0]:%Y-%m-%d %H:%MZ} on", "validated days", "Wait for the night.")
    some = (block.times >= start) & (block.times < end)
    if what == ACCEPT:
        made = _accepted(block, meter_days.block(engine, [point], days[0][0], days[-1][1], as_read=True), some)
    elif what == ESTIMATE:
        made = _estimated(engine, city, point, block, some)
    else:
        made = _valued(block, some, float(what))
    told = f"{what:g} {point.stored.unit} each" if isinstance(what, float) else _SAID[what]
    sentence = f"{who}: {point_id}, {int(some.sum())} intervals from {start:%Y-%m-%dT%H:%MZ}: {told}; {reason}"
    with writing(engine) as connection:
        keys = readings.keys_of(connection, [point_id])
        versions = meter_days.revise(connection, made, days, keys, who, now, f"edit: {told}; {reason}")
        operations.record(connection, now, who, "edit", point_id, sentence)
    newest = ", ".join(f"{local_date(day, city.settings.city.time_zone)} version {number}" for (_, day), number in versions.items())
    return f"{sentence} ({newest}){_ledger(engine, city, days)}" if newest else f"{sentence} (nothing changed)"


def one_of(choices: Mapping[str, str | float | None]) -> str | float:
    """The one option that was given. Raises `PenstockError` for none or several."""
    given = {name: value for name, value in choices.items() if value is not None}
    if len(given) != 1:
        raise fault("edit", " and ".join(given) or "nothing", f"one of {', '.join(choices)}", "Say what is to become of the values.")
    return next(iter(given.values()))


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


def _accepted(block: Block, read: Block, some: NDArray[np.bool_]) -> Block:
    """What was read becomes good, where it was doubted or warned of."""
    doubted = some & ((read.quality & int(Flag.QUESTIONABLE)) != 0)
    warned = some & q.measured(block.quality) & (block.quality >> 8 != 0)
    if not (doubted | warned).any():
        raise fault(f"edit of {block.ids[0]}", "no questionable value", "values that were doubted", "Give --value or --estimate instead.")
    values = np.where(doubted, read.values, block.values)
    cause = np.where(doubted, read.quality, block.quality) & 0xFF00
    quality = np.where(doubted | warned, cause | int(Flag.VALID | Flag.EDITED), block.quality).astype(np.uint16)
    return replace(block, values=values, quality=quality)


def _valued(block: Block, some: NDArray[np.bool_], value: float) -> Block:
    if not np.isfinite(value) or (block.quantity.is_period and value < 0):
        raise fault("--value", f"{value:g}", "a number, not below zero for usage", "Correct it.")
    stored = int(block.quantity.to_int(value))
    edited = ((block.quality & 0xFF00) | int(Flag.EDITED)).astype(np.uint16)
    return replace(block, values=np.where(some, stored, block.values), quality=np.where(some, edited, block.quality))


def _estimated(engine: Engine, city: LoadedCity, point: Point, block: Block, some: NDArray[np.bool_]) -> Block:
    if not block.quantity.is_period:
        raise fault(f"edit of {point.id}", f"{block.quantity} is not usage", "a point of usage", "Give --value or --accept.")
    zone = city.settings.city.time_zone
    oldest = civil_day(local_date(block.start_utc, zone) - timedelta(days=DAYS), zone)[0]
    history = meter_days.block(engine, [point], oldest, block.start_utc)
    civil = city.settings.calendar.grid(oldest, block.step, history.steps + block.steps)
    asked = replace(block, quality=np.where(some, q.missing_of(block.quality), block.quality))
    made = estimate(asked, history, civil)
    if not made.usable()[0, some].all():
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
