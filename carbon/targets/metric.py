"""What a number of a target is: numerator basis / denominator basis / price year / vintage, and that unlike ones are never compared.

Sources: GB/T 2589-2020 (electricity at equivalent or equal value); NDRC and NBS, notices of 2022 on energy used as raw material and on
renewable energy in the energy targets of regions (feedstock and non-fossil energy are left out of the official basis since then).
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from pydantic import Field, model_validator

from city.places import Place
from city.problems import Problem, fault

Measure = Literal["energy_per_gdp", "carbon_intensity", "renewable_share", "non_fossil_share", "water_loss", "water_per_gdp"]
SHARES: tuple[Measure, ...] = ("renewable_share", "non_fossil_share", "water_loss")
PER_GDP: tuple[Measure, ...] = ("energy_per_gdp", "carbon_intensity", "water_per_gdp")
UNITS: dict[Measure, str] = {
    "energy_per_gdp": "tce/10k CNY",
    "carbon_intensity": "tCO2/10k CNY",
    "water_per_gdp": "m3/10k CNY",
    "renewable_share": "1",
    "non_fossil_share": "1",
    "water_loss": "1",
}

_CONVERTED = {
    "equivalent": "electricity at its heat (equivalent value)",
    "equal": "electricity at the coal of thermal power (equal value)",
    "substitution": "primary electricity by the substitution method",
}
_OF = {"electricity": "electricity used", "primary-energy": "primary energy used"}
_RENEWABLE = {"own": "own renewable generation", "own+certificates": "own renewable generation and retired certificates"}


class Basis(Place):
    """What is counted above and below the line. Only the fields a measure needs are part of it."""

    electricity: Literal["equivalent", "equal", "substitution"] = Field(
        default="equivalent",
        description="energy: how electricity becomes standard coal: at its heat (0.1229 kgce/kWh), at the coal "
        "thermal power takes that year, or (foreign series) by substitution of fuel",
    )
    feedstock: Literal["counted", "deducted"] = Field(default="counted", description="energy: used as raw material, not burnt")
    feedstock_accounts: tuple[str, ...] = Field(default=(), description="energy: accounts of what is used as raw material, to deduct")
    non_fossil: Literal["counted", "deducted"] = Field(
        default="counted", description="energy: own renewable generation and retired certificates (national series: all non-fossil energy)"
    )
    gases: Literal["CO2", "CO2e"] = Field(default="CO2", description="carbon intensity: carbon dioxide alone, or all gases by [carbon] gwp")
    share_of: Literal["electricity", "primary-energy"] = Field(default="electricity", description="renewable and non-fossil share: of what")
    renewable: Literal["own", "own+certificates"] = Field(default="own", description="renewable and non-fossil share: whose power counts")
    price_year: int | None = Field(default=None, ge=1990, le=2100, description="per GDP: year of the constant prices; none: not stated")

    def energy(self) -> str:
        """The numerator of energy in words."""
        told = f"energy with {_CONVERTED[self.electricity]}"
        feedstock = "feedstock" + (f" ({', '.join(sorted(self.feedstock_accounts))})" if self.feedstock_accounts else "")
        without = [name for name, state in ((feedstock, self.feedstock), ("non-fossil energy", self.non_fossil)) if state == "deducted"]
        return told + (f", without {' and '.join(without)}" if without else "")

    @model_validator(mode="after")
    def _accounts_are_deducted(self) -> "Basis":
        if self.feedstock_accounts and self.feedstock == "counted":
            raise ValueError('feedstock_accounts are named but not taken off: write feedstock = "deducted", or leave them out')
        return self


@dataclass(frozen=True, slots=True)
class Metric:
    """numerator basis / denominator basis / price year / vintage, of one measure; `unit` of its values."""

    measure: Measure
    numerator: str
    denominator: str
    unit: str
    price_year: int | None = None
    vintage: str = ""  # of the denominator: preliminary, final, census; empty where it has none or it is not stated

    def __str__(self) -> str:
        prices = f" at prices of {self.price_year}" if self.price_year else ""
        return f"{self.numerator} / {self.denominator}{prices}" + (f" / {self.vintage}" if self.vintage else "")


@dataclass(frozen=True, slots=True)
class Value:
    """One year's number with what it is."""

    metric: Metric
    year: int
    value: Decimal


def metric_of(measure: Measure, basis: Basis, *, vintage: str = "", unit: str = "") -> Metric:
    """The metric of a measure on a basis; `unit` none: that of `UNITS`."""
    converted = f", {_CONVERTED[basis.electricity]}" if basis.share_of == "primary-energy" else ""
    below = _OF[basis.share_of] + converted
    sides = {
        "energy_per_gdp": (basis.energy(), "GDP"),
        "carbon_intensity": (f"{basis.gases} of the ledger's postings", "GDP"),
        "water_per_gdp": ("water supplied", "GDP"),
        "renewable_share": (_RENEWABLE[basis.renewable], below),
        "non_fossil_share": (_RENEWABLE[basis.renewable] + " (nuclear among the certificates)", below),
        "water_loss": ("water lost", "water supplied"),
    }
    per_gdp = measure in PER_GDP
    return Metric(measure, *sides[measure], unit or UNITS[measure], basis.price_year if per_gdp else None, vintage if per_gdp else "")


def ratio(metric: Metric, year: int, numerator: Decimal, denominator: Decimal) -> Value:
    """A year's value from what is above and below the line, in units whose quotient is `metric.unit`.

    Raises `PenstockError` for a negative numerator or a denominator that is not positive.
    """
    if not (numerator.is_finite() and denominator.is_finite() and numerator >= 0 and denominator > 0):
        raise fault(f"{metric.measure} {year}", f"{numerator} over {denominator}", "zero or more over a positive number", "Check both.")
    return Value(metric, year, numerator / denominator)


def printed(value: Decimal, digits: int) -> str:
    """As a table prints it: rounded half up to `digits` after the point."""
    return format(value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP), "f")


def differences(one: Metric, other: Metric) -> tuple[str, ...]:
    """Where two metrics differ, a sentence's part each; none when their values may be compared.

    A preliminary and a final figure may be compared (each names its vintage); one from before a census and one after may not.
    """
    sides = [
        ("measure", one.measure, other.measure),
        ("numerator", one.numerator, other.numerator),
        ("denominator", one.denominator, other.denominator),
        ("unit", one.unit, other.unit),
        ("price year", one.price_year, other.price_year),
        ("census revision", "census" in one.vintage, "census" in other.vintage),
    ]
    return tuple(f"{name}: {a} against {b}" for name, a, b in sides if a != b)


def warning(one: Metric, other: Metric) -> Problem | None:
    """What to print where values of two metrics stand side by side; None when they are alike."""
    found = differences(one, other)
    if not found:
        return None
    return Problem(
        f"{one.measure} on two bases", "; ".join(found), "one basis on both sides", "Read them apart; their difference means nothing."
    )


def change_percent(earlier: Value, later: Value) -> Decimal:
    """Change from one value to another [%]. Raises `PenstockError` when their bases differ or the earlier one is not positive."""
    if found := differences(earlier.metric, later.metric):
        raise fault(
            f"{later.metric.measure} {earlier.year} to {later.year}",
            "; ".join(found),
            "one basis",
            "Restate one of them on the other's basis.",
        )
    if earlier.value <= 0:
        raise fault(f"{later.metric.measure} {earlier.year}", f"{earlier.value}", "above zero", "Check the value.")
    return 100 * (later.value / earlier.value - 1)


def change_from_growth(numerator_percent: Decimal, denominator_percent: Decimal) -> Decimal:
    """Change of a ratio [%] from the growth [%] of what is above and below its line."""
    return 100 * ((100 + numerator_percent) / (100 + denominator_percent) - 1)


def chained(start: Value, changes: dict[int, tuple[Metric, Decimal]]) -> tuple[Value, ...]:
    """The values of the years after `start`, year by year from published changes {year: (metric, change [%])}.

    Raises `PenstockError` for a change on another basis or a year that is left out.
    """
    made = [start]
    for year, (metric, percent) in sorted(changes.items()):
        found = differences(start.metric, metric)
        if found or year != made[-1].year + 1:
            observed = "; ".join(found) or f"{made[-1].year} is followed by {year}"
            raise fault(f"chain of {start.metric.measure} at {year}", observed, "every year, on one basis", "Chain it apart from there.")
        made.append(Value(metric, year, made[-1].value * (100 + percent) / 100))
    return tuple(made)
