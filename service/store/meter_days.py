"""One vector per point, civil day and version, for good: usage of registers, values of everything else.

A version is never changed. Version 1 is what was read, validated; estimates, late readings and edits come after it, each with
who made it, why, and since when it is known. Readers get the newest version, or the newest that was known at a time they name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, Engine, Select, func, select, type_coerce

from city.clock import as_utc
from city.frames import Block
from city.places import Point
from city.problems import fault
from city.quality import measured, missing_of, usable
from service import schema as t
from service.store import due
from service.store.readings import came_back, driver_time, insert_rows, keys_of
from service.store.silence import silent
from service.store.vectors import pack_int, pack_quality, unpack_int, unpack_quality
from service.vee import open_days
from service.vee.stretches import asked

READ = "validated as read"
Day = tuple[datetime, datetime]
_FEW = 500  # points whose ids fit into a statement


def store(
    connection: Connection,
    block: Block,
    days: Sequence[Day],
    key_of: Mapping[str, int],
    who: str,
    known_at_utc: datetime | None = None,
    estimated: Block | None = None,
) -> int:
    """Store a Block as version 1 of each point and civil day; days already stored stay as they are. Returns the days made.

    `estimated` is the same block with estimates: where it differs it becomes version 2. Without `known_at_utc` a day counts as known
    when it ended: history that is imported does not say when it was read.
    """
    block = _integers(block)
    there = _stored(connection, days) if estimated is not None else set()
    rows, more, open_ = [], [], dict[tuple[int, datetime], int]()
    for day in days:
        known = known_at_utc or day[1]
        second = {name: (values, quality) for name, values, quality in _vectors(estimated, day)} if estimated is not None else {}
        for name, values, quality in _vectors(block, day):
            key = key_of[name]
            if (key, day[0]) in there:
                continue
            rows.append(_row(connection, key, day, 1, block.step, values, quality, known, who, READ))
            open_[key, day[0]] = int(asked(second.get(name, (values, quality))[1]).sum())
            if name in second and not np.array_equal(second[name][1], quality):
                more.append(_row(connection, key, day, 2, block.step, *second[name], known, who, "estimated"))
    made = insert_rows(connection, t.meter_day, rows, " ON CONFLICT DO NOTHING") if rows else 0
    if more:
        insert_rows(connection, t.meter_day, more)
    open_days.note(connection, open_)
    for start in due.posted(connection, [start for start, _ in days]):
        at = driver_time(connection, start)
        due.note(connection, {(row[0], start): row[2] for row in (*rows, *more) if row[1] == at}, READ)
    return made


def _stored(connection: Connection, days: Sequence[Day]) -> set[tuple[int, datetime]]:
    m = t.meter_day.c
    statement = select(m.point_key, m.day_start_utc).where(m.day_start_utc.in_([day[0] for day in days]), m.version == 1)
    return {(int(key), start) for key, start in connection.execute(statement).tuples()}


def revise(
    connection: Connection, block: Block, days: Sequence[Day], key_of: Mapping[str, int], who: str, known_at_utc: datetime, reason: str
) -> dict[tuple[str, datetime], int]:
    """Store a Block as the next version of each point and day that it changes; a day without vectors gets its first.

    Returns {(point_id, day start): version made}; a day whose newest version says the same gets none. Runs in the caller's
    transaction, so two revisions of one day cannot take the same number.
    """
    block = _integers(block)
    newest = _newest(connection, [key_of[name] for name in block.ids], days)
    rows, made, open_ = [], {}, dict[tuple[int, datetime], int]()
    for day in days:
        for name, values, quality in _vectors(block, day):
            version, *former = newest.get((key_of[name], day[0]), (0, b"", b""))
            if version and np.array_equal(unpack_int(former[0]), values) and np.array_equal(unpack_quality(former[1]), quality):
                continue
            made[name, day[0]] = version + 1
            rows.append(_row(connection, key_of[name], day, version + 1, block.step, values, quality, known_at_utc, who, reason))
            open_[key_of[name], day[0]] = int(asked(quality).sum())
    if rows:
        insert_rows(connection, t.meter_day, rows)
    open_days.renew(connection, open_)
    due.note(connection, {(key_of[name], start): version for (name, start), version in made.items()}, reason)
    return made


def _integers(block: Block) -> Block:
    return replace(block, values=block.quantity.to_int(block.values)) if block.values.dtype.kind == "f" else block


def _vectors(block: Block, day: Day) -> Any:
    """Points with values and quality of one day, without those of which nothing was ever heard that day: they get no vector."""
    part = block.window(*day)
    return ((name, part.values[i], part.quality[i]) for i, name in enumerate(block.ids) if part.quality[i].any())


def _row(
    connection: Connection,
    key: int,
    day: Day,
    version: int,
    step: timedelta,
    values: Any,
    quality: Any,
    known: datetime,
    who: str,
    why: str,
) -> tuple[Any, ...]:
    start, at = driver_time(connection, day[0]), driver_time(connection, known)
    total = int(values[usable(quality)].sum())
    return key, start, version, int(step.total_seconds()), pack_int(values), pack_quality(quality), at, who, why, total


def _newest(connection: Connection, keys: Sequence[int], days: Sequence[Day]) -> dict[tuple[int, datetime], tuple[int, bytes, bytes]]:
    m = t.meter_day.c
    statement = select(m.point_key, m.day_start_utc, m.version, m.amounts, m.quality).where(m.day_start_utc.in_([day[0] for day in days]))
    if len(keys) <= _FEW:
        statement = statement.where(m.point_key.in_(keys))
    found: dict[tuple[int, datetime], tuple[int, bytes, bytes]] = {}
    for row in connection.execute(statement):
        key = row.point_key, row.day_start_utc
        if key not in found or found[key][0] < row.version:
            found[key] = row.version, row.amounts, row.quality
    return found


def _between(start_utc: datetime, end_utc: datetime, keys: Sequence[int], *columns: Any) -> Select[Any]:
    """Columns of the days of some points; of many points those of all: who asks leaves out the others."""
    m = t.meter_day.c
    statement = select(*columns).where(m.day_start_utc >= start_utc, m.day_start_utc < end_utc)
    return statement.where(m.point_key.in_(keys)) if len(keys) <= _FEW else statement


def _of(points: Sequence[Point], start_utc: datetime, end_utc: datetime, *columns: Any) -> Select[Any]:
    m = t.meter_day.c
    statement = (
        select(t.point.c.point_id, m.day_start_utc, m.version, *columns)
        .join(t.point, t.point.c.point_key == m.point_key)
        .where(m.day_start_utc >= start_utc, m.day_start_utc < end_utc)
    )
    return statement.where(t.point.c.point_id.in_([p.id for p in points])) if len(points) <= _FEW else statement


def block(
    engine: Engine,
    points: Sequence[Point],
    start_utc: datetime,
    end_utc: datetime,
    *,
    known_at: datetime | None = None,
    as_read: bool = False,
    estimates: bool = True,
) -> Block:
    """The newest vectors of points that share one stored quantity and step, as an int64 Block over [start, end).

    `known_at`: as they were known then. `as_read`: their first version. `estimates` False: estimated and edited amounts come back
    as missing, under their cause, for what may learn from measurements only. What is not stored has quality 0 (missing).
    `start_utc` and `end_utc` must be civil midnights. Raises `PenstockError` for points of another quantity or step than the first.
    """
    quantity, step_s = points[0].stored, points[0].step_s
    for point in points:
        if (point.stored, point.step_s) != (quantity, step_s):
            allowed = f"{quantity} every {step_s} s, as {points[0].id}"
            raise fault(f"days of {point.id}", f"{point.stored} every {point.step_s} s", allowed, "Give meters of one use one step_s.")
    steps = int((end_utc - start_utc).total_seconds()) // step_s
    values = np.zeros((len(points), steps), dtype=np.int64)
    quality = np.zeros((len(points), steps), dtype=np.uint16)
    row_of = {p.id: i for i, p in enumerate(points)}
    unheard = silent.get()
    newest: dict[tuple[int, int], int] = {}
    m = t.meter_day.c
    day_start = type_coerce(m.day_start_utc, BigInteger)  # as the driver gives it: a few days are read for many points
    with engine.connect() as connection:
        known = keys_of(connection, [p.id for p in points])
        row = {known[name]: i for name, i in row_of.items() if name in known and name not in unheard}
        statement = _between(start_utc, end_utc, list(row), m.point_key, day_start, m.version, m.amounts, m.quality)
        if known_at is not None:
            statement = statement.where(m.known_at_utc <= as_utc(known_at))
        if as_read:
            statement = statement.where(m.version == 1)
        column: dict[Any, int] = {}
        for key, day, version, amounts, marks in connection.execute(statement).tuples():
            i = row.get(key)
            if i is None:
                continue
            first = column.get(day)
            if first is None:
                first = column[day] = int((came_back(connection, day) - start_utc).total_seconds()) // step_s
            if newest.setdefault((i, first), version) > version:
                continue
            newest[i, first] = version
            read = unpack_int(amounts)
            width = min(read.size, steps - first)
            values[i, first : first + width] = read[:width]
            quality[i, first : first + width] = unpack_quality(marks)[:width]
    if not estimates:
        quality = np.where(measured(quality), quality, missing_of(quality))
    return Block(tuple(row_of), start_utc, timedelta(seconds=step_s), quantity, values, quality)


def in_parts(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Points by as many as one statement names: what adds up over a city is read so, and never as a whole."""
    return (points[at : at + _FEW] for at in range(0, len(points), _FEW))


def versions(engine: Engine, points: Sequence[Point], start_utc: datetime, end_utc: datetime) -> list[Any]:
    """Every version of the points' days in [start, end), oldest first: point_id, day_start_utc, version, known_at_utc, who, reason."""
    m = t.meter_day.c
    wanted = {p.id for p in points}
    statement = _of(points, start_utc, end_utc, m.known_at_utc, m.who, m.reason).order_by(t.point.c.point_id, m.day_start_utc, m.version)
    with engine.connect() as connection:
        return [row for row in connection.execute(statement) if row.point_id in wanted]


def revised(engine: Engine, points: Sequence[Point], start_utc: datetime, end_utc: datetime) -> dict[tuple[str, datetime], int]:
    """{(point_id, day start): newest version} of the days that have more than one."""
    wanted = {p.id for p in points}
    statement = _of(points, start_utc, end_utc).where(t.meter_day.c.version > 1).order_by(t.meter_day.c.version)
    with engine.connect() as connection:
        return {(row.point_id, row.day_start_utc): row.version for row in connection.execute(statement) if row.point_id in wanted}


def last(engine: Engine, who: str | None = None) -> datetime | None:
    """Start of the newest civil day that has vectors (made by `who`, 'import' or 'night', when given), or None."""
    statement = select(func.max(t.meter_day.c.day_start_utc))
    with engine.connect() as connection:
        return connection.execute(statement if who is None else statement.where(t.meter_day.c.who == who)).scalar()


def first(engine: Engine) -> datetime | None:
    """Start of the oldest civil day that has vectors, or None."""
    with engine.connect() as connection:
        return connection.execute(select(func.min(t.meter_day.c.day_start_utc))).scalar()


def qualities(engine: Engine, day_start_utc: datetime) -> Iterator[tuple[str, NDArray[np.uint16]]]:
    """(point_id, quality of each interval) of every point of a stored civil day, in its newest version."""
    m = t.meter_day.c
    statement = select(t.point.c.point_id, m.quality).join_from(t.meter_day, t.point, t.point.c.point_key == m.point_key)
    with engine.connect() as connection:
        rows = connection.execute(statement.where(m.day_start_utc == day_start_utc).order_by(t.point.c.point_id, m.version))
        newest = dict(rows.tuples().all())
    for name, packed in newest.items():
        yield name, unpack_quality(packed)
