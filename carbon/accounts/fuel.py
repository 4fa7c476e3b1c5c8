"""Fuels that are burnt, by mass, volume or heat."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.combustion import burnt, coal_heat_mj
from carbon.accounts.weights import MJ_PER_KWH
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.quantities import Quantity

Name = Literal[
    "natural gas",
    "diesel",
    "motor gasoline",
    "lpg",
    "anthracite",
    "other bituminous coal",
    "sub bituminous coal",
    "lignite",
    "residual fuel oil",
    "crude oil",
    "jet kerosene",
    "coke oven gas",
    "blast furnace gas",
    "naphtha",
    "wood biogenic",
    "biogas biogenic",
    "msw fossil fraction",
]
NAMES: tuple[str, ...] = get_args(Name)
# Net heat values that GB/T 2589-2020 gives as standard coal, by mass or (gas) by volume.
_COAL: dict[tuple[str, str], str] = {
    ("diesel", "kg"): "diesel",
    ("motor gasoline", "kg"): "gasoline",
    ("lpg", "kg"): "lpg",
    ("residual fuel oil", "kg"): "fuel_oil",
    ("crude oil", "kg"): "crude_oil",
    ("jet kerosene", "kg"): "kerosene",
    ("coke oven gas", "m3"): "coke_oven_gas",
}


class Fuel(AccountKind):
    """A fuel of the IPCC's 2006 Guidelines that is burnt; its heat value is GB/T 2589's or the one stated.

    By mass or volume: amount x (density) x net heat value; by heat: kWh x 3.6 MJ. A gross value is multiplied by `net_per_gross`.
    """

    kind: Literal["fuel"] = "fuel"
    carrier_name = ""
    usual_scope = 1
    usual_activity = ""

    fuel: Name = Field(description="what is burnt, as in the factor sets' `<fuel> stationary combustion`")
    counts: Literal["mass_kg", "volume_m3", "gas_m3", "heat_kwh"] = Field(description="quantity of its point or stated amounts")
    heat_value_mj: Decimal | None = Field(
        default=None, gt=0, description="heat value [MJ per kg of a mass or a liquid with density, else MJ per m3]; none: GB/T 2589's"
    )
    heat_value: Literal["net", "gross"] | None = Field(
        default=None, description="is heat_value_mj, or the metered heat, the net (lower) or the gross (higher) one?"
    )
    net_per_gross: Decimal | None = Field(default=None, gt=0, le=1, description="net over gross heat value, for a gross one [1]")
    source: str = Field(default="", description="where heat_value_mj, net_per_gross and density are from; printed on the statement")
    density_kg_per_m3: Decimal | None = Field(default=None, gt=0, description="of a liquid counted by volume [kg/m3]")

    @model_validator(mode="after")
    def _heat_told(self) -> Self:
        stated = self.heat_value_mj is not None
        if self.counts == "heat_kwh" and (stated or self.density_kg_per_m3):
            raise ValueError("heat is counted, so it takes no heat_value_mj and no density")
        if (stated or self.net_per_gross or self.density_kg_per_m3) and not self.source:
            raise ValueError("heat_value_mj, net_per_gross and density_kg_per_m3 need a source: where they are from")
        if (stated or self.counts == "heat_kwh") != (self.heat_value is not None):
            raise ValueError("heat_value = net or gross belongs to a stated heat value or to counted heat, and is needed there")
        if (self.heat_value == "gross") != (self.net_per_gross is not None):
            raise ValueError("net_per_gross belongs to a gross heat value, and is needed there")
        if self.density_kg_per_m3 and self.counts not in ("volume_m3", "gas_m3"):
            raise ValueError("density_kg_per_m3 belongs to a volume")
        if self.counts != "heat_kwh" and not stated and (self.fuel, self._heat_per) not in _COAL:
            known = ", ".join(f"{fuel} by {per}" for fuel, per in _COAL)
            raise ValueError(f"no heat value is shipped for {self.fuel} by {self._heat_per} (there are: {known}); give heat_value_mj")
        return self

    @property
    def _heat_per(self) -> str:
        return "kg" if self.counts == "mass_kg" or self.density_kg_per_m3 else "m3"

    @property
    def quantity(self) -> Quantity:
        return Quantity(self.counts)

    @property
    def carrier(self) -> str:
        return "gas" if self.fuel == "natural gas" else self.fuel

    @property
    def activity_name(self) -> str:
        return self.activity or f"{self.fuel} stationary combustion"

    def heat_mj(self, factors: tuple[Factor, ...], on: date) -> tuple[Fraction, tuple[Factor, ...]]:
        """Net heat of one counted unit [MJ per kg, m3 or kWh] on a day, and the published numbers in it."""
        of_heat: tuple[Factor, ...] = ()
        if self.counts == "heat_kwh":
            heat_mj = MJ_PER_KWH
        elif self.heat_value_mj is not None:
            heat_mj = Fraction(self.heat_value_mj)
        else:
            heat_mj, of_heat = coal_heat_mj(self, factors, f"cn.gbt2589.{_COAL[self.fuel, self._heat_per]}", on)
        return heat_mj * Fraction(self.net_per_gross or 1) * Fraction(self.density_kg_per_m3 or 1), of_heat

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        self.refuse_own(supply)
        heat_mj, of_heat = self.heat_mj(factors, on)
        activity = f"{self.fuel} stationary combustion"
        return burnt(
            self, factors, on, activity=activity, method=f"ipcc2006:{self.fuel}", heat_mj=heat_mj, of_heat=of_heat, note=self.source
        )
