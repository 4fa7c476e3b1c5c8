"""Targets per unit of GDP and of shares: the path a target asks for, year by year, and where the city stands on it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from city.places import Place
from city.problems import fault

Measure = Literal["energy_per_gdp", "renewable_share", "carbon_intensity", "water_loss"]

_UNITS: dict[str, str] = {"energy_per_gdp": "tce/10k CNY", "carbon_intensity": "tCO2/10k CNY", "renewable_share": "1", "water_loss": "1"}
_WORDS: dict[str, str] = {
    "energy_per_gdp": "Energy per GDP",
    "carbon_intensity": "Carbon intensity of GDP",
    "renewable_share": "Renewable share of electricity",
    "water_loss": "Water loss",
}


class Target(Place):
    """A promise about one measure against a stated base year."""

    id: str = Field(description="short name")
    measure: Measure = Field(description="what is promised; energy_per_gdp [tce/10k CNY], carbon_intensity [tCO2/10k CNY], shares [1]")
    base_year: int = Field(ge=1990, le=2100, description="calendar year of the base value")
    base_value: Decimal = Field(gt=0, description="value of the measure in the base year, in its unit")
    milestones: dict[int, Decimal] = Field(min_length=1, description="year = promised change (-0.10) or promised value, see milestones_are")
    milestones_are: Literal["relative", "absolute"] | None = Field(
        default=None,
        description="relative: change against the base year; absolute: the value itself; none: shares absolute, others relative",
    )

    @model_validator(mode="after")
    def _possible(self) -> "Target":
        if min(self.milestones) <= self.base_year:
            raise ValueError(f"milestone {min(self.milestones)} is not after base_year {self.base_year}")
        for year, value in self._levels():
            if value <= 0:
                raise ValueError(f"milestone {year} asks for {value}: it must stay above zero (is milestones_are right?)")
            if self.is_share and value > 1:
                raise ValueError(f"{year} asks for a share of {value}: write shares as 0.30, not 30")
        return self

    @property
    def is_share(self) -> bool:
        return self.measure in ("renewable_share", "water_loss")

    @property
    def unit(self) -> str:
        return _UNITS[self.measure]

    def _levels(self) -> list[tuple[int, Decimal]]:
        """Base year and milestones with their values, in year order."""
        relative = self.milestones_are == "relative" or (self.milestones_are is None and not self.is_share)
        there = [(year, self.base_value * (1 + step) if relative else step) for year, step in sorted(self.milestones.items())]
        return [(self.base_year, self.base_value), *there]

    def required(self, year: int) -> Decimal:
        """Value the path asks for in a calendar year, in `unit`.

        Between milestones intensities change by one rate per year (geometric), shares by one step per year (linear).
        Raises `PenstockError` for a year before the base year or after the last milestone.
        """
        levels = self._levels()
        if not self.base_year <= year <= levels[-1][0]:
            allowed = f"{self.base_year} to {levels[-1][0]}"
            raise fault(f"target '{self.id}'", f"asked for {year}", allowed, "Add a milestone for that year or later.")
        for (before, low), (after, high) in pairwise(levels):
            if year <= after:
                part = Decimal(year - before) / (after - before)
                return low + (high - low) * part if self.is_share else low * (high / low) ** part
        raise AssertionError("a year within the levels lies between two of them")

    def annual_rate_percent(self, first_year: int, last_year: int) -> Decimal:
        """Mean reduction per year [%] the path asks for between two years: 100 (1 - (last / first)^(1 / years))."""
        if last_year <= first_year:
            raise fault(f"target '{self.id}'", f"a rate from {first_year} to {last_year}", "a later last year", "Exchange the years.")
        ratio = self.required(last_year) / self.required(first_year)
        return 100 * (1 - ratio ** (Decimal(1) / (last_year - first_year)))

    def next_milestone(self, year: int) -> int | None:
        """The first milestone after a year."""
        return min((milestone for milestone in self.milestones if milestone > year), default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a target stands: values in the target's unit, `gap` = actual - required, and the same as a sentence."""

    target_id: str
    year: int
    required: Decimal
    actual: Decimal
    gap: Decimal
    on_path: bool
    sentence: str


def _said(value: Decimal, share: bool) -> str:
    return f"{value * 100:.1f} %" if share else f"{float(value):.4g}"


def _from_here(target: Target, actual: Decimal, year: int) -> str:
    """What it takes from the actual value to the next milestone."""
    milestone = target.next_milestone(year)
    if milestone is None:
        return "It was the last milestone."
    wanted, years = target.required(milestone), milestone - year
    if target.is_share:
        return f"To {_said(wanted, True)} in {milestone}: {(wanted - actual) * 100 / years:+.2f} points a year from here."
    if actual <= 0:
        return f"To {_said(wanted, False)} in {milestone}."
    return f"To {_said(wanted, False)} in {milestone}: {100 * ((wanted / actual) ** (Decimal(1) / years) - 1):+.2f} % a year from here."


def progress(target: Target, actual: Decimal, on: date | int, *, usable_share: Decimal | None = None) -> Progress:
    """Compare an actual value [unit of the target] with what the path asks for in the year of `on`.

    For a year that is not over, `actual` must be a rate of that year (energy and GDP of the same days), as
    `carbon.indicators` makes it; the comparison does not correct for seasons. `usable_share` [0..1] of the entries behind
    `actual` is told in the sentence when it is below one. Raises `PenstockError` for a negative actual or a year off the path.
    """
    year = on if isinstance(on, int) else on.year
    if actual < 0 or not actual.is_finite():
        raise fault(f"target '{target.id}'", f"an actual value of {actual}", "zero or more", "Check the ledger and the GDP.")
    required = target.required(year)
    gap = actual - required
    on_path = gap >= 0 if target.measure == "renewable_share" else gap <= 0
    limit = "at least" if target.measure == "renewable_share" else "at most"
    unit = "" if target.is_share else f" {target.unit}"
    distance = f"{abs(gap) * 100:.1f} points" if target.is_share else f"{abs(gap / required) * 100:.1f} %"
    when = f"so far in {year}" if isinstance(on, date) else f"in {year}"
    told = [
        f"{_WORDS[target.measure]} {when} is {_said(actual, target.is_share)}{unit};",
        f"the path from {target.base_year} asks for {limit} {_said(required, target.is_share)}: {distance}",
        f"{'better' if on_path else 'worse'} than the path.",
        _from_here(target, actual, year),
    ]
    if usable_share is not None and usable_share < 1:
        told.append(f"{(1 - usable_share) * 100:.1f} % of the entries behind it are missing.")
    return Progress(target.id, year, required, actual, gap, on_path, " ".join(told))
