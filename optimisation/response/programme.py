"""[[programmes]]: who may be called when, how often and for how long, what comes back afterwards, and what it is paid."""

from datetime import date
from typing import Annotated, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from city.places import Place
from optimisation.response.baseline import BaselineRule

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _month_day(text: str) -> str:
    try:
        date.fromisoformat(f"2024-{text}")  # a leap year: 02-29 is a day of a season too
    except ValueError:
        raise ValueError(f"'{text}' is no day of a year; write month and day, e.g. 06-01") from None
    return text


def _hours(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    for first, last in spans:
        if not 0 <= first < last <= 24:
            raise ValueError(f"hours [{first}, {last}] must run from 0 <= start < end <= 24; split a span over midnight in two")
    return spans


MonthDay = Annotated[str, AfterValidator(_month_day)]


class Programme(Place):
    """The rules of one demand-response programme; assets of kind demand_response are enrolled in it."""

    id: str = Field(min_length=1, max_length=80, description="short name")
    name: str = Field(default="", description="as the operators call it")
    notice_h: float = Field(default=2.0, ge=0, description="shortest time between the call and its start [h]")
    shortest_h: float = Field(default=1.0, gt=0, description="shortest event [h]")
    longest_h: float = Field(default=4.0, gt=0, le=24, description="longest event [h]")
    grid_minutes: Literal[15, 30, 60] = Field(default=60, description="events begin and end on this grid of the local clock [min]")
    rebound_share: float = Field(default=0.0, ge=0, le=2, description="part of the energy not taken that is taken afterwards [1]")
    rebound_h: float = Field(default=0.0, ge=0, le=24, description="over how long it comes back, evenly, after the event [h]")
    events_per_day: int = Field(default=1, ge=0, description="most events per civil day")
    events_per_season: int = Field(default=20, ge=0, description="most events per season")
    season_from: MonthDay = Field(default="01-01", description="first day of the season, month-day")
    season_until: MonthDay = Field(default="12-31", description="last day of the season, month-day; before the first: over the new year")
    hours: Annotated[tuple[tuple[int, int], ...], AfterValidator(_hours)] = Field(
        default=((0, 24),), description="local [start, end) hours that an event must lie within"
    )
    weekdays: tuple[Weekday, ...] = Field(default=get_args(Weekday), min_length=1, description="days it may be called on: mon ... sun")
    payment_per_kwh: float = Field(default=0.0, ge=0, description="paid for what was delivered, up to what was called [currency/kWh]")
    payment_per_kw: float = Field(default=0.0, ge=0, description="paid per event for each kW offered, times its performance [currency/kW]")
    penalty_per_kwh: float = Field(default=0.0, ge=0, description="for what was called and not delivered [currency/kWh]")
    penalty_free_share: float = Field(default=0.1, ge=0, le=1, description="part of what was called that may be missing unpunished [1]")
    baseline: BaselineRule = Field(default=BaselineRule(), description="what the load would have been")
    vtn: str | None = Field(default=None, description="id in [[vtns]] of the OpenADR server that calls it")
    openadr_id: str | None = Field(default=None, description="its program id at that server; its own id when not given")
    simple_shares: tuple[float, float, float] = Field(
        default=(0.25, 0.5, 1.0), description="part of the offer that OpenADR SIMPLE levels 1, 2 and 3 ask for [1]"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest_h < self.shortest_h:
            raise ValueError(f"longest_h {self.longest_h:g} is below shortest_h {self.shortest_h:g}; exchange the two")
        if self.rebound_share > 0 and self.rebound_h == 0:
            raise ValueError("rebound_share needs rebound_h: say over how long the energy comes back")
        return self

    @property
    def program_id(self) -> str:
        """Its id in OpenADR objects."""
        return self.openadr_id or self.id

    def open_at(self, wall: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """bool[t]: may an event be under way in the steps that begin at these local times?"""
        day = wall.strftime("%m-%d").to_numpy()
        first, last = self.season_from, self.season_until
        season = (day >= first) & (day <= last) if first <= last else (day >= first) | (day <= last)
        hour = wall.hour.to_numpy()
        within = np.any([(hour >= start) & (hour < end) for start, end in self.hours], axis=0) if self.hours else np.zeros(len(wall), bool)
        weekday = np.isin(wall.dayofweek.to_numpy(), [get_args(Weekday).index(name) for name in self.weekdays])
        return np.asarray(season & within & weekday)

    def season_of(self, day: date) -> tuple[date, date]:
        """First and last day of the season that `day` lies in, or of the one that ended last before it."""
        wraps = self.season_from > self.season_until
        for year in (day.year, day.year - 1):
            first = _on(year, self.season_from)
            if first <= day:
                return first, _on(year + wraps, self.season_until)
        raise AssertionError  # a season begins every year


def _on(year: int, month_day: str) -> date:
    try:
        return date.fromisoformat(f"{year:04d}-{month_day}")
    except ValueError:  # 02-29 in a year without it
        return date(year, 3, 1)
