"""A chiller: cold from power (compression) or from heat (absorption), with the power that its recooling takes.

Reference: ASHRAE Handbook - HVAC Systems and Equipment, 2020, ch. 18 and 43 (absorption and compression liquid chillers).
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from optimisation.inputs import PlanInput, Series
from optimisation.parts.ambient import Lifting
from optimisation.parts.converter import Converter


class Chiller(Converter, Lifting):
    """Cold for a cold balance. One that names a `heat_balance` is driven by heat from there; its `cop` then is cold per heat."""

    kind: Literal["chiller"] = "chiller"
    follows: ClassVar[int] = 1
    output: ClassVar[str] = "cold_balance"
    gives: ClassVar[str] = "cold_kw"
    planned: ClassVar[tuple[str, ...]] = ("cold_kw", "running", "power_kw")
    cold_balance: str = Field(default="cold", min_length=1, description="the balance it cools")
    heat_balance: str | None = Field(default=None, min_length=1, description="the balance whose heat drives it; none: power does")
    recooling_share: float = Field(
        default=0.0, ge=0, le=1, description="power of pumps and fans per heat given off, which is cold plus drive [1]"
    )

    @model_validator(mode="after")
    def _figure(self) -> Self:
        if self.cop is None and self.carnot_quality is None:
            raise ValueError("neither cop nor carnot_quality is given: say how much cold a kWh of drive gives")
        if self.heat_balance is not None and self.cop is None:
            raise ValueError("a chiller driven by heat needs cop: the Carnot figure of carnot_quality is that of a compressor")
        return self

    @property
    def balances(self) -> tuple[str, ...]:
        ends = (self.balance, self.cold_balance)
        return ends if self.heat_balance is None else (*ends, self.heat_balance)

    def per_kw(self, inputs: PlanInput) -> Mapping[str, Series]:
        drive = 1 / self.performance(inputs, cools=True)
        recooling = self.recooling_share * (1 + drive)
        return {"balance": drive + recooling} if self.heat_balance is None else {"heat_balance": drive, "balance": recooling}
