"""A heat pump: power into more heat, by a constant figure or by the temperature of what it draws on."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from optimisation.inputs import PlanInput, Series
from optimisation.parts.ambient import Lifting
from optimisation.parts.converter import Converter


class HeatPump(Converter, Lifting):
    """Heat for a heat balance; its source is its ambient: outdoor air, ground or waste water."""

    kind: Literal["heat_pump"] = "heat_pump"
    follows: ClassVar[int] = 2
    ports: ClassVar[tuple[str, ...]] = ("balance", "heat_balance")
    output: ClassVar[str] = "heat_balance"
    gives: ClassVar[str] = "heat_kw"
    planned: ClassVar[tuple[str, ...]] = ("heat_kw", "running", "power_kw")
    heat_balance: str = Field(default="heat", min_length=1, description="the balance it heats")

    @model_validator(mode="after")
    def _figure(self) -> Self:
        if self.cop is None and self.carnot_quality is None:
            raise ValueError("neither cop nor carnot_quality is given: say how much heat a kWh of power gives")
        return self

    def per_kw(self, inputs: PlanInput) -> Mapping[str, Series]:
        return {"balance": 1 / self.performance(inputs)}
