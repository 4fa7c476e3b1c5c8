"""Time: the UTC grid that everything is computed on, and the civil days that tariffs, holidays and people live by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from city.problems import fault

if TYPE_CHECKING:  # pandas takes longer to import than `penstock status` may run
    import pandas as pd

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def as_utc(time: datetime) -> datetime:
    """The same instant in UTC. Raises `PenstockError` for a naive time, which could mean any of 38 zones."""
    if time.tzinfo is None:
        raise fault(f"time {time.isoformat()}", "no time zone", "an ISO 8601 time with offset", "Add +00:00 or the local offset.")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise fault(f"time {time.isoformat()}", "before year 1 or after 9999 in UTC", "a year between", "Check the date.") from None


def parse_utc(text: str) -> datetime:
    """Read an ISO 8601 time with offset, e.g. `2022-06-16T00:30+02:00`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise fault(f"time '{text}'", "not a time", "ISO 8601 with offset", "Write it like 2022-06-16T00:30+02:00.") from None
    return as_utc(time)


def floor(time: datetime, step: timedelta) -> datetime:
    """The last grid time at or before `time`; the grid counts from 1970-01-01 UTC."""
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(as_utc(time).timestamp()) // seconds * seconds, UTC)


def ceil(time: datetime, step: timedelta) -> datetime:
    """The first grid time at or after `time`."""
    down = floor(time, step)
    return down if down == time else down + step


def grid(start_utc: datetime, steps: int, step: timedelta) -> pd.DatetimeIndex:
    """`steps` times from `start_utc`, as `datetime64[us, UTC]`."""
    import pandas as pd

    return pd.date_range(start_utc, periods=steps, freq=step, unit="us")


def civil_day(day: date, zone: str) -> tuple[datetime, datetime]:
    """Start and end [UTC] of a local day: 23, 24 or 25 hours, so 92, 96 or 100 quarters."""
    tz = ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=tz)
    after = day + timedelta(days=1)
    return start.astimezone(UTC), datetime(after.year, after.month, after.day, tzinfo=tz).astimezone(UTC)


def local_date(time: datetime, zone: str) -> date:
    """The civil date at an instant."""
    return as_utc(time).astimezone(ZoneInfo(zone)).date()


def local(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """A UTC index as local wall-clock time with offset."""
    return times.tz_convert(zone)
