"""Days that the ledger may have to restate: noted in the transaction that makes the newer version, settled in the one that restates it.

A time of knowing would not do: an edit that began before the night and was committed after it would never be seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from service import schema as t
from service.store.readings import driver_time, insert_rows

NOON = timedelta(hours=12)  # after a civil midnight the date in UTC is the local one, but for zones beyond UTC+12


def note(connection: Connection, versions: Mapping[tuple[int, datetime], int], reason: str) -> None:
    """Note versions {(point_key, day start): version} that were made for `reason`. Days not posted yet may be among them."""
    rows = [(key, driver_time(connection, day), version, reason) for (key, day), version in versions.items()]
    if rows:
        insert_rows(connection, t.ledger_due, rows, " ON CONFLICT DO NOTHING")


def posted(connection: Connection, days: Iterable[datetime]) -> set[datetime]:
    """Those of the days, by their start, that the ledger may have posted."""
    last = connection.execute(select(func.max(t.ledger_batch.c.last_day))).scalar()
    return {start for start in days if last is not None and (start + NOON).date() <= last}


def noted(engine: Engine) -> Sequence[Any]:
    """Every row, oldest day first: point_key, point_id, day_start_utc, version, reason."""
    d = t.ledger_due.c
    statement = select(d.point_key, t.point.c.point_id, d.day_start_utc, d.version, d.reason)
    with engine.connect() as connection:
        joined = statement.join(t.point, t.point.c.point_key == d.point_key)
        return connection.execute(joined.order_by(d.day_start_utc, d.point_key, d.version)).all()


def settle(connection: Connection, rows: Sequence[Any]) -> None:
    """Take away rows that `noted` gave. What was noted since stays."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sql = f"DELETE FROM ledger_due WHERE point_key = {mark} AND day_start_utc = {mark} AND version = {mark}"  # noqa: S608 - our names
    if rows:
        connection.exec_driver_sql(sql, [(row.point_key, driver_time(connection, row.day_start_utc), row.version) for row in rows])
