"""One published number and everything that is known about it."""

import hashlib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from carbon.units import FactorUnit, unit_of

COLUMNS = ("id", "activity", "scope", "gas", "value", "unit", "region", "valid_from", "valid_to", "source", "licence", "status")
Basis = Literal[
    "location average",  # all generation that feeds a grid, for location-based scope 2
    "residual mix",  # the average without what was sold with a claim, for market-based scope 2
    "fossil average",  # fossil generation alone
    "marginal",  # what one kWh more or less changes: avoided emissions, never an inventory
    "ETS",  # a carbon market's reporting default
    "footprint",  # life cycle, for products
    "upstream",  # well to tank, transmission and distribution
    "combustion",  # what burning sets free
    "fuel property",  # heat value, carbon content, oxidation
    "standard default",  # a standard's value where nothing is measured
    "standard coal, equivalent value",
    "standard coal, equal value",
    "warming potential",
    "water service",  # supply or treatment of a cubic metre, for consumers' books
    "unstated",
]


class Factor(BaseModel):
    """One published number: what it counts, per what, where, when, and who says so.

    The first fields are the columns of a set's CSV; the last ones come from the set's manifest (`carbon.factors.sets`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="short name, unique over all sets", min_length=1)
    activity: str = Field(description="what the factor is for", min_length=1)
    scope: str = Field(description="1, 2, 3 of the GHG Protocol; energy, PCF, outside or - where none applies")
    gas: str = Field(description="CO2, CO2e, CH4, ...; - for heat values and coal coefficients")
    value: Decimal = Field(description="as printed in the source [unit]", ge=0, allow_inf_nan=False)
    unit: str = Field(description="unit of the value, one of carbon.units.KNOWN")
    region: str = Field(description="ISO 3166 code, the MEE code of a regional grid (CN-ECG), or GLO", min_length=2)
    valid_from: date | None = Field(default=None, description="first civil day it is for; none: no beginning")
    valid_to: date | None = Field(default=None, description="last civil day it is for; none: until replaced")
    source: str = Field(description="publication, number and date", min_length=1)
    licence: str = Field(description="terms of the source", min_length=1)
    status: str = Field(description="verified: checked against the source")
    basis: Basis = Field(default="unstated", description="what kind of number it is")
    published: date | None = Field(default=None, description="day its source was published; none: not known")
    uncertainty_percent: Decimal | None = Field(
        default=None, ge=0, description="half-width of the 95 % interval [% of the value]; none: the source gives none"
    )
    uncertainty_source: str = Field(default="", description="where the interval is from")
    set_name: str = Field(default="", description="the set it came in: the name of its CSV")

    @property
    def sha256(self) -> str:
        """Hash of the published row, hex: changes when anything in it changes. What the manifest adds is in the set's hash."""
        text = "\x1f".join("" if value is None else str(value) for value in (getattr(self, name) for name in COLUMNS))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def meaning(self) -> FactorUnit:
        return unit_of(self.unit, f"factor '{self.id}'")

    @property
    def base_value(self) -> Fraction:
        """The value, exact, in `meaning.counts` per `meaning.per`."""
        return Fraction(self.value) * self.meaning.to_base

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def number(self) -> tuple[object, ...]:
        """What may not differ between two rows of one id; the wording of activity and source may."""
        return self.gas, self.value, self.unit, self.region, self.valid_from, self.valid_to

    @property
    def validity(self) -> str:
        return f"{self.valid_from or '...'} to {self.valid_to or '...'}"
