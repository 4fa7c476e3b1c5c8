"""Certificates and contracts for renewable power: what is bought, for the market-based view."""

from datetime import date
from typing import ClassVar, Literal

from carbon.accounts.account import Supply
from carbon.accounts.electricity import Electricity
from carbon.accounts.weights import memo
from carbon.factors import Factor
from carbon.ledger.batch import Rule


class Certificate(Electricity):
    """Energy that certificates or a contract stand for: its amount alone; it changes no location-based kilogram."""

    kind: Literal["certificate"] = "certificate"
    usual_activity: ClassVar[str] = "renewable certificates"
    usual_gpc: ClassVar[str | None] = "-"

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:  # noqa: ARG002 - all kinds answer alike
        self.refuse_own(supply)
        return memo(self, "market")
