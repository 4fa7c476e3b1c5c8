"""What new readings change: the newest of each point, and how many of each slot came with which quality."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from city.quality import usable
from service import schema as t
from service.store import columns, insert_into
from service.store.columns import NONE, Columns
from service.utctime import from_micros

_REFRESH = """
ON CONFLICT (point_key) DO UPDATE SET
  value = CASE WHEN excluded.time_utc > latest.time_utc THEN excluded.value ELSE latest.value END,
  quality = CASE WHEN excluded.time_utc > latest.time_utc THEN excluded.quality ELSE latest.quality END,
  time_utc = CASE WHEN excluded.time_utc > latest.time_utc THEN excluded.time_utc ELSE latest.time_utc END,
  good_value = CASE WHEN excluded.good_time_utc <= latest.good_time_utc THEN latest.good_value
    ELSE COALESCE(excluded.good_value, latest.good_value) END,
  good_time_utc = CASE WHEN excluded.good_time_utc <= latest.good_time_utc THEN latest.good_time_utc
    ELSE COALESCE(excluded.good_time_utc, latest.good_time_utc) END
WHERE excluded.time_utc > latest.time_utc OR excluded.good_time_utc > latest.good_time_utc
  OR (latest.good_time_utc IS NULL AND excluded.good_time_utc IS NOT NULL)
"""


def refresh(connection: Connection, rows: Columns) -> None:
    """Bring `latest` and `slot_quality` up to date with readings that were not stored before, as columns of `reading`."""
    if not rows[0].size:
        return
    _count(connection, rows[0], rows[3])
    time, key, value, quality = rows[:4]
    order = np.argsort(time, kind="stable")
    good = (value != NONE) & usable(quality)
    newest, newest_good = _last_of_each(key, order), _last_of_each(key, order[good[order]])
    good_time, good_value = np.full(newest.size, NONE), np.full(newest.size, NONE)
    at = np.searchsorted(key[newest], key[newest_good])
    good_time[at], good_value[at] = time[newest_good], value[newest_good]
    found = [key[newest], time[newest], value[newest], quality[newest], good_time, good_value]
    if connection.dialect.name == "postgresql":
        columns.stage(connection, "newest", t.latest, found)
        connection.exec_driver_sql(f"INSERT INTO latest SELECT * FROM newest{_REFRESH}")  # noqa: S608 - our names
    else:
        columns.insert(connection, t.latest, found, _REFRESH)


def _count(connection: Connection, time: NDArray[np.int64], quality: NDArray[np.int64]) -> None:
    slots, at = np.unique(time, return_inverse=True)
    codes, many = np.unique(at << 16 | quality, return_counts=True)  # a quality has 16 bits
    rows = [
        {"time_utc": from_micros(int(slots[code >> 16])), "quality": code & 0xFFFF, "readings": number}
        for code, number in zip(codes.tolist(), many.tolist(), strict=True)
    ]
    insert = insert_into(connection, t.slot_quality)
    more = {"readings": t.slot_quality.c.readings + insert.excluded.readings}
    connection.execute(insert.on_conflict_do_update(index_elements=["time_utc", "quality"], set_=more), rows)


def _last_of_each(key: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each key the last of its rows in `order`, by key."""
    row = np.full(int(key.max()) + 1, -1, dtype=np.intp)
    row[key[order]] = order  # of what goes to one place numpy keeps the last
    return row[row >= 0]
