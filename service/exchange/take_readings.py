"""Readings from elsewhere: checked whole, then stored in one transaction, a point and time once, as poll would have stored them."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.problems import fault
from city.quality import VALID
from service.decisions import Person, require
from service.exchange.files_in import Columns, batches, sha256
from service.exchange.lines import SCALED
from service.exchange.parsing import Faults, exactly, places, plain, soon, times, told, whole
from service.settings import LoadedCity
from service.store import operations, readings, writing
from service.store.columns import Columns as Numbers
from service.utctime import micros

COLUMNS = Columns(("point_id", "time_utc", "value"), ("quantity", SCALED, "quality", "received_at_utc", "unit"))
_LATEST_S = 2**31 - 1
_AT_ONCE = 8  # batches of some ten thousand rows


def take(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """Store the readings of a file. Raises `PenstockError` with up to 20 faults, each with row and column; then nothing was stored.

    The first value of a point and time stays, as everywhere; what differs goes to `conflict`. The same file again brings nothing.
    """
    require(engine, person, "readings", path.name, now_utc)
    digest, names = sha256(path), sorted(city.points)
    held = _Held(path.name, names)
    for rows in _checked(city, path, names, now_utc):
        held.add(rows)
    held.check()
    if sha256(path) != digest:
        raise fault(path.name, "changed while it was read", "a file that nobody writes to", "Take it again.")
    key_of = readings.register_points(engine, list(city.points.values()))
    keys = np.array([key_of[name] for name in names], dtype=np.int64)
    made = 0
    with writing(engine) as connection:
        for piece, (time_us, point, value, quality, late_s) in enumerate(held.pieces()):
            batch = hashlib.sha256(f"{digest} {piece}".encode()).hexdigest()
            made += readings.add(connection, batch, [time_us, keys[point], value, quality, late_s])
        sentence = f"{path.name}: {made:,} of {held.rows:,} readings are new" + ("" if made else "; stored before, nothing changed")
        operations.record(connection, now_utc, person.name, "take readings", path.name[:80], f"{sentence}; SHA-256 {digest}")
    yield sentence


def _checked(city: LoadedCity, path: Path, names: list[str], now_utc: datetime) -> Iterator[Numbers]:
    """Time [us], place in `names`, stored value, quality, lateness [s], batch by batch. Raises `PenstockError` with all that is wrong."""
    points = [city.points[name] for name in names]
    scale = np.array([point.quantity.scale for point in points], dtype=np.int64)
    faults, first = Faults(path.name), 1
    for table in batches(path, COLUMNS):
        column = {name: plain(table[name]) for name in table.column_names}
        at = places(column["point_id"], names)
        faults.tell_where(at < 0, first, column["point_id"], "point_id", "a point of city.toml")
        at = np.maximum(at, 0)
        time_us = times(column["time_utc"], "time_utc", first, faults, soon(now_utc))
        for name, said in (("quantity", [str(p.quantity) for p in points]), ("unit", [p.quantity.unit for p in points])):
            if name in column:
                _alike(column[name], said, at, name, first, faults)
        value = exactly(column, scale[at], first, faults)
        quality = whole(column["quality"], 0, 0xFFFF, "quality", first, faults) if "quality" in column else np.full(len(at), VALID)
        received = (
            times(column["received_at_utc"], "received_at_utc", first, faults)
            if "received_at_utc" in column
            else np.maximum(time_us, micros(now_utc))
        )
        late_s = np.clip(-((time_us - received) // 1_000_000), -_LATEST_S, _LATEST_S)
        first += table.num_rows
        if not faults.found:
            yield [time_us, at, value, quality, late_s]
        elif len(faults.found) > 19:
            break
    faults.raise_any()


def _alike(column: pa.Array, said: list[str], at: NDArray[np.int64], name: str, first: int, faults: Faults) -> None:
    """Does a column say of each row's point what city.toml says?"""
    known = sorted(set(said))
    of = np.array([known.index(one) for one in said], dtype=np.int64)
    bad = places(column, known) != of[at]
    allowed = f"that of the point: {said[int(at[np.flatnonzero(bad)[0]])]}" if bad.any() else ""
    faults.tell_where(bad, first, column, name, allowed)


class _Held:
    """The rows of a file that were found right, in 26 bytes each: a file is read once, and every point and time is there once."""

    _KINDS = (np.int64, np.int32, np.int64, np.uint16, np.int32)

    def __init__(self, subject: str, names: list[str]) -> None:
        self._subject, self._names, self.rows = subject, names, 0
        self._batches: list[list[NDArray[Any]]] = []

    def add(self, rows: Numbers) -> None:
        self._batches.append([column.astype(kind) for column, kind in zip(rows, self._KINDS, strict=True)])
        self.rows += len(rows[0])

    def pieces(self) -> Iterator[Numbers]:
        """The rows again, in pieces that are stored at once."""
        while self._batches:
            some, self._batches = self._batches[:_AT_ONCE], self._batches[_AT_ONCE:]
            yield [np.concatenate(column).astype(np.int64) for column in zip(*some, strict=True)]

    def check(self) -> None:
        """Raises `PenstockError` for readings that are there twice, and for a file without any."""
        if not self.rows:
            raise fault(self._subject, "no rows", "one reading at least", "Check what wrote it.")
        time_us = np.concatenate([batch[0] for batch in self._batches])
        point = np.concatenate([batch[1] for batch in self._batches]).astype(np.int64)
        if not (time_us % 1_000_000).any() and point.max() < 2**27:
            packed = np.sort(point << 36 | time_us // 1_000_000)
            twice = packed[1:][packed[1:] == packed[:-1]]
            found = [(int(one >> 36), int(one & (2**36 - 1)) * 1_000_000) for one in twice[:20]]
        else:
            order = np.lexsort((time_us, point))
            same = (np.diff(time_us[order]) == 0) & (np.diff(point[order]) == 0)
            found = [(int(point[i]), int(time_us[i])) for i in order[1:][same][:20]]
        faults = Faults(self._subject)
        for place, at in found:
            faults.tell(0, "point_id, time_utc", f"{self._names[place]} at {told(at)} twice", "each point and time once")
        faults.raise_any()
