"""Which validated days ask for a person, for revision 0011: with a cause, and edited by nobody."""

import zlib
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from service.utctime import UtcTime

NOTHING_TO_ASK = (0, 36, 38)  # no cause; a register that rolled over; a meter that was exchanged
EDITED = 2
CHUNK = 1000


def note() -> None:
    """Note the intervals of the last five weeks. Of older days nothing is asked: their vectors are too many to open in an upgrade."""
    columns: list[Any] = [sa.column("day_start_utc", UtcTime()), *map(sa.column, ("point_key", "version", "quality"))]
    days, connection = sa.table("meter_day", *columns), op.get_bind()
    last = connection.execute(sa.select(sa.func.max(days.c.day_start_utc))).scalar()
    if last is None:
        return

    @cache  # days alike share their bytes
    def asked(packed: bytes) -> int:
        codes = np.frombuffer(zlib.decompress(packed), "<u2")
        return int((~np.isin(codes >> 8, NOTHING_TO_ASK) & ((codes & EDITED) == 0)).sum())

    newest: dict[tuple[Any, int], int] = {}
    chosen = sa.select(days).where(days.c.day_start_utc > last - timedelta(days=35)).order_by(days.c.version)
    for start, point, _, packed in connection.execute(chosen):
        newest[start, point] = asked(bytes(packed))
    made = sa.table("vee_open", sa.column("day_start_utc", UtcTime()), sa.column("point_key"), sa.column("intervals"))
    rows = [{"day_start_utc": start, "point_key": point, "intervals": count} for (start, point), count in newest.items() if count]
    for first in range(0, len(rows), CHUNK):
        connection.execute(made.insert(), rows[first : first + CHUNK])
