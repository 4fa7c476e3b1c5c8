"""Local calendars laid over the UTC grid: which civil day, which time of day, which kind of day each column belongs to."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from city import clock
from city.problems import Problem, fault

WORKDAY, SATURDAY, SUNDAY = 0, 1, 2
DayType = Literal["holiday", "workday"]


@dataclass(frozen=True)
class LocalGrid:
    """A UTC grid seen from the wall clock. T columns on D civil days of S slots; the first civil day is day 0.

    A day of 23 h has cells no column falls on (`column` = -1); in a day of 25 h the repeated hour's cells point to its first
    pass, so a cell never holds a value later than its column.
    """

    first_day: date
    slots: int
    day: NDArray[np.int32]  # [T]
    slot: NDArray[np.int32]  # [T]
    column: NDArray[np.int32]  # [D, S]
    day_type: NDArray[np.int8]  # [D] 0 workday, 1 Saturday, 2 Sunday or holiday
    weekday: NDArray[np.int8]  # [D] 0 Monday .. 6 Sunday, by the calendar
    alike: NDArray[np.int8]  # [D] weekday it behaves like: a holiday like a Sunday, a make-up Saturday like a Friday
    holiday: NDArray[np.bool_]  # [D]

    @property
    def days(self) -> int:
        return int(self.column.shape[0])

    def daily_columns(self, slot: int) -> NDArray[np.int32]:
        """One column per civil day at that time of day; where the clock skips it, the next time that exists. int32[D], -1 for none."""
        found = np.full(self.days, -1, np.int32)
        for s in range(self.slots - 1, slot - 1, -1):
            found = np.where(self.column[:, s] >= 0, self.column[:, s], found)
        return found

    def since(self, day: int) -> tuple["LocalGrid", int]:
        """The grid from civil day `day` on, and the column that becomes its first."""
        first = int(self.column[day][self.column[day] >= 0].min())
        column = np.where(self.column[day:] >= 0, self.column[day:] - first, -1).astype(np.int32)
        kept = LocalGrid(
            first_day=self.first_day + timedelta(days=day),
            slots=self.slots,
            day=self.day[first:] - np.int32(day),
            slot=self.slot[first:],
            column=column,
            day_type=self.day_type[day:],
            weekday=self.weekday[day:],
            alike=self.alike[day:],
            holiday=self.holiday[day:],
        )
        return kept, first


class Calendar(BaseModel):
    """Public holidays of a country, corrected by the city's own table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = Field(default="Europe/Rome", description="IANA name of the zone people live by")
    country: str | None = Field(default="IT", description="ISO 3166-1 alpha-2 code; none: every weekday is a workday")
    subdivision: str | None = Field(default=None, description="ISO 3166-2 subdivision code without the country")
    overrides: dict[date, DayType] = Field(default_factory=dict, description="days that differ from the public calendar")

    def __hash__(self) -> int:
        return hash((self.time_zone, self.country, self.subdivision, tuple(sorted(self.overrides.items()))))

    def kind_of_day(self, day: date) -> tuple[int, bool]:
        """Day type (0 workday, 1 Saturday, 2 Sunday or holiday) and whether it is a public holiday.

        Make-up working days (China moves weekends) come from the `holidays` package; `overrides` wins over both.
        """
        table = _public(self.country, self.subdivision)
        given = self.overrides.get(day)
        public = table is not None and day in table  # the lookup also loads that year's make-up days
        made_up = day in getattr(table, "weekend_workdays", ())
        if given == "workday" or (given is None and made_up):
            return WORKDAY, False
        if given == "holiday" or public:
            return SUNDAY, True
        return (WORKDAY, SATURDAY, SUNDAY)[max(0, day.weekday() - 4)], False

    def grid(self, start_utc: datetime, step: timedelta, steps: int) -> LocalGrid:
        """The local view of `steps` columns from `start_utc`. Raises `PenstockError` for an unknown zone or country."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise fault("calendar.time_zone", f"'{self.time_zone}'", "an IANA zone", "Write it like Europe/Rome.") from None
        wall = clock.local(clock.grid(start_utc, steps, step), self.time_zone).tz_localize(None)
        dates = wall.normalize()
        first = dates[0].date()
        day = ((dates - dates[0]).days).to_numpy().astype(np.int32)
        slots = int(timedelta(days=1) / step)
        slot = ((wall - dates) // step).to_numpy().astype(np.int32)
        cells, first_pass = np.unique(day.astype(np.int64) * slots + slot, return_index=True)
        column = np.full((int(day[-1]) + 1, slots), -1, np.int32)
        column.ravel()[cells] = first_pass
        civil = [first + timedelta(days=d) for d in range(column.shape[0])]
        kinds = [self.kind_of_day(d) for d in civil]
        weekday = np.array([d.weekday() for d in civil], np.int8)
        day_type = np.array([kind for kind, _ in kinds], np.int8)
        alike = np.select([day_type == SUNDAY, day_type == SATURDAY], [6, 5], np.minimum(weekday, 4)).astype(np.int8)
        return LocalGrid(first, slots, day, slot, column, day_type, weekday, alike, np.array([h for _, h in kinds]))


SUN = Calendar(time_zone="UTC", country=None)
"""For what follows the sun and the wind instead of people: no clock change, no holidays."""


def check_country(country: str, subdivision: str | None = None) -> list[Problem]:
    """What is wrong with a city's country and subdivision; their public holidays must be known."""
    try:
        holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        known = holidays.list_supported_countries(include_aliases=False)
        if country not in known:
            near = get_close_matches(country, known, 5, 0.3) or sorted(known)[:5]
            allowed = f"an ISO 3166-1 code whose holidays are known, such as {', '.join(near)}"
            return [Problem("city.country", f"unknown country '{country}'", allowed, "Write two capital letters, e.g. IT.")]
        parts = ", ".join(known[country]) or "none: leave it out"
        return [Problem("city.subdivision", f"'{subdivision}' is no part of '{country}'", parts, "Correct the code or leave it out.")]
    return []


@lru_cache(maxsize=16)
def _public(country: str | None, subdivision: str | None) -> holidays.HolidayBase | None:
    if country is None:
        return None
    try:
        return holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        asked = f"'{country}'" + (f" with subdivision '{subdivision}'" if subdivision else "")
        raise fault("calendar.country", asked, "a country known to the holidays package", "Use an ISO 3166 code such as IT.") from None
