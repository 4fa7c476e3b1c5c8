"""Times of OpenADR 3: date-times, ISO 8601 durations, and which span each interval of an event has."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from city.problems import fault

if TYPE_CHECKING:
    from service.openadr.objects import Interval, IntervalPeriod

_DURATION = re.compile(r"P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_NOW = ("0000-00-00", "0000-01-01", "0001-01-01")  # 3.0 and 3.1 write "now" so
_FOREVER_YEARS = 1000  # P9999Y is for ever
_MOST_SPANS = 20_000


@dataclass(frozen=True)
class Length:
    """An ISO 8601 duration; months and years are those of the calendar."""

    months: int
    rest: timedelta

    @property
    def endless(self) -> bool:
        """PT0S and P9999Y: until something else is said."""
        return self.months >= 12 * _FOREVER_YEARS or (self.months == 0 and self.rest <= timedelta(0))

    def after(self, start: datetime) -> datetime:
        """The end of such a span. Raises `PenstockError` beyond the year 9999."""
        year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
        try:
            last = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
            return start.replace(year=year, month=month + 1, day=min(start.day, last)) + self.rest
        except (ValueError, OverflowError):
            raise fault(
                f"a duration from {start:%Y-%m-%dT%H:%MZ}", "ends after the year 9999", "a shorter one, or P9999Y", "Correct it."
            ) from None


def duration(text: str) -> Length:
    """Read e.g. PT1H, P1DT12H, P1M. Raises `ValueError` with what is wrong."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text[:40]}' is no ISO 8601 duration such as PT1H, forwards in time")
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in found.groups()[:6])
    try:
        rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=float(found.group(7) or 0))
    except OverflowError:
        raise ValueError(f"'{text[:40]}' is longer than any time; write P9999Y for ever") from None
    return Length(12 * years + months, rest)


def written(span: timedelta) -> str:
    """A span as an ISO 8601 duration, e.g. PT1H30M."""
    seconds = int(span.total_seconds())
    parts = [f"{n}{unit}" for n, unit in ((seconds // 3600, "H"), (seconds // 60 % 60, "M"), (seconds % 60, "S")) if n]
    return "PT" + ("".join(parts) or "0S")


def moment(text: str) -> datetime | None:
    """A date-time in UTC; None for "now". Raises `ValueError`, also for a time without offset, which could mean any zone."""
    if text.startswith(_NOW):
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError(f"'{text[:40]}' has no offset; write it like 2025-06-15T09:30:00Z")
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"'{text[:40]}' lies before year 1 or after 9999") from None
    except ValueError as error:
        if "no offset" in str(error):
            raise
        raise ValueError(f"'{text[:40]}' is no time; write it like 2025-06-15T09:30:00Z") from None


@dataclass(frozen=True)
class Span:
    """One interval of an event: `end_utc` is None where it lasts until something else is said."""

    start_utc: datetime
    end_utc: datetime | None
    interval: "Interval"


def spans(intervals: "list[Interval]", default: "IntervalPeriod | None", total: str | None, now_utc: datetime, subject: str) -> list[Span]:
    """When each interval is, in their order.

    The event's period gives the start of the first and the length of every interval; an interval's own period wins. An interval
    without a start follows the one before it. With `total` (3.1) the intervals repeat until that long after the first start.
    Raises `PenstockError`: no start, or an interval after one without end.
    """
    made = _once(intervals, default, default.start if default else None, now_utc, subject)
    if total is None or not made or duration(total).endless:
        return made
    end, last = duration(total).after(made[0].start_utc), made[-1].end_utc
    lap = last - made[0].start_utc if last else timedelta(0)
    if lap <= timedelta(0):
        return [_cut(span, end) for span in made if span.start_utc < end]
    laps = -(-(end - made[0].start_utc) // lap)
    if laps * len(made) > _MOST_SPANS:
        raise fault(subject, f"{laps * len(made)} intervals", f"at most {_MOST_SPANS}", "Send a shorter event.")
    repeated = [_moved(span, lap * i) for i in range(laps) for span in made]
    return [_cut(span, end) for span in repeated if span.start_utc < end]


def _once(intervals: "list[Interval]", default: "IntervalPeriod | None", start: str | None, now_utc: datetime, subject: str) -> list[Span]:
    made: list[Span] = []
    following = (moment(start) or now_utc) if start else None
    for interval in intervals:
        own = interval.interval_period
        begin = (moment(own.start) or now_utc) if own else following
        if begin is None:
            observed = "no start" if not made else "follows an interval without end"
            raise fault(f"{subject}, interval {interval.id}", observed, "an intervalPeriod with a start", "Give its start.")
        text = (own.duration if own else None) or (default.duration if default else None) or "PT0S"
        length = duration(text)
        following = None if length.endless else length.after(begin)
        if made and made[-1].end_utc is None:  # what lasts until something else is said ends here
            made[-1] = _cut(made[-1], begin)
        made.append(Span(begin, following, interval))
    return made


def _cut(span: Span, end: datetime) -> Span:
    return Span(span.start_utc, end if span.end_utc is None else min(span.end_utc, end), span.interval)


def _moved(span: Span, by: timedelta) -> Span:
    return Span(span.start_utc + by, span.end_utc + by if span.end_utc else None, span.interval)
