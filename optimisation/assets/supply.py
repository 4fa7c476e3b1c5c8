"""Gas, district heat or any other energy that is bought at a price from outside the city."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.asset import AssetKind, Connected, Left, Solved, column, of_kind
from optimisation.inputs import PlanInput
from optimisation.parts.limits import exceeded
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Supply(Connected):
    """Gives to a balance and takes nothing back. CO2e of what it gives is counted here, and not again where it is burnt."""

    kind: Literal["supply"] = "supply"
    follows: ClassVar[int] = 5
    planned: ClassVar[tuple[str, ...]] = ("power_kw",)
    balance: str = Field(default="gas", min_length=1, description="the balance it gives to; assets that name the same one meet")
    price_per_kwh: float = Field(ge=0, description="price of what it gives [currency/kWh]")
    co2_kg_per_kwh: float = Field(
        default=0.0, ge=0, description="CO2e of what it gives, burnt or made [kg/kWh]; gas: 0.202 of the lower value"
    )
    max_kw: float | None = Field(default=None, gt=0, description="most it can give [kW]; none: no limit")

    def buy_per_kwh(self, inputs: PlanInput) -> float:
        """What a kWh costs, carbon priced [currency/kWh]."""
        return self.price_per_kwh + self.co2_kg_per_kwh * inputs.carbon_price_per_t / 1000.0

    @property
    def most_kw(self) -> float:
        return np.inf if self.max_kw is None else self.max_kw

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, h = model.m, model.inputs.step_h
        model.ids("SUPPLY", (s.id for s in group))
        most = np.array([[s.most_kw] for s in group])
        model.variable("supply_kw", m.SUPPLY, m.T, upper=most, at_most=Words("gives at most {value}", "kW"))
        model.parameter("supply_price", m.SUPPLY, [s.buy_per_kwh(model.inputs) * h for s in group])
        model.parameter("supply_kg", m.SUPPLY, column(group, "co2_kg_per_kwh") * h)
        model.inject([(s.id, s.balance) for s in group], lambda m, s, t: m.supply_kw[s, t])
        model.costs.append(lambda m: sum(m.supply_price[s] * m.supply_kw[s, t] for s in m.SUPPLY for t in m.T))
        model.emissions.append(lambda m: sum(m.supply_kg[s] * m.supply_kw[s, t] for s in m.SUPPLY for t in m.T))
        model.holdable("power_kw", [s.id for s in group], lambda m, s, t: 1.0 * m.supply_kw[s, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {s.id: {"power_kw": solved["supply_kw"][i]} for i, s in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Gives what is lacking, in the order of the file; the last of a balance even above its limit."""
        last = [s for s in of_kind(assets, Supply) if s.balance == self.balance][-1]
        return {"power_kw": np.clip(left[self.balance], 0.0, np.inf if self is last else self.most_kw)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        power = values["power_kw"]
        energy = float(power.sum() * inputs.step_h)
        cost = Cost(energy=energy * self.price_per_kwh, carbon=energy * (self.buy_per_kwh(inputs) - self.price_per_kwh))
        breaches = exceeded(inputs, self.id, "limit", "gives", power, self.most_kw)
        return Settled({self.balance: power}, cost, energy * self.co2_kg_per_kwh, breaches=breaches)
