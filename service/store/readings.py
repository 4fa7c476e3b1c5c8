"""Readings as they arrive: each stored once, the first value of a point and time stays, the newest of each point is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, column, func, select, table
from sqlalchemy.exc import IntegrityError

from city.places import Point
from city.quality import Cause, questionable, usable
from city.quantities import Quantity
from service import schema as t
from service.levels import stored as lag
from service.store import alone, columns, insert_into, newest, partitions, writing
from service.store.columns import NONE, Columns
from service.store.renames import former_names, keep_past
from service.store.silence import silent
from service.utctime import UtcTime

if TYPE_CHECKING:
    import pandas as pd

_LATEST_S = 2**31 - 1
FEW = 500  # points whose keys fit into a statement
_CONFLICTS = """
INSERT INTO conflict (time_utc, point_key, value, batch_no)
SELECT a.time_utc, a.point_key, a.value, a.batch_no
FROM arrived a JOIN reading r ON r.time_utc = a.time_utc AND r.point_key = a.point_key
WHERE a.value IS NOT NULL AND r.value IS DISTINCT FROM a.value
ON CONFLICT DO NOTHING
"""


def register_points(engine: Engine, points: Sequence[Point]) -> dict[str, int]:
    """Give every point its integer key (existing ones keep theirs, renamed ones their past) and return {point_id: key}."""
    with engine.connect() as connection:
        known = keys_of(connection)
    if all(p.id in known for p in points):
        return known | former_names(points, known)
    with writing(engine) as connection:
        alone(connection, t.point)
        known = keep_past(connection, points, keys_of(connection))
        after = max(known.values(), default=0)
        fresh = [p for p in points if p.id not in known]
        rows = [
            {"point_key": after + i, "point_id": p.id, "meter_id": p.meter, "quantity": str(p.quantity), "step_s": p.step_s}
            for i, p in enumerate(fresh, start=1)
        ]
        if rows:
            connection.execute(t.point.insert(), rows)
        known |= {p.id: after + i for i, p in enumerate(fresh, start=1)}
        return known | former_names(points, known)


def keys_of(connection: Connection, some: Sequence[str] = ()) -> dict[str, int]:
    """{point_id: key}, of `some` points at least."""
    statement = select(t.point.c.point_id, t.point.c.point_key)
    found = connection.execute(statement.where(t.point.c.point_id.in_(some)) if 0 < len(some) <= FEW else statement)
    return {str(name): int(key) for name, key in found.tuples()}


def keys(engine: Engine) -> dict[str, int]:
    """{point_id: key} of every registered point."""
    with engine.connect() as connection:
        return keys_of(connection)


def ignore_duplicates(connection: Connection, table: Any) -> Any:
    """An INSERT that leaves rows alone whose key is there already."""
    return insert_into(connection, table).on_conflict_do_nothing()


def insert_rows(connection: Connection, table: Any, rows: list[tuple[Any, ...]], suffix: str = "") -> int:
    """Positional executemany on the driver: several times faster than a list of dicts through the compiler. Returns the rows made."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = ", ".join(c.name for c in table.columns)
    sql = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(table.columns))}){suffix}"  # noqa: S608 - names come from our schema
    return connection.exec_driver_sql(sql, rows).rowcount


def driver_time(connection: Connection, time: datetime) -> Any:
    """A time as the driver wants it in a positional statement."""
    return UtcTime().process_bind_param(time, connection.dialect)


def came_back(connection: Connection, time: Any) -> datetime:
    """A time as the driver gave it."""
    return cast(datetime, UtcTime().process_result_value(time, connection.dialect))


def store_batch(
    engine: Engine, batch_id: str, readings: pd.DataFrame, key_of: Mapping[str, int], stored_utc: datetime | None = None
) -> int:
    """`store_batches` for one."""
    return store_batches(engine, [(batch_id, readings)], key_of, stored_utc)


def store_batches(
    engine: Engine, batches: Sequence[tuple[str, pd.DataFrame]], key_of: Mapping[str, int], stored_utc: datetime | None = None
) -> int:
    """Store batches of Readings in one transaction. Returns the rows that were new; a batch id that was stored before brings none.

    `stored_utc` is now by the clock that they were read by, where that is not this machine's: how late they are stored is counted.
    The first value of a point and time stays; a different later one goes to `conflict`. Readings, batch ids and the table of the
    latest change together, so a crash at any point leaves the batches wholly stored or wholly to be sent again. Raises `KeyError`
    for a point without a key, `OverflowError` for a quality of more than 16 bits, and SQLAlchemy's errors.
    """
    arrived: dict[str, Columns] = {}
    for name, frame in batches:
        if name not in arrived and not frame.empty:
            arrived[name] = _whole_numbers(frame, key_of)
    with writing(engine) as connection:
        alone(connection, t.batch)
        known = connection.execute(select(t.batch.c.batch_id).where(t.batch.c.batch_id.in_(list(arrived)))).scalars().all()
        fresh = {name: found for name, found in arrived.items() if name not in set(known)}
        if not fresh:
            return 0
        number = (connection.execute(select(func.max(t.batch.c.batch_no))).scalar() or 0) + 1
        sizes = {name: len(found[0]) for name, found in fresh.items()}
        notes = [{"batch_no": no, "batch_id": name, "readings": size} for no, (name, size) in enumerate(sizes.items(), start=number)]
        connection.execute(t.batch.insert(), notes)
        rows = [np.concatenate(parts) for parts in zip(*fresh.values(), strict=True)]
        numbers = np.repeat(np.arange(number, number + len(sizes)), list(sizes.values()))
        made, stored = _insert(connection, [*rows, numbers])
        newest.refresh(connection, stored)
        lag.count(connection, stored, stored_utc or datetime.now(UTC))
        return made


def add(connection: Connection, batch_id: str, rows: Columns) -> int:
    """Store one batch in a transaction that is open for writing: time [us], point key, stored value, quality, lateness [s].

    As `store_batches`, for whom a whole file is one transaction of many batches. Returns the rows that were new.
    """
    alone(connection, t.batch)
    known = connection.execute(select(t.batch.c.batch_no).where(t.batch.c.batch_id == batch_id)).first()
    if known is not None or not len(rows[0]):
        return 0
    number = (connection.execute(select(func.max(t.batch.c.batch_no))).scalar() or 0) + 1
    connection.execute(t.batch.insert().values(batch_no=number, batch_id=batch_id, readings=len(rows[0])))
    made, stored = _insert(connection, [*rows, np.full(len(rows[0]), number, dtype=np.int64)])
    newest.refresh(connection, stored)
    return made


def _whole_numbers(readings: pd.DataFrame, key_of: Mapping[str, int]) -> Columns:
    """Time [us since 1970], point key, value in its stored scale, quality, seconds to when it was received."""

    import pandas as pd

    codes, names = pd.factorize(readings["quantity"])
    scaled = readings["value"].to_numpy(dtype=float) * np.array([Quantity(name).scale for name in names], dtype=float)[codes]
    # A garbled float can be any number: what an int64 cannot hold is kept as "no value", and no quality may call that a good one.
    none = ~(np.abs(scaled) < 2**62)
    value = np.where(none, NONE, np.rint(np.where(none, 0.0, scaled)).astype(np.int64))
    key = np.fromiter(map(key_of.__getitem__, readings["point_id"].to_numpy(dtype=object)), dtype=np.int64, count=len(readings))
    quality = readings["quality"].to_numpy(dtype=np.int64)
    if quality.size and (int(quality.min()) < 0 or int(quality.max()) > 0xFFFF):
        raise OverflowError(f"quality {int(quality.min())} to {int(quality.max())}: 16 bits are allowed")
    quality = np.where(none & usable(quality), questionable(Cause.OUT_OF_MAP), quality)
    time_us = _micros(readings["time_utc"])
    late_s = -((time_us - _micros(readings["received_at_utc"])) // 1_000_000)  # rounded up: nothing counts as known before it was
    return [time_us, key, value, quality, np.clip(late_s, -_LATEST_S, _LATEST_S)]


def _micros(times: pd.Series) -> NDArray[np.int64]:
    return times.to_numpy(dtype="datetime64[us]").view(np.int64)


def _insert(connection: Connection, rows: Columns) -> tuple[int, Columns]:
    """Rows that are new go straight in; only if some were there already are all staged. Returns how many were new, and these."""
    partitions.ensure(connection, partitions.days_of(rows[0]))
    if connection.dialect.name == "postgresql":
        try:
            with connection.begin_nested():
                return columns.insert(connection, t.reading, rows), rows
        except IntegrityError:
            columns.stage(connection, "arrived", t.reading, rows)
            connection.exec_driver_sql("ANALYZE arrived")
            made = connection.exec_driver_sql("INSERT INTO reading SELECT * FROM arrived ON CONFLICT DO NOTHING").rowcount
    else:
        made = columns.insert(connection, t.reading, rows, " ON CONFLICT DO NOTHING")
        if made == len(rows[0]):
            return made, rows
        columns.stage(connection, "arrived", t.reading, rows)
    connection.exec_driver_sql(_CONFLICTS)
    r, a = t.reading.c, table("arrived", column("time_utc", UtcTime), column("point_key"))
    same = (r.time_utc == a.c.time_utc) & (r.point_key == a.c.point_key) & (r.batch_no >= int(rows[5][0]))
    return made, columns.fetch(connection, select(*r).select_from(a.join(t.reading, same)))


def hot(engine: Engine, point_ids: Sequence[str], start_utc: datetime, end_utc: datetime) -> pd.DataFrame:
    """Readings of some points in [start, end) that have not gone to cold storage, by point and time: `city.frames.READINGS`."""
    with engine.connect() as connection:
        return as_frame(connection, select_hot(connection, point_ids, start_utc, end_utc))


def select_hot(connection: Connection, point_ids: Sequence[str], start_utc: datetime, end_utc: datetime) -> Columns:
    """The columns of `reading`, as `columns.fetch` gives them, of some points in [start, end)."""
    unheard = silent.get()
    r = t.reading.c
    known = keys_of(connection, point_ids)
    wanted = [known[name] for name in point_ids if name in known and name not in unheard]
    statement = select(*r).where(r.time_utc >= start_utc, r.time_utc < end_utc)
    few = len(wanted) <= FEW
    if connection.dialect.name == "sqlite" and (few or len(wanted) < len(known)):
        statement = by_slot(statement, start_utc, end_utc)
    if few:
        return columns.fetch(connection, statement.where(r.point_key.in_(wanted)))
    found = columns.fetch(connection, statement.where(r.point_key.between(min(wanted), max(wanted))))
    inside = np.isin(found[1], wanted)
    return found if inside.all() else [column[inside] for column in found]


def by_slot(statement: Select[Any], start_utc: datetime, end_utc: datetime) -> Select[Any]:
    """From one time to the next by the key (time, point), and only to the rows of the points there: SQLite would read every row."""
    r, after = t.reading.c, t.reading.alias("after").c
    slot = select(func.min(r.time_utc).label("time_utc")).where(r.time_utc >= start_utc, r.time_utc < end_utc).cte("slot", recursive=True)
    following = select(func.min(after.time_utc)).where(after.time_utc > slot.c.time_utc, after.time_utc < end_utc).scalar_subquery()
    slot = slot.union_all(select(following).where(slot.c.time_utc.is_not(None)))
    return statement.where(r.time_utc.in_(select(slot.c.time_utc)))


def as_frame(connection: Connection, found: Columns) -> pd.DataFrame:
    """Columns of `reading` as the frame `city.frames.READINGS`, by point id and time."""

    import pandas as pd

    time, key, value, quality, late_s = found[:5]
    p = t.point.c
    some = np.unique(key).tolist()
    statement = select(p.point_id, p.quantity, p.point_key).order_by(p.point_id)
    kinds = connection.execute(statement.where(p.point_key.in_(some)) if len(some) <= FEW else statement).all()
    place = np.zeros(max((row.point_key for row in kinds), default=0) + 1, dtype=np.int64)
    place[[row.point_key for row in kinds]] = np.arange(len(kinds))
    order = np.lexsort((time, place[key]))
    at = place[key[order]]
    scale = np.array([Quantity(row.quantity).scale for row in kinds], dtype=float)
    return pd.DataFrame(
        {
            "point_id": pd.array([row.point_id for row in kinds], dtype="str").take(at),
            "time_utc": times(time[order]),
            "quantity": pd.array([row.quantity for row in kinds], dtype="str").take(at),
            "value": np.where(value[order] == NONE, np.nan, value[order] / scale[at]),
            "quality": quality[order],
            "received_at_utc": times((time + late_s * 1_000_000)[order]),
        }
    )


def times(micros: NDArray[np.int64]) -> pd.DatetimeIndex:
    """Microseconds since 1970 as times; what stands for null in columns is pandas' not-a-time."""

    import pandas as pd

    return pd.DatetimeIndex(micros.view("datetime64[us]"), tz="UTC")


def first_slot(engine: Engine) -> datetime | None:
    """The oldest hot reading time, or None."""
    with engine.connect() as connection:
        # With its key (point, time) PostgreSQL has to read a whole day to find its first time, but not every day.
        tables = partitions.tables(connection) if connection.dialect.name == "postgresql" else ["reading"]
        found = (connection.execute(select(func.min(column("time_utc", UtcTime))).select_from(table(name))).scalar() for name in tables)
        return next((time for time in found if time is not None), None)


def last_slot(engine: Engine) -> datetime | None:
    """The newest stored reading time, or None."""
    with engine.connect() as connection:
        return connection.execute(select(func.max(t.latest.c.time_utc))).scalar()


def size(engine: Engine) -> dict[str, int]:
    """Row counts of the reading tables."""
    with engine.connect() as connection:
        tables = (t.reading, t.meter_day, t.batch, t.conflict)
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}
