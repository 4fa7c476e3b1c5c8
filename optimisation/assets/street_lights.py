"""Street lights: on by their forecast, dimmed in the hours that allow it, at the price of the comfort it takes."""
# ruff: noqa: ARG002, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from optimisation.asset import AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.parts.commitment import Unit, commit
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class LeastLight(BaseModel):
    """Light that must be given in some hours, e.g. while a street is in a brighter lighting class."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    from_local: time = Field(description="local time from which it holds")
    until_local: time = Field(description="local time until which it holds")
    least_share: float = Field(ge=0, le=1, description="least part of the full power [1]")


class StreetLights(Connected):
    """Lamps whose power may be lowered by a share of what they draw: freely, or in levels that last a while.

    Which light a street needs at which hour is a table of its lighting engineer (EN 13201-1 gives the classes); here it is `least`.
    """

    kind: Literal["street_lights"] = "street_lights"
    error_sign: ClassVar[int] = 1
    state_taken: ClassVar[tuple[str, ...]] = ("light_share", "since_steps")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "dimmed_kw")
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts of undimmed consumption")
    dimmable_share: float = Field(ge=0, le=1, description="part of the power that may be dimmed away [1]")
    dim_from_local: time = Field(default=time(23, 0), description="local time from which dimming is allowed")
    dim_until_local: time = Field(default=time(5, 0), description="local time until which dimming is allowed")
    comfort_price_per_kwh: float = Field(default=0.1, ge=0, description="price of light not given [currency/kWh]")

    least: tuple[LeastLight, ...] = Field(default=(), description="light that must be given in some hours")
    levels: tuple[float, ...] = Field(default=(), description="parts of full power it can be dimmed to, e.g. [0.7, 0.5]; none: any")
    shortest_level_h: float = Field(default=0.0, ge=0, description="shortest time at a level, full light too [h]; only with levels")

    @model_validator(mode="after")
    def _levels(self) -> Self:
        if any(not 0 <= level < 1 for level in self.levels) or len(set(self.levels)) < len(self.levels):
            raise ValueError(f"levels {list(self.levels)} must be different parts of full power, at least 0 and below 1")
        if self.shortest_level_h and not self.levels:
            raise ValueError("shortest_level_h needs levels: without them the light moves freely")
        return self

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def most_share(self, inputs: PlanInput) -> np.ndarray:
        """float[steps]: part of the power that may be dimmed away."""
        share = np.where(inputs.between(self.dim_from_local, self.dim_until_local), self.dimmable_share, 0.0)
        for hours in self.least:
            inside = inputs.between(hours.from_local, hours.until_local)
            share = np.where(inside, np.minimum(share, 1.0 - hours.least_share), share)
        return share

    def most_kw(self, inputs: PlanInput) -> np.ndarray:
        return np.maximum(inputs.power(*self.series), 0.0) * self.most_share(inputs)

    def units(self, inputs: PlanInput) -> dict[float, Unit]:
        """Each level, full light first, as something that is on or off; by its state `light_share`, or full light."""
        state, steps = inputs.state.get(self.id, {}), int(np.ceil(self.shortest_level_h / inputs.step_h - 1e-9))
        levels = (1.0, *sorted(self.levels, reverse=True))
        now = min(levels, key=lambda level: abs(level - state.get("light_share", 1.0)))
        since = None if (known := state.get("since_steps")) is None else int(known)
        return {v: Unit(f"{self.id}/{v:g}", v == now, since if v == now else None, min_up=max(steps, 1)) for v in levels}

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
        cls._in_levels(model, [a for a in group if a.levels])
        drawn = {a.id: inputs.power(*a.series).tolist() for a in group}
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], lambda m, a, t: drawn[a][t] - m.dimmed_kw[a, t], "<=")

    @staticmethod
    def _in_levels(model: "Formulation", group: Sequence["StreetLights"]) -> None:
        """Each lamp is at exactly one of its levels at a time."""
        if not group:
            return
        m, inputs = model.m, model.inputs
        units = {a.id: a.units(inputs) for a in group}
        can = np.array([a.most_share(inputs) >= 1 - level - 1e-9 for a in group for level in units[a.id]], dtype=float)
        at = commit(model, "light", [unit for own in units.values() for unit in own.values()], can=can)
        full = {a.id: np.maximum(inputs.power(*a.series), 0.0).tolist() for a in group}
        ids = model.ids("LIGHT_LEVELS", units)
        model.constraint("light_one", ids, m.T, by_row=True, rule=lambda m, a, t: sum(at[u.id, t] for u in units[a].values()) == 1)
        model.constraint(
            "light_level",
            ids,
            m.T,
            by_row=True,
            rule=lambda m, a, t: (
                m.dimmed_kw[a, t] - sum(full[a][t] * (1 - level) * at[u.id, t] for level, u in units[a].items() if level < 1) == 0
            ),
        )

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
