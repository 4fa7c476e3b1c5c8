"""Do the civil days of the city's zone consist of whole steps? Readings are taken on the UTC grid, days begin at local midnight."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from city.clock import civil_day, floor
from city.problems import Problem
from service.references import tables

_YEARS = (2022, 2026)  # midnights are asked for from the first to the last


def mismatched(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Meters whose step does not divide the days: hours in India (midnight at half past UTC), Nepal or Lord Howe."""
    city = raw.get("city")
    zone = city.get("time_zone") if isinstance(city, dict) else None
    if not isinstance(zone, str) or zone not in available_timezones():
        return
    for i, meter in tables(raw, "meters"):
        step_s = meter.get("step_s", 900)
        if isinstance(step_s, int) and 60 <= step_s <= 3600 and 3600 % step_s == 0 and not whole_steps(zone, step_s):
            fits = next(s for s in (1800, 900, 300, 60) if whole_steps(zone, s))
            observed = f"{step_s} s, but days of {zone} do not begin and end on whole steps of the UTC grid"
            yield Problem(
                f"meters[{i}].step_s ({meter.get('id')})", observed, f"a step that they consist of, such as {fits}", "Shorten it."
            )


@lru_cache(maxsize=64)
def whole_steps(zone: str, step_s: int) -> bool:
    """Is every local midnight of recent years on the UTC grid of a step [s]?"""
    first, last = (date(year, 1, 1) for year in _YEARS)
    step = timedelta(seconds=step_s)
    starts = (civil_day(first + timedelta(days=i), zone)[0] for i in range((last - first).days))
    return all(floor(start, step) == start for start in starts)
