"""Sun and wind that may be taken or left: never more than the forecast's median."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.asset import AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.parts.ramp import Ramp, ramps
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Curtailable(Connected):
    """Generates between `least_share` of its forecast and all of it."""

    kind: Literal["curtailable"] = "curtailable"
    error_sign: ClassVar[int] = -1
    state_taken: ClassVar[tuple[str, ...]] = ("power_kw",)
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "curtailed_kw")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the generation forecasts that add up to it")
    least_share: float = Field(
        default=0.0, ge=0, le=1, description="part of the forecast that must be taken [1]; 1 for a plant without a setpoint"
    )
    curtail_price_per_kwh: float = Field(default=0.0, ge=0, description="price of energy left unused [currency/kWh]")
    ramp_kw_per_h: float | None = Field(
        default=None,
        gt=0,
        description="fastest change that the plan may order [kW/h], beside what sun and wind do themselves; none: at once",
    )

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def available_kw(self, inputs: PlanInput) -> np.ndarray:
        return np.maximum(inputs.power(*self.series), 0.0)

    def ramp(self, inputs: PlanInput) -> Ramp:
        """Its limit per step [kW], beside what the forecast itself rises or falls: taking all of it is always allowed.

        While people hold it, it falls as fast as they say: their order is not the plan's.
        """
        before = float(inputs.state.get(self.id, {}).get("power_kw", np.nan))
        most = np.inf if self.ramp_kw_per_h is None else self.ramp_kw_per_h * inputs.step_h
        available = self.available_kw(inputs)
        change = np.diff(available, prepend=available[0] if np.isnan(before) else before)
        down = most + np.maximum(-change, 0.0)
        for lock in inputs.locks:
            if lock.asset == self.id:
                down[: inputs.until(lock.until_utc)] += float(np.nanmax([*available, before]))
        return Ramp(self.id, most + np.maximum(change, 0.0), down, before)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m = model.m
        available = np.array([asset.available_kw(model.inputs) for asset in group])
        model.ids("CURTAILABLE", (asset.id for asset in group))
        model.variable(
            "curtailable_kw",
            m.CURTAILABLE,
            m.T,
            lower=available * column(group, "least_share")[:, None],
            upper=available,
            at_least=Words("generation of at least {value} must be taken", "kW"),
            at_most=Words("generation at most the forecast's {value}", "kW", news=False),
        )
        ramps(model, "curtailable", m.curtailable_kw, [a.ramp(model.inputs) for a in group])
        price = column(group, "curtail_price_per_kwh") * model.inputs.step_h
        model.parameter("curtailable_price", m.CURTAILABLE, price)
        model.constant += float(price @ available.sum(axis=1))
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: m.curtailable_kw[a, t])
        model.costs.append(lambda m: sum(-m.curtailable_price[a] * m.curtailable_kw[a, t] for a in m.CURTAILABLE for t in m.T))
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: m.curtailable_kw[a, t], "<=")

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {
            asset.id: {"power_kw": used, "curtailed_kw": np.maximum(asset.available_kw(inputs) - used, 0.0)}
            for asset, used in zip(group, solved["curtailable_kw"], strict=True)
        }

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        available = self.available_kw(inputs)
        return {"power_kw": available, "curtailed_kw": np.zeros_like(available)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        left = float(values["curtailed_kw"].sum() * inputs.step_h)
        return Settled({self.balance: values["power_kw"]}, Cost(curtailment=left * self.curtail_price_per_kwh), curtailed_kwh=left)
