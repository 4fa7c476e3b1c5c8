"""One vector per point and civil day, for good: usage of registers, values of everything else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, func, select

from city.frames import Block
from city.places import Point
from service import schema as t
from service.store.readings import driver_time, insert_rows
from service.store.vectors import pack_int, pack_quality, unpack_int, unpack_quality


def store(
    connection: Connection,
    block: Block,
    days: Sequence[tuple[datetime, datetime]],
    key_of: dict[str, int],
    source: str,
    totals: dict[tuple[str, datetime], int] | None = None,
) -> int:
    """Store a Block as one vector per point and civil day; days already stored stay as they are. Returns the vectors made."""
    rows: list[tuple[Any, ...]] = []
    seconds = int(block.step.total_seconds())
    if block.values.dtype.kind == "f":
        block = replace(block, values=block.quantity.to_int(block.values))
    for start, end in days:
        part = block.window(start, end)
        for i, name in enumerate(block.ids):
            if not part.quality[i].any():
                continue  # nothing was ever heard of this point that day: no vector, not a vector of gaps
            total = (totals or {}).get((name, start))
            rows.append(
                (
                    key_of[name],
                    driver_time(connection, start),
                    seconds,
                    pack_int(part.values[i]),
                    pack_quality(part.quality[i]),
                    total,
                    source,
                )
            )
    return insert_rows(connection, t.meter_day, rows, " ON CONFLICT DO NOTHING") if rows else 0


def block(engine: Engine, points: Sequence[Point], start_utc: datetime, end_utc: datetime) -> Block:
    """The stored vectors of points that share one stored quantity and step, as an int64 Block over [start, end).

    What is not stored has quality 0 (missing). `start_utc` and `end_utc` must be civil midnights.
    """
    quantity, step_s = points[0].stored, points[0].step_s
    steps = int((end_utc - start_utc).total_seconds()) // step_s
    values = np.zeros((len(points), steps), dtype=np.int64)
    quality = np.zeros((len(points), steps), dtype=np.uint16)
    row_of = {p.id: i for i, p in enumerate(points)}
    statement = (
        select(t.point.c.point_id, t.meter_day.c.day_start_utc, t.meter_day.c.amounts, t.meter_day.c.quality)
        .join(t.point, t.point.c.point_key == t.meter_day.c.point_key)
        .where(t.meter_day.c.day_start_utc >= start_utc, t.meter_day.c.day_start_utc < end_utc)
    )
    if len(points) <= 500:
        statement = statement.where(t.point.c.point_id.in_(list(row_of)))
    with engine.connect() as connection:
        for row in connection.execute(statement):
            i = row_of.get(row.point_id)
            if i is None:
                continue
            first = int((row.day_start_utc - start_utc).total_seconds()) // step_s
            amounts = unpack_int(row.amounts)
            width = min(amounts.size, steps - first)
            values[i, first : first + width] = amounts[:width]
            quality[i, first : first + width] = unpack_quality(row.quality)[:width]
    return Block(tuple(row_of), start_utc, timedelta(seconds=step_s), quantity, values, quality)


def totals(engine: Engine, points: Sequence[Point], start_utc: datetime, end_utc: datetime) -> dict[tuple[str, datetime], int]:
    """{(point_id, day start): exact usage of the day by its register}, where both ends of the day were read well."""
    m = t.meter_day.c
    statement = (
        select(t.point.c.point_id, m.day_start_utc, m.total)
        .join(t.point, t.point.c.point_key == m.point_key)
        .where(m.day_start_utc >= start_utc, m.day_start_utc < end_utc, m.total.is_not(None))
    )
    wanted = {p.id for p in points}
    with engine.connect() as connection:
        return {(row.point_id, row.day_start_utc): row.total for row in connection.execute(statement) if row.point_id in wanted}


def last(engine: Engine, source: str | None = None) -> datetime | None:
    """Start of the newest civil day that has vectors (from `source`, 'import' or 'night', when given), or None."""
    statement = select(func.max(t.meter_day.c.day_start_utc))
    with engine.connect() as connection:
        return connection.execute(statement if source is None else statement.where(t.meter_day.c.source == source)).scalar()


def first(engine: Engine) -> datetime | None:
    """Start of the oldest civil day that has vectors, or None."""
    with engine.connect() as connection:
        return connection.execute(select(func.min(t.meter_day.c.day_start_utc))).scalar()
