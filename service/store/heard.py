"""How many values a civil day had when it was validated: another count later means that readings came late."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select

from service import schema as t

Day = tuple[datetime, datetime]


def known(engine: Engine, since_utc: datetime) -> dict[datetime, int]:
    """{day start: values it was validated with} of the days that start at or after a time, oldest first."""
    h = t.heard_day.c
    with engine.connect() as connection:
        rows = connection.execute(select(h.day_start_utc, h.readings).where(h.day_start_utc >= since_utc).order_by(h.day_start_utc))
        return {row.day_start_utc: row.readings for row in rows}


def count(engine: Engine, days: Sequence[Day]) -> dict[datetime, int]:
    """{day start: hot readings of that day that have a value}."""
    r = t.reading.c
    with engine.connect() as connection:
        return {
            start: connection.execute(select(func.count(r.value)).where(r.time_utc >= start, r.time_utc < end)).scalar_one()
            for start, end in days
        }


def note(connection: Connection, counts: Mapping[datetime, int]) -> None:
    """Remember what the days were validated with."""
    if counts:
        connection.execute(delete(t.heard_day).where(t.heard_day.c.day_start_utc.in_(list(counts))))
        connection.execute(t.heard_day.insert(), [{"day_start_utc": start, "readings": n} for start, n in counts.items()])
