"""PostgreSQL keeps the readings of each UTC day in a partition of its own: a day leaves at once, and its index stays in memory."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from service.store.columns import NONE

DAY_US = 86_400_000_000


def days_of(time_us: NDArray[np.int64]) -> list[date]:
    """The UTC days of times [us since 1970], in order."""
    epoch = date(1970, 1, 1)
    return [epoch + timedelta(days=int(day)) for day in np.unique(time_us[time_us != NONE] // DAY_US)]


def name(day: date) -> str:
    return f"reading_{day:%Y%m%d}"


def ensure(connection: Connection, days: Sequence[date]) -> None:
    """Make the partitions of `days` that are not there. Nothing to do on SQLite.

    The caller holds the writer's lock (`service.store.alone`), so no other process makes the same one. A partition is made
    aside and attached: making it in place would shut out the readers of all days.
    """
    if connection.dialect.name != "postgresql":
        return
    for day in days:
        table = name(day)
        if connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar() is None:
            ends = f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
            connection.execute(text(f"CREATE TABLE {table} (LIKE reading INCLUDING ALL)"))
            connection.execute(text(f"ALTER TABLE reading ATTACH PARTITION {table} FOR VALUES {ends}"))


def drop(connection: Connection, day: date) -> None:
    """Drop a day with everything in it. The lock comes first, so that no reader and writer wait for each other crosswise."""
    connection.execute(text("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE"))
    connection.execute(text(f"DROP TABLE IF EXISTS {name(day)}"))


def tables(connection: Connection) -> list[str]:
    """The names of the partitions, oldest day first."""
    found = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'reading'::regclass ORDER BY name"
    return list(connection.execute(text(found)).scalars())


def present(connection: Connection) -> list[date]:
    """The days that have a partition."""
    return [datetime.strptime(table, "reading_%Y%m%d").replace(tzinfo=UTC).date() for table in tables(connection)]
