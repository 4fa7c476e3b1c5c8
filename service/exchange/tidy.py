"""Readings and validated days as tidy rows, one value per row, in pieces of bounded memory."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import select

from city.quantities import Quantity
from service import schema as t
from service.exchange.kind import TIME, WORD, Span
from service.exchange.lines import SCALED, in_units
from service.store import day_rows
from service.store.columns import NONE
from service.store.vectors import unpack_int, unpack_quality
from service.utctime import micros

ALL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_POINTS = 20  # whose days, of all years and versions, are in memory at a time
_DAYS = 500  # are told at a time: some 50,000 values
_VALUE = [("quantity", WORD), ("value", pa.float64()), (SCALED, pa.int64()), ("quality", pa.uint16())]


def words(names: list[str], at: NDArray[np.int64]) -> pa.DictionaryArray:
    """A column of few distinct words: `names` by place."""
    return pa.DictionaryArray.from_arrays(pa.array(at, pa.int32()), pa.array(names, pa.string()))


READINGS = pa.schema([("point_id", WORD), ("time_utc", TIME), *_VALUE, ("received_at_utc", TIME)])


def readings(span: Span) -> Iterator[pa.Table]:
    """By UTC day, point and time; what lies in cold storage as well as what is hot."""
    bounds = day_rows.span(span.connection)
    if bounds is None:
        return
    first, last = max(bounds[0], span.since or ALL[0]), min(bounds[1], span.until or ALL[1])
    for rows in day_rows.between(span.connection, span.folder, None, first, last):
        names = [str(quantity) for quantity in rows.quantities]
        kinds = list(dict.fromkeys(names))
        of = np.array([kinds.index(name) for name in names], dtype=np.int64)
        yield pa.table(
            [
                words(rows.points, rows.point),
                pa.array(rows.time_us, TIME),
                words(kinds, of[rows.point]),
                in_units(rows.value, rows.scale[rows.point]),
                pa.array(rows.value, pa.int64(), mask=rows.value == NONE),
                pa.array(rows.quality, pa.uint16()),
                pa.array(rows.time_us + rows.late_s * 1_000_000, TIME),
            ],
            schema=READINGS,
        )


_DAY = [("day_start_utc", TIME), ("version", pa.int32()), ("known_at_utc", TIME), ("who", WORD), ("reason", WORD), ("step_s", pa.int32())]
DAYS = pa.schema([("point_id", WORD), ("time_utc", TIME), *_VALUE, *_DAY])


def days(span: Span) -> Iterator[pa.Table]:
    """By point, day, version and time; the quantity is that of the intervals: energy_kwh of an energy register."""
    p, m = t.point.c, t.meter_day.c
    points = sorted(span.connection.execute(select(p.point_id, p.point_key, p.quantity)).tuples())
    first, last = span.since or ALL[0], span.until or ALL[1]
    for at in range(0, len(points), _POINTS):
        some = {key: (name, Quantity(quantity)) for name, key, quantity in points[at : at + _POINTS]}
        statement = select(t.meter_day).where(m.point_key.in_(list(some)), m.day_start_utc >= first, m.day_start_utc < last)
        found = sorted(span.connection.execute(statement), key=lambda row: (some[row.point_key][0], row.day_start_utc, row.version))
        for start in range(0, len(found), _DAYS):
            yield _days(found[start : start + _DAYS], some)


def _days(rows: list[Any], some: dict[int, tuple[str, Quantity]]) -> pa.Table:
    values = [unpack_int(row.amounts) for row in rows]
    lengths = np.array([len(one) for one in values])
    of = np.repeat(np.arange(len(rows)), lengths)
    quality = np.concatenate([unpack_quality(row.quality) for row in rows])
    starts, steps = np.array([micros(row.day_start_utc) for row in rows]), np.array([row.step_s for row in rows])
    place = np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kinds = [some[row.point_key][1].usage or some[row.point_key][1] for row in rows]
    whole = np.concatenate(values)
    none = (quality & 0xFF) == 0  # nothing was there: 0 stands in its place
    scale = np.array([kind.scale for kind in kinds])[of]
    known = np.array([micros(row.known_at_utc) for row in rows])
    return pa.table(
        [
            _said([some[row.point_key][0] for row in rows], of),
            pa.array(starts[of] + place * steps[of] * 1_000_000, TIME),
            _said([str(kind) for kind in kinds], of),
            pa.array(whole / scale, pa.float64(), mask=none),
            pa.array(whole, pa.int64(), mask=none),
            pa.array(quality, pa.uint16()),
            pa.array(starts[of], TIME),
            pa.array(np.array([row.version for row in rows])[of], pa.int32()),
            pa.array(known[of], TIME),
            _said([row.who for row in rows], of),
            _said([row.reason for row in rows], of),
            pa.array(steps[of], pa.int32()),
        ],
        schema=DAYS,
    )


def _said(texts: list[str], of: NDArray[np.int64]) -> pa.DictionaryArray:
    """The text of each row's group."""
    known = list(dict.fromkeys(texts))
    return words(known, np.array([known.index(text) for text in texts], dtype=np.int64)[of])
