"""Times and spans as the API tells and takes them."""

from datetime import date, datetime, timedelta
from typing import Any

from service.api.operation import Asked
from service.api.parameters import time
from service.api.problem import refused

SINCE = time("since", "start of the span")
UNTIL = time("until", "end of the span, itself not in it; now when not given")


def iso(time_utc: datetime | None) -> str | None:
    """A time as the API tells it: 2022-06-15T22:30:00Z."""
    if time_utc is None:
        return None
    return time_utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time_utc.microsecond else time_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def span(asked: Asked, longest: timedelta, usual: timedelta) -> tuple[datetime, datetime]:
    """Start and end asked for; the last `usual` when no start is given. Raises `Denied` when they are longer than `longest`."""
    until = asked["until"] or asked.now_utc
    since = asked["since"] or until - usual
    days = f"at most {longest.days} days, the end after the start"
    if not timedelta(0) < until - since <= longest:
        observed = f"from {iso(since)} to {iso(until)}"
        raise refused("parameters 'since' and 'until'", observed, days, "Ask for less at once, or correct the times.")
    return since, until


def number(value: Any) -> float | None:
    """A finite number, or null."""
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)


def day_of(text: str) -> date:
    """A day out of a cursor. Raises `Denied` for what a cursor of ours never holds."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refused("parameter 'cursor'", "cannot be read", "`next` of a page", "Give `next` unchanged.") from None
