"""History from elsewhere: intervals of validated days, one per row, taken in as `penstock import` takes its files."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.frames import Block
from city.problems import fault
from city.quality import VALID
from city.quantities import Quantity
from service.decisions import Person, require
from service.exchange.files_in import Columns, batches, sha256
from service.exchange.parsing import Faults, places, plain, soon, stored, times
from service.importing import store_history
from service.settings import LoadedCity
from service.store import operations, readings, writing
from service.store.columns import NONE
from service.utctime import from_micros

COLUMNS = Columns(("point_id", "time_utc", "value"), ("quantity", "unit"))
MOST_ROWS = 5_000_000
MOST_CELLS = 50_000_000  # of the grid that the rows of one quantity span
Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def take(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """Store the intervals of a file: time is the start of the interval, value what was used in it (energy_kwh of an energy register).

    Days that are stored already stay; a day counts when it lies wholly between the first and last interval of its point.
    Raises `PenstockError` with up to 20 faults; then nothing was stored.
    """
    require(engine, person, "readings", path.name, now_utc)
    digest, names = sha256(path), sorted(city.points)
    time_us, place, value = _checked(city, path, names, now_utc)
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
            block = _block(path.name, quantity, step_s, some, names, (time_us, place, value))
            made += store_history(connection, city, block, key_of)[0]
        sentence = f"{path.name}: {made:,} days of points stored" if made else f"{path.name}: stored before, nothing changed"
        operations.record(connection, now_utc, person.name, "take history", path.name[:80], f"{sentence}; SHA-256 {digest}")
    yield sentence


def _checked(city: LoadedCity, path: Path, names: list[str], now_utc: datetime) -> Rows:
    points = [city.points[name] for name in names]
    scale = np.array([point.stored.scale for point in points], dtype=np.int64)
    step_us = np.array([point.step_s * 1_000_000 for point in points], dtype=np.int64)
    faults, first = Faults(path.name), 1
    held: list[Rows] = []
    for table in batches(path, COLUMNS):
        column = {name: plain(table[name]) for name in table.column_names}
        found = places(column["point_id"], names)
        faults.tell_where(found < 0, first, column["point_id"], "point_id", "a point of city.toml")
        at = np.maximum(found, 0)
        time_us = times(column["time_utc"], "time_utc", first, faults, soon(now_utc))
        faults.tell_where(time_us % step_us[at] != 0, first, column["time_utc"], "time_utc", "a time on the step of its point")
        for name, said in (("quantity", [str(p.stored) for p in points]), ("unit", [p.stored.unit for p in points])):
            if name in column:
                known = sorted(set(said))
                of = np.array([known.index(one) for one in said], dtype=np.int64)
                faults.tell_where(places(column[name], known) != of[at], first, column[name], name, "that of the point's intervals")
        held.append((time_us, at, stored(column["value"], scale[at], "value", first, faults)))
        first += table.num_rows
        if first > MOST_ROWS:
            raise fault(path.name, f"more than {MOST_ROWS:,} rows", f"{MOST_ROWS:,} rows", "Split it, by month perhaps.")
    faults.raise_any()
    if first == 1:
        raise fault(path.name, "no rows", "one interval at least", "Check what wrote it.")
    time_us, place, value = (np.concatenate(column) for column in zip(*held, strict=True))
    order = np.lexsort((time_us, place))
    for i in order[1:][(np.diff(time_us[order]) == 0) & (np.diff(place[order]) == 0)][:20].tolist():
        faults.tell(i + 1, "point_id, time_utc", f"{names[place[i]]} at {from_micros(int(time_us[i]))} twice", "each interval once")
    faults.raise_any()
    return time_us, place, value


def _block(subject: str, quantity: Quantity, step_s: int, some: list[int], names: list[str], rows: Rows) -> Block:
    """The rows of some points on their grid; where a file says nothing there is nothing."""
    mine = np.isin(rows[1], some)
    time_us, place, value = (column[mine] for column in rows)
    start, step_us = int(time_us.min()), step_s * 1_000_000
    steps = (int(time_us.max()) - start) // step_us + 1
    if steps * len(some) > MOST_CELLS:
        observed = f"{len(some)} points over {steps:,} steps"
        raise fault(subject, observed, f"{MOST_CELLS:,} intervals at once", "Split it by time; check its first and last times.")
    values, quality = np.zeros((len(some), steps), dtype=np.int64), np.zeros((len(some), steps), dtype=np.uint16)
    row, column = np.searchsorted(some, place), (time_us - start) // step_us
    values[row, column] = np.where(value == NONE, 0, value)
    quality[row, column] = np.where(value == NONE, 0, VALID)
    return Block(tuple(names[at] for at in some), from_micros(start), timedelta(seconds=step_s), quantity, values, quality)
