"""Electricity: bought from the grid, lost in the city's own grid, generated in the city, or spent on lost water."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.weights import Basis, Kind, in_force, of_factor
from carbon.factors import Choice, Factor, Provisional, by_id, choose
from carbon.ledger.batch import Rule
from city.quantities import Quantity

GRID = "grid electricity average-provincial"
OWN_SUPPLY = Rule("own-supply", "CO2", 0, 1, "posting", "direct", (), False, "own renewable generation of the hour")


class Electricity(AccountKind):
    """Base of the kinds that count kilowatt-hours of electricity."""

    counted: ClassVar[Quantity] = Quantity.ENERGY_KWH
    carrier_name: ClassVar[str] = "electricity"
    usual_scope: ClassVar[Literal[1, 2, 3]] = 2


class FromGrid(Electricity):
    """Base of the kinds that weigh them at the average factor of a grid."""

    entry: ClassVar[Kind] = "posting"

    factor_activity: str | None = Field(default=None, description=f"activity looked up in the factor sets; none: {GRID}")
    factor_id: str | None = Field(default=None, description="one factor by id instead of the look-up by activity, region and day")
    provisional: Provisional | None = Field(
        default=None, description="a year without a published factor: refuse, or take the latest and mark it; none: as [carbon] provisional"
    )

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        if supply == "own":
            if not self.takes_own_supply:
                self.refuse_own(supply)
            return (OWN_SUPPLY,)
        choice = self._named(factors, on) if self.factor_id else self._looked_up(factors, on)
        basis: Basis = "market" if choice.factor.basis == "residual mix" else "location"
        rule = of_factor(self, choice.factor, on, kind=self.entry, basis=basis, provisional=choice.provisional, note=choice.note)
        return (rule,)

    def _looked_up(self, factors: tuple[Factor, ...], on: date) -> Choice:
        return choose(factors, activity=self.factor_activity or GRID, region=self.region, on=on, provisional=self.provisional or "refuse")

    def _named(self, factors: tuple[Factor, ...], on: date) -> Choice:
        """The factor of `factor_id`; one that ended before the day stands in for a later one, and the note of the account says why."""
        factor = in_force(self, by_id(factors, self.factor_id or ""), on)
        late = factor.valid_to is not None and factor.valid_to < on
        return Choice(factor, late, f"Provisional: factor of {factor.validity}." if late else "")
