"""Rows of any table in the order of its key, the same on either database, streamed; and Arrow's type for each column."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import JSON, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, String, Table, select

from service.exchange.kind import TIME, Span
from service.utctime import UtcTime

AT_ONCE = 500  # rows that the driver hands over at a time


def in_order(span: Span, table: Table, start: Column[Any] | None = None) -> Iterator[Any]:
    """Every row of a table by its key; with `start` those within the span."""
    statement = select(table).order_by(*(_plainly(span.connection, column) for column in table.primary_key.columns))
    if start is not None and span.since is not None:
        statement = statement.where(start >= _bound(start, span.since))
    if start is not None and span.until is not None:
        statement = statement.where(start < _bound(start, span.until))
    yield from span.connection.execution_options(yield_per=AT_ONCE).execute(statement)


def _plainly(connection: Connection, column: Column[Any]) -> Any:
    """A text by its code points, as SQLite and Python do; PostgreSQL would go by its locale."""
    return column.collate("C") if connection.dialect.name == "postgresql" and isinstance(column.type, String) else column


def _bound(column: Column[Any], time: Any) -> Any:
    return time.date() if isinstance(column.type, Date) else time


def arrow_type(column: Column[Any]) -> pa.DataType:
    """Arrow's type for what a column holds; JSON and bytes are told as text."""
    kind = column.type
    for sort, made in ((UtcTime, TIME), (Boolean, pa.bool_()), (Date, pa.date32()), (Float, pa.float64()), (Integer, pa.int64())):
        if isinstance(kind, sort):
            return made
    if isinstance(kind, (String, JSON, LargeBinary)):
        return pa.string()
    raise TypeError(f"no Arrow type for {column}")  # a new kind of column: a test walks all of them
