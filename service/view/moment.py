"""What time it is for a reader of the store, and what ought to have been heard of by then."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select

from city.clock import parse_utc
from service import schema as t
from service.settings import LoadedCity
from service.store import readings, runs

POLL_LATE = timedelta(minutes=45)  # three quarters without a reading: the poll process or its links are down
NIGHT_LATE = timedelta(hours=30)  # a night every 24 h, and time to finish it
WORK_LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Late:
    """A process that should have been heard of: `poll`, `night` or `work`, and when it was last (None: never)."""

    process: str
    last_utc: datetime | None


@dataclass(frozen=True)
class Moment:
    """The reader's clock. `replayed` says that it is not the clock on the wall but the newest slot of a simulated field."""

    now_utc: datetime
    zone: str
    replayed: bool
    night: date | None
    night_utc: datetime | None
    late: tuple[Late, ...]

    def local(self, time: datetime) -> datetime:
        """The same instant on the wall clock of the city."""
        return time.astimezone(ZoneInfo(self.zone))


def now(engine: Engine, city: LoadedCity) -> tuple[datetime, bool]:
    """(now, replayed): `PENSTOCK_NOW` when set; the newest slot of a simulated city; otherwise the wall clock.

    Raises `PenstockError` when PENSTOCK_NOW is no time with offset.
    """
    if told := os.environ.get("PENSTOCK_NOW"):
        return parse_utc(told), True
    if city.settings.simulator is not None:
        with engine.connect() as connection:
            night = connection.execute(select(func.max(t.run.c.now_utc))).scalar()
        known = [time for time in (readings.last_slot(engine), night) if time is not None]
        if known:
            return max(known), True
    return datetime.now(UTC), False


def moment(engine: Engine, city: LoadedCity, at_utc: datetime | None = None) -> Moment:
    """The clock, the newest night and who is late by it; `at_utc` replaces the clock."""
    at, replayed = now(engine, city) if at_utc is None else (at_utc, city.settings.simulator is not None)
    night = runs.last_night(engine, city.settings.city.id)
    with engine.connect() as connection:
        night_utc = connection.execute(select(func.max(t.run.c.now_utc)).where(t.run.c.night == night)).scalar() if night else None
    return Moment(at, city.settings.city.time_zone, replayed, night, night_utc, _late(at, replayed, night_utc, runs.heartbeats(engine)))


def _late(at: datetime, replayed: bool, night_utc: datetime | None, hearts: Mapping[str, datetime]) -> tuple[Late, ...]:
    found = []
    if "poll" not in hearts or at - hearts["poll"] > POLL_LATE:
        found.append(Late("poll", hearts.get("poll")))
    if night_utc is None or at - night_utc > NIGHT_LATE:
        found.append(Late("night", night_utc))
    # `work` beats by the wall clock, which a replay does not share.
    if not replayed and ("work" not in hearts or at - hearts["work"] > WORK_LATE):
        found.append(Late("work", hearts.get("work")))
    return tuple(found)
