"""Street lights: on by their forecast, dimmed in the hours that allow it, at the price of the comfort it takes."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.assets.asset import AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class StreetLights(Connected):
    """Lamps whose power may be lowered by a share of what they draw."""

    kind: Literal["street_lights"] = "street_lights"
    error_sign: ClassVar[int] = 1
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "dimmed_kw")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts of undimmed consumption")
    dimmable_share: float = Field(ge=0, le=1, description="part of the power that may be dimmed away [1]")
    dim_from_local: time = Field(default=time(23, 0), description="local time from which dimming is allowed")
    dim_until_local: time = Field(default=time(5, 0), description="local time until which dimming is allowed")
    comfort_price_per_kwh: float = Field(default=0.1, ge=0, description="price of light not given [currency/kWh]")

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def most_kw(self, inputs: PlanInput) -> np.ndarray:
        allowed = inputs.between(self.dim_from_local, self.dim_until_local)
        return np.where(allowed, np.maximum(inputs.power(*self.series), 0.0) * self.dimmable_share, 0.0)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        for asset in group:
            model.withdraw(asset.balance, inputs.power(*asset.series))
        model.ids("LIGHTS", (a.id for a in group))
        most = np.array([a.most_kw(inputs) for a in group])
        model.variable("dimmed_kw", m.LIGHTS, m.T, upper=most, at_most=Words("dimming of at most {value}", "kW"))
        model.parameter("dimmed_price", m.LIGHTS, column(group, "comfort_price_per_kwh") * inputs.step_h)
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.dimmed_kw[a, t])
        model.costs.append(lambda m: sum(m.dimmed_price[a] * m.dimmed_kw[a, t] for a in m.LIGHTS for t in m.T))
        drawn = {a.id: inputs.power(*a.series).tolist() for a in group}
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: drawn[a][t] - m.dimmed_kw[a, t], "<=")

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {
            a.id: {"power_kw": inputs.power(*a.series) - dimmed, "dimmed_kw": dimmed}
            for a, dimmed in zip(group, solved["dimmed_kw"], strict=True)
        }

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        return {"power_kw": inputs.power(*self.series), "dimmed_kw": np.zeros(inputs.steps)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        energy = float(values["dimmed_kw"].sum() * inputs.step_h)
        return Settled({self.balance: -values["power_kw"]}, Cost(comfort=energy * self.comfort_price_per_kwh))
