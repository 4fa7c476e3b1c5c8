"""Contracts for electricity: power purchase agreements with a volume by the hour or the month, and suppliers' own factors."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from city.named_files import Names
from city.places import Place
from city.problems import fault


class Contract(Place):
    """A power purchase agreement: which accounts it supplies, and how much of which hours or months."""

    id: str = Field(description="short name", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    accounts: tuple[str, ...] = Field(min_length=1, description="electricity accounts it supplies")
    plant: str = Field(pattern=r"^\P{C}+$", description="the generating plant")
    technology: str = Field(pattern=r"^\P{C}+$", description="wind, solar, hydro, ...")
    market: str = Field(description="ISO 3166 code of the market of the plant, such as CN", min_length=2)
    first_day: date = Field(description="first civil day of delivery")
    last_day: date = Field(description="last civil day of delivery")
    kg_co2_per_kwh: Decimal = Field(default=Decimal(0), ge=0, description="emission rate it conveys [kg/kWh]")
    renewable: bool = Field(default=True, description="does it count for the matching share?")
    certificates: Literal["none issued", "bundled", "kept by the seller"] = Field(
        description="who holds the attributes; only `none issued` lets the contract carry a claim, `bundled` claims by certificates"
    )
    months_mwh: dict[str, Decimal] = Field(default={}, description="volume of each civil month, as 2023-05 = 120.5 [MWh]")
    hours_file: Annotated[str | None, Names.BESIDE] = Field(
        default=None, description="CSV beside city.toml with columns hour (ISO 8601 with offset) and kwh"
    )

    @model_validator(mode="after")
    def _one_volume(self) -> Self:
        if bool(self.months_mwh) == bool(self.hours_file):
            raise ValueError("give either months_mwh or hours_file: its volume is by the month or by the hour")
        for month, volume in self.months_mwh.items():
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month) or volume < 0 or Fraction(volume) * 1_000_000 % 1:
                raise ValueError(f"months_mwh '{month}' = {volume}: write a month as 2023-05 and whole watt-hours")
        if len(set(self.accounts)) < len(self.accounts):
            raise ValueError("an account is given twice")
        if self.last_day < self.first_day:
            raise ValueError(f"delivery from {self.first_day} to {self.last_day}; the end comes first")
        return self

    @property
    def kg_per_kwh(self) -> Fraction:
        return Fraction(self.kg_co2_per_kwh)

    def month_wh(self, month: str) -> int:
        """Volume of a civil month [Wh]. Raises `PenstockError` for a month the contract does not name."""
        if month not in self.months_mwh:
            allowed = ", ".join(sorted(self.months_mwh))
            raise fault(f"contract '{self.id}'", f"no volume for {month}", allowed, "Add the month to months_mwh.")
        return int(Fraction(self.months_mwh[month]) * 1_000_000)


class Supplier(Place):
    """A supplier with a factor of its own for what it delivers: used where no certificate or contract covers an hour."""

    id: str = Field(pattern=r"^\P{C}{1,60}$", description="short name")
    accounts: tuple[str, ...] = Field(min_length=1, description="electricity accounts it supplies")
    factor_id: str = Field(description="its factor, in the city's own sets, for delivered electricity")
    sold_attributes_out: bool = Field(
        description="is what it sold as certificates to others taken out of its factor (quality criterion 6)? only then it is used"
    )
