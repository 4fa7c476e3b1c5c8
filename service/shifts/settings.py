"""`[shifts]` of city.toml: when the control room changes hands, by the clock on its wall."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from city.clock import as_utc
from city.places import Place


class ShiftSettings(Place):
    """Shifts begin at the same local times every day; on the days of the clock change one is an hour shorter or longer."""

    starts: tuple[time, ...] = Field(
        default=(time(6), time(14), time(22)), min_length=1, description="local times at which shifts begin, in order, e.g. 06:00"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(one >= two for one, two in pairwise(self.starts)) or any(start.tzinfo for start in self.starts):
            raise ValueError("starts are local times of day without offset, each once, the earliest first, e.g. 06:00, 14:00, 22:00")
        return self

    def bounds(self, at_utc: datetime, zone: str) -> tuple[datetime, datetime]:
        """Begin and end [UTC] of the shift that an instant lies in. A start that the spring change leaves out is an hour later."""
        day = as_utc(at_utc).astimezone(ZoneInfo(zone)).date()
        known = sorted({self._utc(day + timedelta(days=i), start, zone) for i in (-1, 0, 1, 2) for start in self.starts})
        return next((begin, end) for begin, end in pairwise(known) if begin <= at_utc < end)

    @staticmethod
    def _utc(day: date, start: time, zone: str) -> datetime:
        return as_utc(datetime.combine(day, start, ZoneInfo(zone)))
