"""Civil days, months, years and hours of whole columns of times."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from city.clock import civil_day, local_date
from city.problems import fault

Period = Literal["H", "D", "M", "Y"]
_CUT = {"D": 10, "M": 7, "Y": 4}  # characters of 2022-06-15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000_000


def micros(time: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_micros(time: int) -> datetime:
    """The time [UTC] that many microseconds after 1970-01-01."""
    return _EPOCH + timedelta(microseconds=int(time))


class Periods:
    """The civil periods in `zone` that cover [first, last] [us since 1970 UTC]: their labels in order, and where each starts.

    Days have 23 to 25 hours where clocks change. A day is labelled 2022-06-15, a month 2022-06, a year 2022, an hour
    2022-10-30T02:00+02:00, with its offset, because one hour of the autumn change comes twice.
    """

    def __init__(self, first: int, last: int, zone: str, period: Period) -> None:
        if period not in ("H", *_CUT):
            raise fault("ledger sums", f"period '{period}'", "H, D, M or Y", "Choose one of them.")
        self.labels: list[str] = []
        edges: list[int] = []
        day, final = local_date(from_micros(first), zone), local_date(from_micros(last), zone)
        while day <= final:
            start, end = map(micros, civil_day(day, zone))
            if period == "H":
                hours = range(start, end, _HOUR)
                edges += hours
                self.labels += [from_micros(hour).astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for hour in hours]
            elif (label := str(day)[: _CUT[period]]) not in self.labels[-1:]:
                edges.append(start)
                self.labels.append(label)
            day += timedelta(days=1)
        self.edges = np.array([*edges, end], np.int64)  # the last one ends the last day

    def of(self, times: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """int32[n]: place in `labels` of each time [us since 1970 UTC], which must lie in [first, last]."""
        return (np.searchsorted(self.edges, times, side="right") - 1).astype(np.int32)
