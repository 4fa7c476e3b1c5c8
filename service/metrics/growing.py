"""Counters from tables that hold counts by hour: what was counted since this process began, each hour read until it can grow no more."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from city.clock import HOUR, floor
from service import schema as t
from service.metrics.sample import Asked, Sample

_OPEN = timedelta(hours=26)  # readings of an hour may be stored for a day and more after it: a spool bears 24 h


class Growing:
    """Sums since `began_utc`; only the hours that may still grow are read again, so that a year of hours costs nothing."""

    def __init__(self, began_utc: datetime) -> None:
        self._mark = floor(began_utc, HOUR)
        self._closed: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def samples(self, asked: Asked) -> Iterator[Sample]:
        mark = max(self._mark, floor(asked.now_utc - _OPEN, HOUR))
        found = list(_hours(asked.connection, self._mark))
        for hour, key, count in found:
            if hour < mark:
                self._closed[key] += count
        self._mark, made = mark, Counter(self._closed)
        for hour, key, count in found:
            if hour >= mark:
                made[key] += count
        for (name, labels), count in sorted(made.items()):
            yield name, labels, float(count)


def _hours(connection: Connection, since_utc: datetime) -> Iterator[tuple[datetime, tuple[str, tuple[str, ...]], int]]:
    for row in connection.execute(select(t.stored_lag).where(t.stored_lag.c.hour_utc >= since_utc)):
        yield row.hour_utc, ("readings_stored_total", ("true",)), row.in_time
        yield row.hour_utc, ("readings_stored_total", ("false",)), row.late
    for row in connection.execute(select(t.api_hour).where(t.api_hour.c.hour_utc >= since_utc)):
        yield row.hour_utc, ("api_calls_total", (row.route, str(row.status))), row.calls
