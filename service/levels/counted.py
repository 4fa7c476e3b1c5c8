"""The levels that the database adds up by itself: no vector is opened and nothing heavy imported, so `penstock status` can ask."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case, func, select

from city.causes import ANSWERED, Cause
from city.clock import civil_day, local_date
from service import schema as t
from service.levels import kinds
from service.levels.outages import availability
from service.levels.settings import Levels
from service.levels.share import Share
from service.levels.uptime import REPLAYED

FINISHED = ("done", "problems")


class Asked(NamedTuple):
    """A civil day of a city, up to now."""

    city: str
    zone: str
    settings: Levels
    day: date
    now_utc: datetime

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The day [UTC], as far as it is over."""
        start, end = civil_day(self.day, self.zone)
        return start, min(end, self.now_utc)


def online(connection: Connection, asked: Asked) -> Share:
    """Readings whose meter answered, of those it was asked for."""
    s, (start, end) = t.slot_quality.c, asked.span
    cause = s.quality // 256
    answered = func.sum(case((cause.in_([int(one) for one in ANSWERED]), s.readings), else_=0))
    statement = select(answered, func.sum(s.readings)).where(s.time_utc >= start, s.time_utc < end, cause != int(Cause.OVERRUN))
    return _share(connection, statement)


def stored(connection: Connection, asked: Asked) -> Share:
    """Readings stored within a minute of being read, of all that were new."""
    lag, (start, end) = t.stored_lag.c, asked.span
    statement = select(func.sum(lag.in_time), func.sum(lag.in_time + lag.late))
    return _share(connection, statement.where(lag.hour_utc >= start, lag.hour_utc < end))


def api(connection: Connection, asked: Asked) -> Share:
    """Calls that the service did not fail."""
    a, (start, end) = t.api_hour.c, asked.span
    statement = select(func.sum(case((a.status < 500, a.calls), else_=0)), func.sum(a.calls))
    return _share(connection, statement.where(a.hour_utc >= start, a.hour_utc < end))


def up(connection: Connection, asked: Asked) -> Share:
    """Seconds in which every process that should run did."""
    day = civil_day(asked.day, asked.zone)
    return availability(connection, asked.settings.availability_of, *day, asked.now_utc, _in_service(connection, asked.city))


def _in_service(connection: Connection, city: str) -> datetime | None:
    """When the city's first night was over: whoever runs nights runs the service. The night of a replay is no time of service."""
    r = t.run.c
    of_city = (r.city == city, r.command == "night", r.status.in_(FINISHED), r.ended_utc.is_not(None))
    for row in connection.execute(select(r.now_utc, r.started_utc, r.ended_utc).where(*of_city).order_by(r.ended_utc)):
        if abs(row.started_utc - row.now_utc) <= REPLAYED:
            ended: datetime = row.ended_utc
            return ended
    return None


def nights(connection: Connection, asked: Asked) -> Share:
    """One for a night that ended in time, by the clock it was started with (`--now`) and what it took.

    A day counts when its deadline lies after the start of the city's first night: neither the days that a rerun (`--date`) reaches back
    to, nor the day on whose afternoon somebody ran the first one.
    """
    r = t.run.c
    of_city = (r.city == asked.city, r.command == "night")
    first = connection.execute(select(func.min(r.now_utc)).where(*of_city)).scalar()
    deadline = datetime.combine(asked.day, asked.settings.night_by, ZoneInfo(asked.zone))
    hours = asked.settings.night_hours
    for row in connection.execute(select(t.run).where(*of_city, r.night == asked.day, r.status.in_(FINISHED))):
        took = row.ended_utc - row.started_utc
        brief = hours is not None and took <= timedelta(hours=hours) and local_date(row.now_utc, asked.zone) <= asked.day
        if row.now_utc + took <= deadline or brief:
            return Share(1.0, 1.0)
    return Share(0.0, 1.0) if first is not None and first <= deadline < asked.now_utc else Share()


def _share(connection: Connection, statement: object) -> Share:
    good, total = connection.execute(statement).one()  # type: ignore[call-overload]
    return Share(float(good or 0), float(total or 0))


COUNTED: dict[str, Callable[[Connection, Asked], Share]] = {
    kinds.ONLINE.name: online,
    kinds.STORED.name: stored,
    kinds.NIGHTS.name: nights,
    kinds.API.name: api,
    kinds.AVAILABILITY.name: up,
}
