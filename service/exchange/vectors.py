"""Vectors of results as tidy rows, one value per row: forecasts, paths, plans, prices, weather."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Column, Table

from service import schema as t
from service.exchange.kind import TIME, Kind, Span
from service.exchange.rows import arrow_type, in_order
from service.store.vectors import unpack_float
from service.utctime import micros

_ROWS = 131_072  # about as many are told at a time
Columns = dict[str, pa.Array]


def vectors(
    table: Table, about: str, keys: Sequence[Column[Any]], start: Column[Any] | None, values: pa.Schema, of: Callable[[Any], Columns]
) -> Kind:
    """A kind told value by value: `keys` stand on every row, `of` gives the columns `values` of one stored row, each as long."""
    schema = pa.schema([*((column.name, arrow_type(column)) for column in keys), *values])

    def stream(span: Span) -> Iterator[pa.Table]:
        held: list[pa.Table] = []
        for row in in_order(span, table, start):
            told = of(row)
            size = len(next(iter(told.values())))
            fixed = [pa.array([getattr(row, column.name)] * size, arrow_type(column)) for column in keys]
            held.append(pa.table([*fixed, *told.values()], schema=schema))
            if sum(one.num_rows for one in held) >= _ROWS:
                yield pa.concat_tables(held)
                held = []
        if held:
            yield pa.concat_tables(held)

    return Kind(table.name, about, (table.name,), schema, stream, timed=start is not None)


def _floats(values: NDArray[np.floating[Any]]) -> pa.Array:
    """float32 values; what is not a number is none."""
    return pa.array(values, pa.float32(), mask=~np.isfinite(values))


def _times(start: Any, step_s: int, steps: int) -> pa.Array:
    return pa.array(micros(start) + np.arange(steps) * step_s * 1_000_000, TIME)


def _quantiles(row: Any) -> Columns:
    lines = unpack_float(row.quantiles).reshape(3, -1)
    start = row.start_utc if hasattr(row, "start_utc") else row.made_at_utc
    made = {name: _floats(line) for name, line in zip(("p10", "p50", "p90"), lines, strict=True)}
    return {"time_utc": _times(start, row.step_s, lines.shape[1]), **made}


def _paths(row: Any) -> Columns:
    lines = unpack_float(row.amounts).reshape(row.paths, -1)
    steps = lines.shape[1]
    at = np.tile(micros(row.start_utc) + np.arange(steps) * row.step_s * 1_000_000, row.paths)
    return {
        "path_id": pa.array(np.repeat(np.arange(row.paths), steps), pa.int32()),
        "time_utc": pa.array(at, TIME),
        "value": _floats(lines.ravel()),
    }


def _steps(row: Any) -> Columns:
    values = unpack_float(row.amounts)
    return {"step": pa.array(np.arange(len(values)), pa.int32()), "value": _floats(values)}


def _weather(row: Any) -> Columns:
    values = unpack_float(row.amounts)
    return {"time_utc": _times(row.start_utc, row.step_s, len(values)), "value": _floats(values)}


_AT, _NUMBER = ("time_utc", TIME), pa.float32()
_THREE = pa.schema([_AT, ("p10", _NUMBER), ("p50", _NUMBER), ("p90", _NUMBER)])
_STEPS = pa.schema([("step", pa.int32()), ("value", _NUMBER)])
f, n, k, v, p, w = t.forecast.c, t.forecast_now.c, t.forecast_path.c, t.plan_value.c, t.price.c, t.weather.c
VECTORS = (
    vectors(
        t.forecast,
        "forecasts of the nights: quantiles by time",
        (f.night, f.series_id, f.made_at_utc, f.quantity, f.model, f.reason, f.model_id, f.known_at_utc, f.input_hash),
        f.start_utc,
        _THREE,
        _quantiles,
    ),
    vectors(
        t.forecast_now,
        "forecasts made between the nights",
        (n.made_at_utc, n.series_id, n.quantity, n.model, n.reason, n.model_id, n.known_at_utc, n.input_hash),
        n.made_at_utc,
        _THREE,
        _quantiles,
    ),
    vectors(
        t.forecast_path,
        "sample paths: path k of one series happens together with path k of another",
        (k.night, k.series_id),
        k.start_utc,
        pa.schema([("path_id", pa.int32()), _AT, ("value", _NUMBER)]),
        _paths,
    ),
    vectors(
        t.plan_value,
        "what each asset is to do at each step of a plan; `plan` has the times of the steps, a level begins one before them",
        (v.plan_id, v.scenario, v.asset_id, v.quantity),
        None,
        _STEPS,
        _steps,
    ),
    vectors(t.price, "marginal price of each balance at each step of a plan", (p.plan_id, p.balance_id), None, _STEPS, _steps),
    vectors(
        t.weather,
        "what weather services told, and when it was issued and available",
        (w.source, w.place, w.variable, w.start_utc, w.issued_utc, w.available_at_utc, w.archive, w.step_s),
        w.start_utc,
        pa.schema([_AT, ("value", _NUMBER)]),
        _weather,
    ),
)
