"""Settling: a person looked at what validation made of a stretch and lets it stand. Values and versions stay as they are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.access.districts import districts_of
from service.auditing import decided
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import alone, operations, readings, writing
from service.store.vectors import unpack_int, unpack_quality
from service.utctime import micros
from service.vee import open_days
from service.vee.stretches import digest, stretches

_SOME = 200  # days that a statement names


class Seen(NamedTuple):
    """A stretch as a person saw it in `service.view.validation.queue`."""

    point_id: str
    day_start_utc: datetime
    version: int
    first: int
    intervals: int
    cause: str
    digest: str


def settle(engine: Engine, city: LoadedCity, person: Person, seen: Sequence[Seen], reason: str, now: datetime) -> int:
    """Let stretches stand as they are, all of them or none. Returns how many were not settled before; asking again changes nothing.

    A stretch counts as settled for as long as its values and quality stay: late readings and edits ask anew. Raises `PenstockError`
    without the role, a district or a reason, and for stretches that are no longer as they were seen.
    """
    points = sorted({one.point_id for one in seen})
    where = frozenset[str]().union(*(districts_of(city, point) for point in points)) if person.districts else None
    require(engine, person, "readings", points[0] if len(points) == 1 else f"{len(points)} points", now, where)
    if not reason.strip():
        raise fault("--reason", "missing", "why the values stand", "Say it; it stays with them.")
    with writing(engine) as connection:
        alone(connection, t.vee_open)  # a night's later version, and what it asks, comes wholly before or wholly after
        keys = readings.keys_of(connection, points)
        if unknown := [point for point in points if point not in keys]:
            raise fault(f"point '{unknown[0]}'", "unknown", "a point of the store", "Check the spelling.")
        days = {(keys[one.point_id], one.day_start_utc): one.point_id for one in seen}
        newest = _newest(connection, list(days))
        if changed := list(_changed(newest, keys, seen)):
            raise PenstockError(changed)
        made = _write(connection, keys, seen, person.name, reason.strip(), now)
        open_days.renew(connection, {day: _left(connection, day, newest[day]) for day in days})
        if made:
            signed = decided.rows([[one.point_id, micros(one.day_start_utc), one.version, one.first, one.digest] for one in seen])
            said = f"{person.name}: {_told(seen)} stand as they are; {reason.strip()}"
            subject = points[0] if len(points) == 1 else f"{len(points)} points"
            operations.record(connection, now, person.name, "settle readings", subject, said, signed)
    return made


def _told(seen: Sequence[Seen]) -> str:
    causes = Counter(one.cause.lower().replace("_", " ") for one in seen)
    names = sorted({one.point_id for one in seen})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{sum(one.intervals for one in seen)} intervals of {shown} ({', '.join(f'{cause} {n}' for cause, n in causes.most_common())})"


def _newest(connection: Connection, days: Sequence[tuple[int, datetime]]) -> dict[tuple[int, datetime], Any]:
    """The newest version of days: version, values, quality."""
    m, found = t.meter_day.c, dict[tuple[int, datetime], Any]()
    for first in range(0, len(days), _SOME):
        some = days[first : first + _SOME]
        statement = select(m.point_key, m.day_start_utc, m.version, m.amounts, m.quality).order_by(m.version)
        statement = statement.where(m.point_key.in_({key for key, _ in some}), m.day_start_utc.in_({day for _, day in some}))
        for row in connection.execute(statement):
            found[row.point_key, row.day_start_utc] = row.version, row.amounts, row.quality
    return {day: (found[day][0], unpack_int(found[day][1]), unpack_quality(found[day][2])) for day in days if day in found}


def _changed(newest: dict[tuple[int, datetime], Any], keys: dict[str, int], seen: Sequence[Seen]) -> Iterator[Problem]:
    for one in seen:
        version, values, quality = newest.get((keys[one.point_id], one.day_start_utc), (0, (), ()))
        some = slice(one.first, one.first + one.intervals)
        if not version or digest(values[some], quality[some]) != one.digest:
            subject = f"{one.point_id}, {one.intervals} intervals of {one.day_start_utc:%Y-%m-%dT%H:%MZ}"
            yield Problem(subject, f"version {version} changed them", f"as they were in version {one.version}", "Look at them again.")


def _write(connection: Connection, keys: dict[str, int], seen: Sequence[Seen], who: str, reason: str, now: datetime) -> int:
    at = readings.driver_time(connection, now)
    rows = [
        (keys[one.point_id], readings.driver_time(connection, one.day_start_utc), *one[2:5], one.digest, who, at, reason) for one in seen
    ]
    return readings.insert_rows(connection, t.vee_settled, rows, " ON CONFLICT DO NOTHING") if rows else 0


def _left(connection: Connection, day: tuple[int, datetime], newest: Any) -> int:
    """Intervals of a day that still ask for a person."""
    s = t.vee_settled.c
    chosen = select(s.first_step, s.digest).where(s.point_key == day[0], s.day_start_utc == day[1])
    known = {tuple(row) for row in connection.execute(chosen)}
    _, values, quality = newest
    parts = ((one, slice(one.first, one.first + one.steps)) for one in stretches(quality))
    return sum(one.steps for one, some in parts if (one.first, digest(values[some], quality[some])) not in known)
