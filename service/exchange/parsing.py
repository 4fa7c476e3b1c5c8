"""Columns of a table from elsewhere as numbers and times; every value that cannot be one is told with its row, up to 20 in all."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from city.clock import parse_utc
from city.problems import PenstockError, Problem
from service.exchange.kind import TIME
from service.exchange.lines import SCALED, iso
from service.store.columns import NONE
from service.utctime import micros

MOST_TOLD = 20
_FIRST_US, _LAST_US = 0, micros(parse_utc("2200-01-01T00:00Z"))
_AHEAD_US = 86_400_000_000  # of a clock of another that runs before ours: a reading of next year would be the newest until then
_EXACT = 2**49  # from here on the two roundings of a text, as a float and times the scale, may miss the stored integer


class Faults:
    """What is wrong with a file, row by row; full at 20."""

    def __init__(self, subject: str) -> None:
        self._subject, self.found, self.more = subject, list[Problem](), 0

    def tell(self, row: int, column: str, observed: Any, allowed: str, remedy: str = "Correct it.") -> None:
        """`row` counts from 1 below the header."""
        if len(self.found) < MOST_TOLD:
            self.found.append(Problem(f"{self._subject}, row {row}, column {column}", f"{observed!r}"[:80], allowed, remedy))
        else:
            self.more += 1

    def tell_where(self, bad: NDArray[np.bool_], first: int, column: pa.Array, name: str, allowed: str) -> None:
        """A fault for each row of a batch that is bad; `first` is the number of its first row."""
        for i in np.flatnonzero(bad)[: MOST_TOLD + 1].tolist():
            self.tell(first + i, name, _shown(column[i]), allowed)

    def raise_any(self) -> None:
        """Raises `PenstockError` with every fault that was told."""
        if self.found:
            last = [Problem(self._subject, f"{self.more} or more besides", "none", "Correct the file; nothing was stored.")]
            raise PenstockError(self.found + (last if self.more else []))


def _shown(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return f"a {value.type} beyond the calendar"


def plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def times(column: pa.Array, name: str, first: int, faults: Faults, until_us: int = _LAST_US) -> NDArray[np.int64]:
    """Microseconds since 1970, before `until_us`. A text needs its offset; a time of Parquet must be in UTC or carry its zone."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        try:
            cast = pc.cast(column, options=pc.CastOptions(TIME, allow_time_truncate=True))
        except pa.ArrowInvalid:  # more than 64 bits of microseconds hold
            faults.tell(first, name, f"{kind} beyond the calendar", "times from 1970 to 2199")
            return np.zeros(len(column), dtype=np.int64)
    elif pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        cast = _each(column, lambda text: micros(parse_utc(text)), pa.int64()).cast(TIME)
    else:
        faults.tell(first, name, str(kind), "times with a zone, or text in ISO 8601 with offset")
        return np.zeros(len(column), dtype=np.int64)
    found = cast.cast(pa.int64()).fill_null(int(NONE)).to_numpy()
    bad = (found < _FIRST_US) | (found >= until_us)
    faults.tell_where(bad, first, column, name, f"a time from 1970 to {iso(until_us)}, ISO 8601 with offset as 2022-06-15T22:30:00Z")
    return np.where(bad, 0, found)


def soon(now_utc: datetime) -> int:
    """The time before which everything that was measured lies [us since 1970]."""
    return min(micros(now_utc) + _AHEAD_US, _LAST_US)


def _each(column: pa.Array, read: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """Each distinct text read once; what cannot be read is none."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()

    def safely(text: str | None) -> Any:
        try:
            return None if text is None else read(text)
        except (PenstockError, ValueError, TypeError, OverflowError):
            return None

    return pa.array([safely(text) for text in coded.dictionary.to_pylist()], kind).take(coded.indices)


def places(column: pa.Array, known: Sequence[str]) -> NDArray[np.int64]:
    """Where each text stands in `known`; -1 for one that does not."""
    if pa.types.is_dictionary(column.type):
        index = {name: i for i, name in enumerate(known)}
        of = np.array([index.get(name, -1) for name in column.dictionary.to_pylist()] or [-1], dtype=np.int64)
        return (
            of[column.indices.fill_null(0).to_numpy()]
            if not column.null_count
            else np.where(column.is_null().to_numpy(zero_copy_only=False), -1, of[column.indices.fill_null(0).to_numpy()])
        )
    found = pc.index_in(column.cast(pa.string()), value_set=pa.array(known, pa.string()))
    return found.fill_null(-1).to_numpy().astype(np.int64)


def stored(column: pa.Array, scale: NDArray[np.int64], name: str, first: int, faults: Faults) -> NDArray[np.int64]:
    """Values in units as the store's integers, `NONE` where there is none; not-a-number and infinity are refused."""
    numbers = _floats(column)
    none = column.is_null().to_numpy(zero_copy_only=False)
    scaled = np.where(none, 0.0, numbers) * scale
    bad = ~none & ~(np.abs(scaled) < 2**62)  # also what is not a number
    faults.tell_where(bad, first, column, name, "a finite number in the unit of the quantity, or nothing")
    made = np.rint(np.where(bad, 0.0, scaled)).astype(np.int64)
    for i in np.flatnonzero(np.abs(made) >= _EXACT).tolist():
        value = column[i].as_py()
        if isinstance(value, str):
            made[i] = int((Decimal(value) * int(scale[i])).to_integral_value())
    return np.where(none, NONE, made)


def exactly(column: dict[str, pa.Array], scale: NDArray[np.int64], first: int, faults: Faults) -> NDArray[np.int64]:
    """The store's integers of `value`: exact where the file has them as well, and then `value` must say the same."""
    value = stored(column["value"], scale, "value", first, faults)
    if SCALED not in column:
        return value
    exact = stored(column[SCALED], np.ones_like(scale), SCALED, first, faults)
    if pa.types.is_integer(column[SCALED].type):
        exact = column[SCALED].cast(pa.int64(), safe=False).fill_null(-(2**63)).to_numpy()
    apart = np.abs(value - exact) > np.maximum(1, np.abs(exact) >> 50)
    faults.tell_where(apart, first, column["value"], "value", f"what {SCALED} says in the unit of the quantity")
    return exact


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """float64; what is no number is not-a-number."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            column = pa.array([_float(text) for text in column.to_pylist()], pa.float64())
    elif pa.types.is_boolean(column.type) or pa.types.is_temporal(column.type):
        return np.full(len(column), np.nan)
    return column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)


def _float(text: str | None) -> float | None:
    try:
        return None if text is None else float(Decimal(text))
    except (InvalidOperation, ValueError):
        return float("nan")


def whole(column: pa.Array, low: int, high: int, name: str, first: int, faults: Faults) -> NDArray[np.int64]:
    """Whole numbers from low to high."""
    numbers = _floats(column)
    bad = ~((numbers >= low) & (numbers <= high) & (numbers == np.rint(numbers)))
    faults.tell_where(bad, first, column, name, f"a whole number from {low} to {high}")
    return np.where(bad, low, numbers).astype(np.int64)


def told(time_us: int) -> str:
    """A time for a sentence."""
    return iso(time_us)
