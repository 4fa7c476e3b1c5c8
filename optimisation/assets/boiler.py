"""A boiler: fuel, or power through an electrode, into heat."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from optimisation.inputs import PlanInput, Series
from optimisation.parts.converter import Converter


class Boiler(Converter):
    """Heat from what it burns. When nobody plans it comes last, after heat pumps and heat that comes with power."""

    kind: Literal["boiler"] = "boiler"
    follows: ClassVar[int] = 3
    ports: ClassVar[tuple[str, ...]] = ("balance", "heat_balance")
    output: ClassVar[str] = "heat_balance"
    gives: ClassVar[str] = "heat_kw"
    planned: ClassVar[tuple[str, ...]] = ("heat_kw", "running", "power_kw")
    balance: str = Field(default="gas", min_length=1, description="the balance of its fuel; electricity for an electrode boiler")
    heat_balance: str = Field(default="heat", min_length=1, description="the balance it heats")
    efficiency: float = Field(default=0.92, gt=0, le=1.1, description="heat per energy of the fuel, lower heating value [1]")

    def per_kw(self, inputs: PlanInput) -> Mapping[str, Series]:
        return {"balance": np.full(inputs.steps, 1 / self.efficiency)}
