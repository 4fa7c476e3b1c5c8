"""How soon readings were stored, counted in the transaction that stores them, so that it is counted once like the readings themselves."""

from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from service import schema as t
from service.store import insert_into
from service.store.columns import Columns
from service.utctime import from_micros

WITHIN_S = 60  # from being read to being stored
_HOUR_US = 3_600_000_000


def count(connection: Connection, rows: Columns, stored_utc: datetime) -> None:
    """Count new readings, as columns of `reading`, by the hour they were read in. `stored_utc` is the clock they were read by.

    The store keeps when a reading was received as whole seconds, rounded up: up to a second of the minute is given away.
    """
    if not rows[0].size:
        return
    read_us = rows[0] + rows[4] * 1_000_000
    hour, at = np.unique(read_us // _HOUR_US, return_inverse=True)
    late = int(stored_utc.timestamp() * 1_000_000) - read_us > WITHIN_S * 1_000_000
    lates, every = np.bincount(at, weights=late).astype(int), np.bincount(at)
    found = [
        {"hour_utc": from_micros(int(one) * _HOUR_US), "in_time": int(n - k), "late": int(k)}
        for one, n, k in zip(hour, every, lates, strict=True)
    ]
    insert = insert_into(connection, t.stored_lag)
    more = {name: t.stored_lag.c[name] + insert.excluded[name] for name in ("in_time", "late")}
    connection.execute(insert.on_conflict_do_update(index_elements=["hour_utc"], set_=more), found)
