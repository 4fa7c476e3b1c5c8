"""Readings of a span, hot and cold alike, UTC day by UTC day: what the API pages through and what an export streams."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from city.quantities import Quantity
from service import schema as t
from service.store import cold, columns, readings
from service.store.columns import Columns
from service.utctime import micros

MOST_ROWS = 1_000_000  # of one piece, about: what an export holds in memory
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rows:
    """Readings by point id and time. `point` [n] indexes `points` and `quantities`; `value` is in the stored scale, `NONE` for none."""

    points: list[str]
    quantities: list[Quantity]
    point: NDArray[np.int64]
    time_us: NDArray[np.int64]
    value: NDArray[np.int64]
    quality: NDArray[np.int64]
    late_s: NDArray[np.int64]

    @property
    def scale(self) -> NDArray[np.int64]:
        """Stored integers per unit of each point."""
        return np.array([quantity.scale for quantity in self.quantities], dtype=np.int64)


def between(
    connection: Connection, folder: Path, names: Sequence[str] | None, start_utc: datetime, end_utc: datetime, most: int = MOST_ROWS
) -> Iterator[Rows]:
    """Readings in [start, end) of some points, or of all (None), in pieces of about `most` rows: by UTC day, point id and time.

    A point and time is told once. Raises `PenstockError` for a cold file that is lost or damaged.
    """
    p = t.point.c
    every = connection.execute(select(p.point_id, p.point_key, p.quantity).order_by(p.point_id)).all()
    wanted = None if names is None else set(names)
    kinds = [row for row in every if wanted is None or row.point_id in wanted]
    kinds.sort(key=lambda row: str(row.point_id))  # a database may collate otherwise than Python does
    day = datetime.combine(start_utc.astimezone(UTC).date(), time(), UTC)
    while kinds and day < end_utc:
        first, last = max(day, start_utc), min(day + _DAY, end_utc)
        pieces = max(1, -(-_count(connection, first, last, day) * len(kinds) // max(1, len(every)) // most))
        size = -(-len(kinds) // pieces)
        for at in range(0, len(kinds), size):
            some = kinds[at : at + size]
            found = _of_day(connection, folder, [row.point_key for row in some], first, last, whole=len(some) == len(every))
            if found[0].size:
                yield _told([(row.point_id, row.point_key, row.quantity) for row in some], found)
        day += _DAY


def span(connection: Connection) -> tuple[datetime, datetime] | None:
    """From the first day that has readings, hot or cold, to the end of the last; None without any."""
    r, c = t.reading.c.time_utc, t.cold_day.c.day
    hot = connection.execute(select(func.min(r), func.max(r))).one()
    old = connection.execute(select(func.min(c), func.max(c))).one()
    days = [at.astimezone(UTC).date() for at in hot if at is not None] + [day for day in old if day is not None]
    if not days:
        return None
    return datetime.combine(min(days), time(), UTC), datetime.combine(max(days), time(), UTC) + _DAY


def _count(connection: Connection, first: datetime, last: datetime, day: datetime) -> int:
    """About how many readings a day has, from what was counted as they came: so that nothing is read to know it."""
    s, c = t.slot_quality.c, t.cold_day.c
    hot = connection.execute(select(func.sum(s.readings)).where(s.time_utc >= first, s.time_utc < last)).scalar() or 0
    old = connection.execute(select(func.sum(c.readings)).where(c.day == day.date())).scalar() or 0
    return int(hot) + int(old)


def _of_day(connection: Connection, folder: Path, keys: list[int], first: datetime, last: datetime, *, whole: bool) -> Columns:
    """The columns of `reading` of some points within one UTC day; what lies in cold storage as well as hot is told as it is there."""
    r = t.reading.c
    statement = select(*r).where(r.time_utc >= first, r.time_utc < last)
    if not whole and len(keys) <= readings.FEW:
        if connection.dialect.name == "sqlite":
            statement = readings.by_slot(statement, first, last)
        statement = statement.where(r.point_key.in_(keys))
    elif not whole:
        statement = statement.where(r.point_key >= min(keys), r.point_key <= max(keys))
    hot = columns.fetch(connection, statement)
    if not whole:
        inside = np.isin(hot[1], keys)
        hot = hot if inside.all() else [column[inside] for column in hot]
    old = cold.of_day(connection, folder, first.astimezone(UTC).date(), keys)
    if not old[0].size:
        return hot
    within = (old[0] >= micros(first)) & (old[0] < micros(last))
    both = [np.concatenate([column[within], new]) for column, new in zip(old, hot, strict=True)]
    order, kept = cold.firsts(both)
    return [column[order[order == kept]] for column in both]


def _told(kinds: list[tuple[str, int, str]], found: Columns) -> Rows:
    time_us, key, value, quality, late_s = found[:5]
    place = np.zeros(max(kind[1] for kind in kinds) + 1, dtype=np.int64)
    place[[kind[1] for kind in kinds]] = np.arange(len(kinds))
    at = place[key]
    order = np.lexsort((time_us, at))
    names, quantities = [kind[0] for kind in kinds], [Quantity(kind[2]) for kind in kinds]
    return Rows(names, quantities, at[order], time_us[order], value[order], quality[order], late_s[order])
