"""What the city generates itself from sun, wind and water."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from carbon.accounts.account import Supply
from carbon.accounts.electricity import Electricity
from carbon.accounts.weights import memo
from carbon.factors import Factor
from carbon.ledger.batch import Rule


class OwnRenewable(Electricity):
    """Own renewable generation: its amount alone, for it has no direct emission; consumers' own supply is made of it."""

    kind: Literal["own-renewable"] = "own-renewable"
    usual_activity: ClassVar[str] = "own renewable generation"
    usual_gpc: ClassVar[str | None] = "I.4.4"

    supplies: tuple[str, ...] = Field(
        default=(), description="accounts of electricity that it covers hour by hour, by a direct line; none: those of its own site"
    )

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:  # noqa: ARG002 - all kinds answer alike
        return memo(self)
