"""Local calendars laid over the UTC grid: which civil day, which time of day, which kind of day each column belongs to."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    school: NDArray[np.bool_]  # [D] school holidays, as the city tells them
    eve: NDArray[np.bool_]  # [D] a workday before a holiday
    after: NDArray[np.bool_]  # [D] a workday after a holiday
    bridge: NDArray[np.bool_]  # [D] a workday between a holiday and another day off

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
        kept = replace(
            self,
            first_day=self.first_day + timedelta(days=day),
            day=self.day[first:] - np.int32(day),
            slot=self.slot[first:],
            column=column,
            **{name: getattr(self, name)[day:] for name in _OF_A_DAY},
        )
        return kept, first


_OF_A_DAY = ("day_type", "weekday", "alike", "holiday", "school", "eve", "after", "bridge")


class SchoolHoliday(BaseModel):
    """Days without school, first and last included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date = Field(description="first day without school")
    last: date = Field(description="last day without school")
    name: str = Field(default="", description="as people call it")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"ends on {self.last}, before it begins on {self.first}; exchange the two")
        return self


class Calendar(BaseModel):
    """Public holidays of a country, corrected by the city's own table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = Field(default="Europe/Rome", description="IANA name of the zone people live by")
    country: str | None = Field(default="IT", description="ISO 3166-1 alpha-2 code; none: every weekday is a workday")
    subdivision: str | None = Field(default=None, description="ISO 3166-2 subdivision code without the country")
    overrides: dict[date, DayType] = Field(default_factory=dict, description="days that differ from the public calendar")
    names: dict[date, str] = Field(default_factory=dict, description="what people call those days")
    school: tuple[SchoolHoliday, ...] = Field(default=(), description="school holidays")

    def __hash__(self) -> int:
        return hash((self.time_zone, self.country, self.subdivision, tuple(sorted(self.overrides.items())), self.school))

    def kind_of_day(self, day: date) -> tuple[int, bool]:
        """Day type (0 workday, 1 Saturday, 2 Sunday or holiday) and whether it is a holiday.

        Make-up working days (China moves weekends) come from the `holidays` package; `overrides` wins over both. Where weekends are
        moved, one that belongs to the days off around a public holiday is part of the holiday, as the State Council announces it.
        """
        given = self.overrides.get(day)
        public, made_up = self._announced(day)
        if given == "workday" or (given is None and made_up):
            return WORKDAY, False
        if given == "holiday" or public or (day.weekday() >= 5 and self._in_a_holiday(day)):
            return SUNDAY, True
        return (WORKDAY, SATURDAY, SUNDAY)[max(0, day.weekday() - 4)], False

    def name_of(self, day: date) -> str:
        """What people call a holiday or a day of the city's own table; empty when it has no name."""
        table = _public(self.country, self.subdivision)
        return self.names.get(day) or (str(table.get(day, "")) if table is not None and self.kind_of_day(day)[1] else "")

    def _announced(self, day: date) -> tuple[bool, bool]:
        """Is it a public holiday, and is it a weekend day that is worked, by the `holidays` package?"""
        table = _public(self.country, self.subdivision)
        public = table is not None and day in table  # the lookup also loads that year's make-up days
        return public, day in getattr(table, "weekend_workdays", ())

    def _in_a_holiday(self, day: date) -> bool:
        """Is a weekend day one of the days off around a public holiday, in a country and year that moves weekends?"""
        self._announced(day)  # loads the year
        moved = getattr(_public(self.country, self.subdivision), "weekend_workdays", ())
        if not any(worked.year == day.year for worked in moved):
            return False
        for way in (-1, 1):
            beside = day + timedelta(days=way)
            while beside.weekday() >= 5 and not self._announced(beside)[1]:
                beside += timedelta(days=way)
            if self._announced(beside)[0]:
                return True
        return False

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
        return LocalGrid(first, slots, day, slot, column, **self._of_days(first, int(column.shape[0])))

    def _of_days(self, first: date, days: int) -> dict[str, NDArray[Any]]:
        """What kind of day each of `days` civil days is, by the names of `LocalGrid`; the day before and after are looked at too."""
        civil = [first + timedelta(days=d) for d in range(-1, days + 1)]
        kinds = [self.kind_of_day(d) for d in civil]
        day_type = np.array([kind for kind, _ in kinds], np.int8)
        holiday = np.array([is_one for _, is_one in kinds])
        weekday = np.array([d.weekday() for d in civil], np.int8)
        alike = np.select([day_type == SUNDAY, day_type == SATURDAY], [6, 5], np.minimum(weekday, 4)).astype(np.int8)
        school = np.array([any(s.first <= d <= s.last for s in self.school) for d in civil])
        inside, before, behind = slice(1, -1), slice(None, -2), slice(2, None)
        works, off = day_type[inside] == WORKDAY, day_type != WORKDAY
        bridge = works & off[before] & off[behind] & (holiday[before] | holiday[behind])
        made = {"day_type": day_type, "weekday": weekday, "alike": alike, "holiday": holiday, "school": school}
        return {
            **{name: values[inside] for name, values in made.items()},
            "eve": works & holiday[behind],
            "after": works & holiday[before],
            "bridge": bridge,
        }


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
