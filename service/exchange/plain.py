"""Any other table as it stands: its columns, JSON as text with sorted keys, bytes in base64."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import JSON, Column, LargeBinary, Table

from service.exchange.kind import Kind, Span
from service.exchange.rows import arrow_type, in_order

_ROWS = 10_000


def plain(table: Table, about: str, start: Column[Any] | None = None, without: Mapping[str, Callable[[str], str]] | None = None) -> Kind:
    """A kind that tells a table row by row; with `start` a span cuts it. `without` takes out of a column's text what stays in the house."""
    cuts = {place: without[column.name] for place, column in enumerate(table.columns) if without and column.name in without}
    schema = pa.schema([(column.name, arrow_type(column)) for column in table.columns])

    def stream(span: Span) -> Iterator[pa.Table]:
        held: list[tuple[Any, ...]] = []
        for row in in_order(span, table, start):
            held.append(_cut(row, cuts) if cuts else tuple(row))
            if len(held) == _ROWS:
                yield _table(table, schema, held)
                held = []
        if held:
            yield _table(table, schema, held)

    return Kind(table.name, about, (table.name,), schema, stream, timed=start is not None)


def _cut(row: Sequence[Any], cuts: Mapping[int, Callable[[str], str]]) -> tuple[Any, ...]:
    return tuple(cuts[place](value) if place in cuts and value is not None else value for place, value in enumerate(row))


def _table(table: Table, schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([_column(column, list(values)) for column, values in zip(table.columns, columns, strict=True)], schema=schema)


def _column(column: Column[Any], values: list[Any]) -> pa.Array:
    if isinstance(column.type, JSON):
        values = [None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values]
    elif isinstance(column.type, LargeBinary):
        values = [None if value is None else base64.b64encode(bytes(value)).decode() for value in values]
    return pa.array(values, arrow_type(column))
