"""Water as volume. The energy of a utility's water is in the electricity of its pumps, so it weighs nothing in the city's sum."""

from datetime import date
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.weights import in_force, memo, of_factor
from carbon.factors import Factor, by_id
from carbon.ledger.batch import Rule
from city.quantities import Quantity


class Water(AccountKind):
    """Base of the kinds that count water: a volume, or with a factor for consumers' books kilograms beside the city's sum."""

    counted: ClassVar[Quantity] = Quantity.VOLUME_M3
    carrier_name: ClassVar[str] = "water"
    usual_scope: ClassVar[Literal[1, 2, 3]] = 3
    usual_gpc: ClassVar[str | None] = "VI.1"

    factor_id: str | None = Field(default=None, description="factor per m3 for consumers' books; its entries stand beside the city's sum")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.factor_id and not self.note:
            raise ValueError("a per-m3 water factor needs a note: its energy is already in the pumps' electricity")
        return self

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        self.refuse_own(supply)
        if self.factor_id is None:
            return memo(self)
        factor = in_force(self, by_id(factors, self.factor_id), on)
        return (of_factor(self, factor, on, kind="outside", basis="location"),)


class WaterSupply(Water):
    """Water given to the network."""

    kind: Literal["water-supply"] = "water-supply"
    usual_activity: ClassVar[str] = "water supply"


class WaterLoss(Water):
    """Water lost from the network."""

    kind: Literal["water-loss"] = "water-loss"
    usual_activity: ClassVar[str] = "water loss"
