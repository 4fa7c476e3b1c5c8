"""Arrow tables as lines of CSV: exact numbers, times in ISO 8601, text that no spreadsheet runs; the same table gives the same bytes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from city.quantities import Quantity
from service.exchange.cells import cell
from service.store.columns import NONE

SCALED = "value_scaled"  # int64 in the stored scale of the row's quantity


def header(names: Sequence[str]) -> bytes:
    """The first line. In CSV a scaled value is told exactly in its unit, as `value`."""
    told = [name for name in names if name != "value" or SCALED not in names]
    return (",".join("value" if name == SCALED else name for name in told) + "\n").encode()


def lines(table: pa.Table) -> bytes:
    """The rows as bytes of UTF-8, each ended by a line feed."""
    if not table.num_rows:
        return b""
    columns = [
        exact(table) if field.name == SCALED else _text(table[field.name].combine_chunks())
        for field in table.schema
        if field.name != "value" or SCALED not in table.schema.names
    ]
    joined = pc.binary_join_element_wise(*columns[:-1], pc.binary_join_element_wise(columns[-1], "", "\n"), ",")
    whole = joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[whole.offset : whole.offset + len(whole) + 1]
    return bytes(memoryview(data)[int(ends[0]) : int(ends[-1])])


def _text(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _each(column, cell)
    if pa.types.is_string(kind):
        return _each(column.dictionary_encode(), cell)
    if pa.types.is_timestamp(kind):
        return _each(column.cast(pa.int64()).dictionary_encode(), iso)
    return pc.fill_null(column.cast(pa.string()), "")


def _each(column: pa.DictionaryArray, say: Callable[[Any], str]) -> pa.Array:
    """Each distinct value said once; none is an empty cell."""
    said = pa.array([say(value) for value in column.dictionary.to_pylist()], pa.string())
    return pc.fill_null(said.take(column.indices), "")


def iso(time_us: int) -> str:
    """Microseconds since 1970 as 2022-06-15T22:30:00Z, with a fraction where there is one."""
    whole, part = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}" + (f".{part:06d}Z" if part else "Z")


def exact(table: pa.Table) -> pa.Array:
    """The scaled values of a table in the unit of their quantity, digit for digit; none where there was no value."""
    quantity = table["quantity"].combine_chunks()
    quantity = quantity if pa.types.is_dictionary(quantity.type) else quantity.dictionary_encode()
    scales = np.array([Quantity(name).scale for name in quantity.dictionary.to_pylist()], dtype=np.int64)[quantity.indices.to_numpy()]
    values = table[SCALED].combine_chunks()
    stored = values.fill_null(0).to_numpy()
    none = values.is_null().to_numpy(zero_copy_only=False)
    said: Any = None
    for scale in np.unique(scales).tolist():
        here = scales == scale
        part = decimals(np.where(here, stored, 0), scale).cast(pa.string())
        said = part if said is None else pc.if_else(pa.array(here), part, said)
    return pc.fill_null(pc.if_else(pa.array(none), pa.scalar(None, pa.string()), said), "")


def decimals(stored: NDArray[np.int64], scale: int) -> pa.Array:
    """Whole numbers as decimals of 3 or 6 places: `stored` / `scale`, exactly."""
    words = np.empty((len(stored), 2), dtype="<i8")
    words[:, 0], words[:, 1] = stored, stored >> 63
    places = len(str(scale)) - 1
    return pa.Array.from_buffers(pa.decimal128(38, places), len(stored), [None, pa.py_buffer(words.tobytes())])


def in_units(stored: NDArray[np.int64], scale: NDArray[np.int64]) -> pa.Array:
    """The same as floats, for who reads them into a data frame; none where there was no value."""
    return pa.array(stored / scale, pa.float64(), mask=stored == NONE)
