"""Whole numbers in bulk, as columns: the shortest way each driver has between numpy and a table.

SQLite takes many rows per statement: a bare `executemany` of rows spends more time between Python and the statement than in the
table. PostgreSQL takes binary COPY, and gives back one byte string per query instead of a message per row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, Select, Table, cast, func, select, text, type_coerce
from sqlalchemy.exc import DBAPIError

from service.utctime import UtcTime

NONE = np.int64(-(2**63))  # stands for SQL's null: no stored value comes near it
_ROWS = 50  # per statement of SQLite; 25 and 100 take as long
_CHUNK = 1 << 20
_EPOCH_2000 = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000, everything else here from 1970

Columns = list[NDArray[np.int64]]


@contextmanager
def driver_errors(connection: Connection) -> Iterator[None]:
    """Errors of the driver itself come out as SQLAlchemy's, like those of every other statement."""
    dbapi = connection.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        raise DBAPIError.instance(None, None, error, dbapi.Error, dialect=connection.dialect) from error


def insert(connection: Connection, table: Table, columns: Sequence[NDArray[np.int64]], suffix: str = "", name: str = "") -> int:
    """Insert n rows given as one int64[n] per column of `table`; `NONE` becomes null. Returns the rows made.

    Times are microseconds since 1970. `name` is another table of the same columns. `suffix` ends the statement (SQLite only:
    COPY knows no ON CONFLICT, so on PostgreSQL a row that is there already raises `IntegrityError`).
    """
    target = name or table.name
    if not len(columns[0]):
        return 0
    with driver_errors(connection):
        if connection.dialect.name == "postgresql":
            return _copy(connection, table, columns, target)
        return _executemany(connection, columns, target, suffix)


def stage(connection: Connection, name: str, table: Table, rows: Sequence[NDArray[np.int64]]) -> None:
    """The rows in a temporary table of the same columns, which this connection alone sees."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {table.name} WHERE 1 = 0")  # noqa: S608 - our names
    insert(connection, table, rows, name=name)


def _executemany(connection: Connection, columns: Sequence[NDArray[np.int64]], target: str, suffix: str) -> int:
    flat, width = np.stack(columns, axis=1), len(columns)
    absent = np.flatnonzero(flat == NONE)
    whole = len(flat) // _ROWS * _ROWS
    row = "(" + ",".join("?" * width) + ")"
    cursor, made = connection.connection.cursor(), 0
    for rows, start, stop in ((_ROWS, 0, whole), (1, whole, len(flat))):
        size = rows * width
        values: list[list[Any]] = flat[start:stop].reshape(-1, size).tolist()
        for at in absent[(absent >= start * width) & (absent < stop * width)].tolist():
            line, place = divmod(at - start * width, size)
            values[line][place] = None
        if values:
            cursor.executemany(f"INSERT INTO {target} VALUES {','.join([row] * rows)}{suffix}", values)  # noqa: S608 - our names
            made += cursor.rowcount
    return made


def _copy(connection: Connection, table: Table, columns: Sequence[NDArray[np.int64]], target: str) -> int:
    names = ", ".join(c.name for c in table.columns)
    absent = np.stack([column == NONE for column in columns])
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        # A null changes the width of its row, so rows go in groups that have the same nulls.
        patterns, group = np.unique(absent, axis=1, return_inverse=True) if absent.any() else (absent[:, :1], None)
        for i, nulls in enumerate(patterns.T):
            some = columns if group is None else [column[group == i] for column in columns]
            records = _records(table, some, nulls).data.cast("B")
            for at in range(0, len(records), _CHUNK):
                copy.write(records[at : at + _CHUNK])
        copy.write(b"\xff\xff")
    return len(columns[0])


def _records(table: Table, columns: Sequence[NDArray[np.int64]], nulls: NDArray[np.bool_]) -> NDArray[Any]:
    """Rows of PostgreSQL's binary COPY: the number of fields, then for each its length [bytes] (-1 for null) and its bytes."""
    kinds = list(table.columns)
    layout = [("n", ">i2")]
    for i, (column, null) in enumerate(zip(kinds, nulls, strict=True)):
        layout += [(f"l{i}", ">i4")] + ([] if null else [(f"c{i}", f">i{_width(column)}")])
    made = np.empty(len(columns[0]), dtype=np.dtype(layout))
    made["n"] = len(kinds)
    for i, (column, values, null) in enumerate(zip(kinds, columns, nulls, strict=True)):
        made[f"l{i}"] = -1 if null else _width(column)
        if not null:
            made[f"c{i}"] = values - _EPOCH_2000 if isinstance(column.type, UtcTime) else values
    return made


def _width(column: Column[Any]) -> int:
    return 4 if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger) else 8


def fetch(connection: Connection, statement: Select[Any]) -> Columns:
    """The columns that a select of whole numbers and times gives, as int64[n] each; null is `NONE`, times are microseconds since 1970.

    PostgreSQL gives the rows in no order, SQLite in that of the statement.
    """
    chosen = list(statement.selected_columns)
    if connection.dialect.name != "postgresql":
        plain = [func.coalesce(type_coerce(c, BigInteger), int(NONE)) for c in chosen]
        rows: Any = connection.execute(statement.with_only_columns(*plain)).cursor
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
        return list(np.ascontiguousarray(flat.reshape(-1, len(chosen)).T))
    inner = statement.subquery()
    sent = [
        func.timestamptz_send(func.coalesce(c, text("'-infinity'")))
        if isinstance(c.type, UtcTime)
        else func.int8send(func.coalesce(c, int(NONE)))
        for c in inner.columns
    ]
    got = connection.execute(select(*(func.string_agg(one, cast(b"", LargeBinary)) for one in sent))).one()
    made = [np.frombuffer(one or b"", dtype=">i8").astype(np.int64) for one in got]
    return [
        np.where(values == NONE, NONE, values + _EPOCH_2000) if isinstance(c.type, UtcTime) else values  # minus infinity is NONE, too
        for c, values in zip(inner.columns, made, strict=True)
    ]
