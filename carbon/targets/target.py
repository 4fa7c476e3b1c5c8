"""A target: what was promised of one measure against a base year, the path that asks for year by year, and what a new base changes.

Source of the base-year rule: GHG Protocol Corporate Standard (2004), ch. 5: a policy that names its triggers and a threshold, and a base
recalculated for structure, method and errors, never for growth or decline.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from carbon.targets.metric import SHARES, UNITS, Basis, Measure
from city.places import Place
from city.problems import fault

RISING: tuple[Measure, ...] = ("renewable_share", "non_fossil_share")  # better when larger
Trigger = Literal["structure", "method", "factor", "error", "census"]


class Restatement(Place):
    """The base value as it is seen later, and why."""

    published: date = Field(description="civil day from which it is known")
    base_value: Decimal = Field(gt=0, description="the base year's value as restated, with everything changed so far [unit of the target]")
    trigger: Trigger = Field(description="boundary or ownership, method, emission factor, error found, or GDP revised after a census")
    reason: str = Field(min_length=1, description="what changed")


@dataclass(frozen=True, slots=True)
class BaseChange:
    """A restatement judged by the rule: `applied` when it moves the base by the threshold or more."""

    published: date
    trigger: Trigger
    before: Decimal
    after: Decimal
    change_percent: Decimal
    applied: bool
    sentence: str


class Target(Place):
    """A promise about one measure against a stated base year."""

    id: str = Field(description="short name")
    measure: Measure = Field(description="what is promised, per GDP or as a share [1]")
    base_year: int = Field(ge=1990, le=2100, description="calendar year of the base value")
    base_value: Decimal = Field(gt=0, description="value of the measure in the base year, in its unit")
    milestones: dict[int, Decimal] = Field(min_length=1, description="year = promised change (-0.10) or promised value, see milestones_are")
    milestones_are: Literal["relative", "absolute"] | None = Field(
        default=None,
        description="relative: change against the base year; absolute: the value itself; none: shares absolute, others relative",
    )
    basis: Basis = Field(default=Basis(), description="what is counted above and below the line")
    history: dict[int, Decimal] = Field(
        default_factory=dict, description="values of other whole years on the basis of base_value, for the odds"
    )
    restatements: tuple[Restatement, ...] = Field(default=(), description="what the base value became later, and why")
    restate_above: Decimal = Field(
        default=Decimal("0.05"), gt=0, lt=1, description="a change of the base from this share on moves the base"
    )
    red_above_pace: Decimal = Field(
        default=Decimal("1.5"), ge=1, description="red when the rate from here is above this multiple of the path's"
    )

    @model_validator(mode="after")
    def _possible(self) -> "Target":
        if min(self.milestones) <= self.base_year:
            raise ValueError(f"milestone {min(self.milestones)} is not after base_year {self.base_year}")
        for year, value in self._levels():
            if value <= 0:
                raise ValueError(f"milestone {year} asks for {value}: it must stay above zero (is milestones_are right?)")
            if value < self.base_value if self.is_rising else value > self.base_value:
                raise ValueError(f"milestone {year} asks for {value}, worse than the base of {self.base_value}: a fall of 10 % is -0.10")
            if self.is_share and value > 1:
                raise ValueError(f"{year} asks for a share of {value}: write shares as 0.30, not 30")
        if self.measure == "energy_per_gdp" and self.basis.electricity == "substitution":
            raise ValueError("electricity by substitution is of foreign series: choose equivalent or equal for the city's own energy")
        if wrong := [year for year, value in self.history.items() if value <= 0]:
            raise ValueError(f"history of {min(wrong)} is {self.history[min(wrong)]}: it must be above zero")
        return self

    @property
    def is_share(self) -> bool:
        return self.measure in SHARES

    @property
    def is_rising(self) -> bool:
        return self.measure in RISING

    @property
    def unit(self) -> str:
        return "tCO2e/10k CNY" if self.measure == "carbon_intensity" and self.basis.gases == "CO2e" else UNITS[self.measure]

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
            remedy = "Choose an earlier base year." if year < self.base_year else "Add a milestone for that year or later."
            raise fault(f"target '{self.id}'", f"asked for {year}", allowed, remedy)
        for (before, low), (after, high) in pairwise(levels):
            if year <= after:
                part = Decimal(year - before) / (after - before)
                return low + (high - low) * part if self.is_share else low * (high / low) ** part
        raise AssertionError("a year within the levels lies between two of them")

    def next_milestone(self, year: int) -> int | None:
        """The first milestone after a year."""
        return min((milestone for milestone in self.milestones if milestone > year), default=None)

    def base_changes(self, on: date) -> tuple[BaseChange, ...]:
        """The restatements known by the civil day `on`, each judged against the base then in force."""
        made: list[BaseChange] = []
        base = self.base_value
        for one in sorted(self.restatements, key=lambda r: r.published):
            if one.published > on:
                break
            change = 100 * (one.base_value / base - 1)
            applied = abs(change) >= 100 * self.restate_above
            verdict = "the base moves" if applied else "the base stands"
            sentence = (
                f"Base {self.base_year} restated {one.published} ({one.trigger}: {one.reason}): {base:f} to {one.base_value:f}, "
                f"{change:+.1f} %; "
                f"from {float(100 * self.restate_above):.3g} % on it moves, so {verdict}."
            )
            made.append(BaseChange(one.published, one.trigger, base, one.base_value, change, applied, sentence))
            base = one.base_value if applied else base
        return tuple(made)

    def as_known(self, on: date) -> "Target":
        """The target with the base in force on a civil day; the one first stated stays as it is, so that both can be shown.

        Its history moves by the factor of its base: else the step between the two bases would pass for progress.
        """
        moved = [change.after for change in self.base_changes(on) if change.applied]
        if not moved:
            return self
        history = {year: value * moved[-1] / self.base_value for year, value in self.history.items()}
        return self.model_copy(update={"base_value": moved[-1], "history": history})
