"""Certificates and contracts for renewable power: what is bought, for the market-based view."""

from datetime import date
from typing import ClassVar, Literal

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.weights import memo
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.quantities import Quantity


class Certificate(AccountKind):
    """Energy that certificates or a contract stand for: its amount alone; it changes no location-based kilogram."""

    kind: Literal["certificate"] = "certificate"
    counted: ClassVar[Quantity] = Quantity.ENERGY_KWH
    carrier_name: ClassVar[str] = "electricity"
    usual_scope: ClassVar[Literal[1, 2, 3]] = 2
    usual_activity: ClassVar[str] = "renewable certificates"
    usual_gpc: ClassVar[str | None] = "-"

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:  # noqa: ARG002 - all kinds answer alike
        self.refuse_own(supply)
        return memo(self, "market")
