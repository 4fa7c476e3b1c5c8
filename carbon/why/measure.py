"""A measure as [[measures]] of city.toml names it: what was done, when, and how its savings are judged."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from city.places import Place


class Measure(Place):
    """What was done, where its use is metered, and which days are compared."""

    id: str = Field(description="short name")
    name: str = Field(default="", description="as people call it")
    name_zh: str = Field(default="", description="its Chinese name")
    kind: Literal["retrofit", "replacement", "operation", "behaviour"] = Field(default="retrofit", description="what was changed")
    accounts: tuple[str, ...] = Field(min_length=1, description="accounts whose metered use it changes, all of one quantity")
    start: date = Field(description="first civil day of the work: the baseline ends the day before")
    finished: date | None = Field(default=None, description="first civil day on which it works; none: `start`")
    baseline_from: date | None = Field(default=None, description="first civil day of the baseline; none: a year before `start`")
    reporting_to: date | None = Field(default=None, description="last civil day that counts; none: the newest that is stored")
    temperature: str = Field(
        default="weather.temperature_degc",
        description="outdoor temperature: a point id, or <place of [[weather]]>.temperature_degc; `weather` stands for the whole city",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.finished is not None and self.finished < self.start:
            raise ValueError(f"finished {self.finished} is before start {self.start}; exchange them")
        if self.baseline_from is not None and self.baseline_from >= self.start:
            raise ValueError(f"baseline_from {self.baseline_from} is not before start {self.start}")
        if self.reporting_to is not None and self.reporting_to < self.reporting_from:
            raise ValueError(f"reporting_to {self.reporting_to} is before the first day on which it works, {self.reporting_from}")
        return self

    @property
    def baseline(self) -> tuple[date, date]:
        """First and last civil day of the baseline."""
        first, last = year_before(self.start)
        return self.baseline_from or first, last

    @property
    def reporting_from(self) -> date:
        return self.finished or self.start


def year_before(start: date) -> tuple[date, date]:
    """The twelve months before a measure, first and last day: the usual baseline."""
    first = start.replace(year=start.year - 1) if (start.month, start.day) != (2, 29) else date(start.year - 1, 3, 1)
    return first, date.fromordinal(start.toordinal() - 1)
