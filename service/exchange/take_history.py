"""History from elsewhere: intervals of validated days, one per row, taken in as `penstock import` takes its files.

The exported `days` are such a table too: of each interval its newest version counts, and only what was measured comes in.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.frames import Block
from city.problems import fault
from city.quality import VALID, Flag, measured, missing_of
from city.quantities import Quantity
from service.decisions import Person, require
from service.exchange.files_in import Columns, batches, sha256
from service.exchange.parsing import Faults, exactly, places, plain, soon, times, whole
from service.exchange.tidy import DAYS
from service.importing import store_history
from service.settings import LoadedCity
from service.store import operations, readings, writing
from service.store.columns import NONE
from service.utctime import from_micros

_NEEDED = ("point_id", "time_utc", "value")
_JUDGED = (*_NEEDED, "quality", "version")
_EXPORTED = Columns(_JUDGED, (*(name for name in DAYS.names if name not in _JUDGED), "unit"))
COLUMNS = Columns(_NEEDED, ("quantity", "unit"), _EXPORTED)
MOST_ROWS = 5_000_000
MOST_CELLS = 50_000_000  # of the grid that the rows of one quantity span
Numbers = NDArray[np.int64]
Rows = tuple[Numbers, Numbers, Numbers, Numbers]  # time [us], place among the points, value as stored, quality


def take(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """Store the intervals of a file: time is the start of the interval, value what was used in it (energy_kwh of an energy register).

    Days that are stored already stay; a day counts when it lies wholly between the first and last interval of its point.
    Raises `PenstockError` with up to 20 faults; then nothing was stored.
    """
    require(engine, person, "readings", path.name, now_utc)
    digest, names = sha256(path), sorted(city.points)
    rows, judged = _checked(city, path, names, now_utc)
    rows, left_out = _measured(rows) if judged else (rows, "")
    time_us, place, *_ = rows
    key_of = readings.register_points(engine, list(city.points.values()))
    first, last = np.full(len(names), np.iinfo(np.int64).max), np.zeros(len(names), dtype=np.int64)
    np.minimum.at(first, place, time_us)
    np.maximum.at(last, place, time_us)
    groups: dict[tuple[Quantity, int, int, int], list[int]] = {}  # of one span: days that a file does not tell of are no days without data
    for at in np.unique(place).tolist():
        point = city.points[names[at]]
        groups.setdefault((point.stored, point.step_s, int(first[at]), int(last[at])), []).append(at)
    made = 0
    with writing(engine) as connection:
        for (quantity, step_s, *_), some in sorted(groups.items()):
            block = _block(path.name, quantity, step_s, some, names, rows)
            made += store_history(connection, city, block, key_of, judged=judged)[0]
        sentence = f"{path.name}: {made:,} days of points stored" if made else f"{path.name}: stored before, nothing changed"
        operations.record(connection, now_utc, person.name, "take history", path.name[:80], f"{sentence}; SHA-256 {digest}")
    yield sentence + left_out


def _checked(city: LoadedCity, path: Path, names: list[str], now_utc: datetime) -> tuple[Rows, bool]:
    """The intervals, each in its newest version; and whether they were judged before, as those of an export."""
    points = [city.points[name] for name in names]
    scale = np.array([point.stored.scale for point in points], dtype=np.int64)
    step_s = np.array([point.step_s for point in points], dtype=np.int64)
    faults, first, judged = Faults(path.name), 1, False
    held: list[list[Numbers]] = []
    for table in batches(path, COLUMNS):
        column = {name: plain(table[name]) for name in table.column_names}
        judged, none = "version" in column, np.ones(table.num_rows, dtype=np.int64)
        found = places(column["point_id"], names)
        faults.tell_where(found < 0, first, column["point_id"], "point_id", "a point of city.toml")
        at = np.maximum(found, 0)
        time_us = times(column["time_utc"], "time_utc", first, faults, soon(now_utc))
        faults.tell_where(time_us % (step_s[at] * 1_000_000) != 0, first, column["time_utc"], "time_utc", "a time on the step of its point")
        for name, said in (("quantity", [str(p.stored) for p in points]), ("unit", [p.stored.unit for p in points])):
            if name in column:
                known = sorted(set(said))
                of = np.array([known.index(one) for one in said], dtype=np.int64)
                faults.tell_where(places(column[name], known) != of[at], first, column[name], name, "that of the point's intervals")
        if "step_s" in column:
            told = whole(column["step_s"], 1, 86_400, "step_s", first, faults)
            faults.tell_where(told != step_s[at], first, column["step_s"], "step_s", "the step of the point in city.toml")
        value = exactly(column, scale[at], first, faults)
        quality = whole(column["quality"], 0, 0xFFFF, "quality", first, faults) if judged else np.where(value == NONE, 0, VALID)
        version = whole(column["version"], 1, 2**31 - 1, "version", first, faults) if judged else none
        held.append([time_us, at, value, quality, version])
        first += table.num_rows
        if first > MOST_ROWS:
            raise fault(path.name, f"more than {MOST_ROWS:,} rows", f"{MOST_ROWS:,} rows", "Split it, by month perhaps.")
    faults.raise_any()
    if first == 1:
        raise fault(path.name, "no rows", "one interval at least", "Check what wrote it.")
    return _newest(names, [np.concatenate(column) for column in zip(*held, strict=True)], faults), judged


def _newest(names: list[str], rows: list[Numbers], faults: Faults) -> Rows:
    """Of each interval the row of its highest version. Raises `PenstockError` for an interval that is there twice in one version."""
    time_us, place, value, quality, version = rows
    order = np.lexsort((version, time_us, place))
    again = (np.diff(time_us[order]) == 0) & (np.diff(place[order]) == 0)
    for i in order[1:][again & (np.diff(version[order]) == 0)][:20].tolist():
        faults.tell(i + 1, "point_id, time_utc", f"{names[place[i]]} at {from_micros(int(time_us[i]))} twice", "each interval once")
    faults.raise_any()
    last = order[np.append(~again, True)]
    return time_us[last], place[last], value[last], quality[last]


def _measured(rows: Rows) -> tuple[Rows, str]:
    """Judged rows with values where a meter measured them and gaps with their causes elsewhere; and a clause on what was left out."""
    time_us, place, value, quality = rows
    none = (value == NONE) | ((quality & 0xFF) == 0)
    stays = measured(quality) & ~none
    estimated = (quality & int(Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR)) != 0
    doubted = (quality & int(Flag.QUESTIONABLE)) != 0
    kinds = np.select([stays, none, estimated, doubted], [0, 1, 2, 3], 4)
    told = [
        f"{n:,} {kind}" for n, kind in zip(np.bincount(kinds, minlength=5)[1:], ("missing", "estimated", "doubted", "edited"), strict=True)
    ]
    some = ", ".join(told) if not stays.all() else ""
    gaps = missing_of(quality.astype(np.uint16)).astype(np.int64)
    clause = f"; intervals left out, for this city to estimate itself: {some}" if some else ""
    return (time_us, place, np.where(stays, value, NONE), np.where(stays, quality, gaps)), clause


def _block(subject: str, quantity: Quantity, step_s: int, some: list[int], names: list[str], rows: Rows) -> Block:
    """The rows of some points on their grid; where a file says nothing there is nothing."""
    mine = np.isin(rows[1], some)
    time_us, place, value, known = (column[mine] for column in rows)
    start, step_us = int(time_us.min()), step_s * 1_000_000
    steps = (int(time_us.max()) - start) // step_us + 1
    if steps * len(some) > MOST_CELLS:
        observed = f"{len(some)} points over {steps:,} steps"
        raise fault(subject, observed, f"{MOST_CELLS:,} intervals at once", "Split it by time; check its first and last times.")
    values, quality = np.zeros((len(some), steps), dtype=np.int64), np.zeros((len(some), steps), dtype=np.uint16)
    row, column = np.searchsorted(some, place), (time_us - start) // step_us
    values[row, column] = np.where(value == NONE, 0, value)
    quality[row, column] = known
    return Block(tuple(names[at] for at in some), from_micros(start), timedelta(seconds=step_s), quantity, values, quality)
