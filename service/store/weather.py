"""What weather services told: every vector for good, with when it was issued and since when it is available."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select

from forecasting.weather_archive import Told
from service import schema as t
from service.store.vectors import pack_float, unpack_float

_MONTH = timedelta(days=31)


def store(connection: Connection, source: str, place: str, told: Sequence[Told], arrived_utc: datetime, *, stated: bool) -> int:
    """Keep what one file told. Returns the vectors that were new; what is there already stays as it is.

    Another content for the same variable, start and time of issue is a correction: it is available since `arrived_utc`, and readers
    that ask for an earlier time still get what was known then. `stated`: did the file say when it was issued? Where it did not, the
    same content is the same forecast, whenever it arrives.
    """
    w = t.weather.c
    made = 0
    for one in told:
        amounts = pack_float(one.values)
        same = [w.source == source, w.place == place, w.variable == one.variable, w.start_utc == one.start_utc]
        same += [w.issued_utc == one.issued_utc] if stated else [w.amounts == amounts]
        found = connection.execute(select(w.available_at_utc, w.amounts, w.step_s).where(*same).order_by(w.available_at_utc.desc())).first()
        step_s = int(one.step.total_seconds())
        if found is not None and (bytes(found.amounts), found.step_s) == (amounts, step_s):
            continue
        corrected = found is not None
        row: dict[str, Any] = {
            "source": source,
            "place": place,
            "variable": one.variable,
            "start_utc": one.start_utc,
            "issued_utc": one.issued_utc,
            "available_at_utc": max(one.available_utc, arrived_utc) if corrected else one.available_utc,
            "archive": one.archive and not corrected,
            "step_s": step_s,
            "amounts": amounts,
        }
        connection.execute(t.weather.insert(), row)
        made += 1
    return made


def read(engine: Engine, place: str, since_utc: datetime, known_at_utc: datetime) -> list[Told]:
    """What was available at `known_at_utc` about a place and the times from `since_utc` on: the place's own, else the whole city's."""
    w = t.weather.c
    long = func.length(w.amounts) / 4 * w.step_s > _MONTH.total_seconds()
    reaches = or_(w.start_utc > since_utc - _MONTH, long)  # what is short and old is not even loaded
    with engine.connect() as connection:
        own = connection.execute(select(w.source).where(w.place == place).limit(1)).first() if place else None
        rows = connection.execute(
            select(t.weather)
            .where(w.place == (place if own else ""), w.available_at_utc <= known_at_utc, reaches)
            .order_by(w.available_at_utc, w.issued_utc, w.start_utc, w.source, w.variable)
        ).all()
    found = [
        Told(
            row.variable,
            row.issued_utc,
            row.available_at_utc,
            bool(row.archive),
            row.start_utc,
            timedelta(seconds=row.step_s),
            unpack_float(row.amounts),
        )
        for row in rows
    ]
    return [one for one in found if one.start_utc + one.step * len(one.values) > since_utc]
