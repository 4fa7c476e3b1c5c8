"""Readings row by row as they arrive, and the latest value of each point."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from city.places import Point
from city.quantities import Quantity
from service import schema as t
from service.store import writing
from service.utctime import UtcTime


def register_points(engine: Engine, points: Sequence[Point]) -> dict[str, int]:
    """Give every point its integer key (existing ones keep theirs) and return {point_id: key}."""
    with writing(engine) as connection:
        known = _keys(connection)
        after = max(known.values(), default=0)
        fresh = [p for p in points if p.id not in known]
        rows = [
            {"point_key": after + i, "point_id": p.id, "meter_id": p.meter, "quantity": str(p.quantity), "step_s": p.step_s}
            for i, p in enumerate(fresh, start=1)
        ]
        if rows:
            connection.execute(t.point.insert(), rows)
        return known | {p.id: after + i for i, p in enumerate(fresh, start=1)}


def _keys(connection: Connection) -> dict[str, int]:
    return {str(name): int(key) for name, key in connection.execute(select(t.point.c.point_id, t.point.c.point_key)).tuples()}


def keys(engine: Engine) -> dict[str, int]:
    """{point_id: key} of every registered point."""
    with engine.connect() as connection:
        return _keys(connection)


def ignore_duplicates(connection: Connection, table: Any) -> Any:
    """An INSERT that leaves rows alone whose key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def insert_rows(connection: Connection, table: Any, rows: list[tuple[Any, ...]], suffix: str = "") -> int:
    """Positional executemany on the driver: several times faster than a list of dicts through the compiler. Returns the rows made."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = ", ".join(c.name for c in table.columns)
    sql = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(table.columns))}){suffix}"  # noqa: S608 - names come from our schema
    return connection.exec_driver_sql(sql, rows).rowcount


def driver_time(connection: Connection, time: datetime) -> Any:
    """A time as the driver wants it in a positional statement."""
    return UtcTime().process_bind_param(time, connection.dialect)


def store_batch(engine: Engine, batch_id: str, readings: pd.DataFrame, key_of: dict[str, int]) -> int:
    """Store one batch of Readings. Returns the rows stored; 0 when this batch id was stored before.

    The first value of a point and time stays; a different later one goes to `conflict`. Value, batch id and latest table
    change in one transaction, so a crash at any point leaves the batch wholly stored or wholly to be sent again.
    """
    with writing(engine) as connection:
        known = connection.execute(select(t.batch.c.batch_id).where(t.batch.c.batch_id == batch_id)).first()
        if known is not None or readings.empty:
            return 0
        rows = _rows(connection, readings, key_of)
        insert_rows(connection, t.reading, rows, " ON CONFLICT DO NOTHING")
        _keep_conflicts(connection, batch_id, rows)
        connection.execute(t.batch.insert().values(batch_id=batch_id, readings=len(rows)))
        _refresh_latest(connection, rows)
        return len(rows)


def _rows(connection: Connection, readings: pd.DataFrame, key_of: dict[str, int]) -> list[tuple[Any, ...]]:
    scale = readings["quantity"].map({str(q): q.scale for q in Quantity}).to_numpy()
    scaled = readings["value"].to_numpy(dtype=float) * scale
    # A garbled float can be any number: what an int64 cannot hold is kept as "no value" under the quality it came with.
    none = ~(np.abs(scaled) < 2**62)
    stored = np.rint(np.where(none, 0.0, scaled)).astype(np.int64)
    if connection.dialect.name == "sqlite":
        times: list[Any] = readings["time_utc"].astype("int64").tolist()
        received: list[Any] = readings["received_at_utc"].astype("int64").tolist()
    else:
        times = readings["time_utc"].dt.to_pydatetime().tolist()
        received = readings["received_at_utc"].dt.to_pydatetime().tolist()
    point_key = readings["point_id"].map(key_of)
    values = [None if gone else v for gone, v in zip(none.tolist(), stored.tolist(), strict=True)]
    return list(zip(times, point_key.tolist(), values, readings["quality"].tolist(), received, strict=True))


def _keep_conflicts(connection: Connection, batch_id: str, rows: list[tuple[Any, ...]]) -> None:
    slots = sorted({row[0] for row in rows})
    times = [UtcTime().process_result_value(slot, connection.dialect) for slot in slots]
    found = connection.execute(
        select(t.reading.c.time_utc, t.reading.c.point_key, t.reading.c.value).where(t.reading.c.time_utc.in_(times))
    ).all()
    kept = {(driver_time(connection, row.time_utc), row.point_key): row.value for row in found}
    refused = [(row[0], row[1], row[2], batch_id) for row in rows if row[2] is not None and kept[row[0], row[1]] != row[2]]
    if refused:
        insert_rows(connection, t.conflict, refused, " ON CONFLICT DO NOTHING")


def _refresh_latest(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    newest: dict[int, tuple[Any, ...]] = {}
    for row in rows:
        if row[1] not in newest or row[0] >= newest[row[1]][0]:
            newest[row[1]] = row
    made = [(key, row[0], row[2], row[3], row[0] if row[2] is not None else None, row[2]) for key, row in sorted(newest.items())]
    insert_rows(
        connection,
        t.latest,
        made,
        " ON CONFLICT (point_key) DO UPDATE SET time_utc = excluded.time_utc, value = excluded.value, quality = excluded.quality,"
        " good_time_utc = COALESCE(excluded.good_time_utc, latest.good_time_utc),"
        " good_value = COALESCE(excluded.good_value, latest.good_value) WHERE excluded.time_utc >= latest.time_utc",
    )


def hot(engine: Engine, point_ids: Sequence[str], start_utc: datetime, end_utc: datetime) -> pd.DataFrame:
    """Readings of some points in [start, end), ordered by point and time: the tidy frame `city.frames.READINGS`."""
    statement = (
        select(
            t.point.c.point_id,
            t.reading.c.time_utc,
            t.point.c.quantity,
            t.reading.c.value,
            t.reading.c.quality,
            t.reading.c.received_at_utc,
        )
        .join(t.point, t.point.c.point_key == t.reading.c.point_key)
        .where(t.reading.c.time_utc >= start_utc, t.reading.c.time_utc < end_utc, t.point.c.point_id.in_(list(point_ids)))
        .order_by(t.point.c.point_id, t.reading.c.time_utc)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    frame = pd.DataFrame(rows, columns=["point_id", "time_utc", "quantity", "value", "quality", "received_at_utc"])
    for name in ("time_utc", "received_at_utc"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    scale = frame["quantity"].map({str(q): q.scale for q in Quantity}).astype(float)
    return frame.assign(value=frame["value"].astype(float) / scale)


def first_slot(engine: Engine) -> datetime | None:
    """The oldest hot reading time, or None."""
    with engine.connect() as connection:
        return connection.execute(select(func.min(t.reading.c.time_utc))).scalar()


def last_slot(engine: Engine) -> datetime | None:
    """The newest stored reading time, or None."""
    with engine.connect() as connection:
        return connection.execute(select(func.max(t.reading.c.time_utc))).scalar()


def drop_hot(connection: Connection, before_utc: datetime) -> int:
    """Delete hot readings older than `before_utc` (their vectors stay). Returns the rows deleted."""
    return connection.execute(t.reading.delete().where(t.reading.c.time_utc < before_utc)).rowcount


def size(engine: Engine) -> dict[str, int]:
    """Row counts of the reading tables."""
    with engine.connect() as connection:
        tables = (t.reading, t.meter_day, t.batch, t.conflict)
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}
