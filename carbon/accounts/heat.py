"""Heat that is bought."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.weights import constant, of_factor
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.quantities import Quantity


class Heat(AccountKind):
    """Purchased heat or steam, at the national default or the supplier's own factor. Heat of an own boiler is in its fuel already."""

    kind: Literal["heat"] = "heat"
    counted: ClassVar[Quantity] = Quantity.HEAT_KWH
    carrier_name: ClassVar[str] = "heat"
    usual_scope: ClassVar[Literal[1, 2, 3]] = 2
    usual_activity: ClassVar[str] = "purchased heat"

    factor_id: str = Field(
        default="cn.gbt32150.heat.default", description="factor per kWh or MJ of heat; a city's own stands in its factors/ folder"
    )

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        self.refuse_own(supply)
        return (of_factor(self, constant(self, factors, self.factor_id, on), on, kind="posting", basis="location"),)
