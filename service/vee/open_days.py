"""Days of points of which something is asked, so that nobody opens 100,000 vectors to find the few.

A row is a hint: the stretches themselves are read from the newest version. A day that a later version or a person settled may keep its row
until it is looked at; none that asks for something lacks it.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from service import schema as t
from service.store.readings import driver_time, insert_rows


def note(connection: Connection, counts: Mapping[tuple[int, datetime], int]) -> None:
    """Note how many intervals {(point_key, day start): count} are asked about; days without any are left out."""
    rows = [(driver_time(connection, day), key, count) for (key, day), count in counts.items() if count]
    if rows:
        insert_rows(connection, t.vee_open, rows, " ON CONFLICT DO NOTHING")


def renew(connection: Connection, counts: Mapping[tuple[int, datetime], int]) -> None:
    """`note` for days that have a further version, or of which a person settled something: their former row goes."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sql = f"DELETE FROM vee_open WHERE day_start_utc = {mark} AND point_key = {mark}"  # noqa: S608 - our names
    if counts:
        connection.exec_driver_sql(sql, [(driver_time(connection, day), key) for key, day in counts])
    note(connection, counts)
