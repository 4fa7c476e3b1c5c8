"""What fills tanks: pump stations of fixed and variable speed, gravity mains, and kinds of a user's own such as desalination."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import AssetKind, Left, of_kind
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import Committed
from optimisation.results import Cost, Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Inflow(AssetKind):
    """Fills one tank, from another or from outside; unplanned, level switches turn it on and off.

    A kind says what it gives when such a switch turns it on (`full_m3_per_h`) and its plan quantities for a flow (`at_flow`).
    """

    tank: str = Field(description="id of the tank it fills")
    from_tank: str | None = Field(default=None, description="id of the tank it draws from; none: a source that never runs dry")
    start_below_share: float = Field(default=0.4, ge=0, le=1, description="unplanned: starts below this share of the tank [1]")
    stop_above_share: float = Field(default=0.9, ge=0, le=1, description="unplanned: stops above this share of the tank [1]")

    @model_validator(mode="after")
    def _levels(self) -> Self:
        if self.start_below_share >= self.stop_above_share:
            raise ValueError(f"start_below_share {self.start_below_share} must lie below stop_above_share {self.stop_above_share}")
        if self.tank == self.from_tank:
            raise ValueError(f"tank and from_tank are both '{self.tank}'; water must come from somewhere else")
        return self

    @property
    def full_m3_per_h(self) -> float:
        """What it gives when a level switch turns it on [m3/h]."""
        raise NotImplementedError

    def at_flow(self, flow_m3_per_h: Series) -> Values:
        """Its PLAN quantities for a flow float[steps] [m3/h]."""
        raise NotImplementedError

    def runs_at_start(self, inputs: PlanInput) -> bool:
        return False

    def here(self, inputs: PlanInput) -> Self:
        """Itself at the operating point that the state tells, where the network's heads were looked at; else as configured."""
        return self

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        from optimisation.assets.tank import Tank

        tanks = [t.id for t in of_kind(assets, Tank)]
        named = {"tank": self.tank} | ({} if self.from_tank is None else {"from_tank": self.from_tank})
        return [
            Problem(f"asset {self.id}, {key}", f"'{name}'", f"one of {', '.join(tanks) or 'no tanks'}", "Name a tank.")
            for key, name in named.items()
            if name not in tanks
        ]

    @staticmethod
    def fill(model: "Formulation", group: Sequence["Inflow"], flow: Callable[[Any, str, int], Any]) -> None:
        """Let `flow(m, asset, step)` [m3/h] enter the tank of each and leave the one it draws from."""
        for a in group:
            model.inflows.setdefault(a.tank, []).append(lambda m, t, i=a.id: flow(m, i, t))
            if a.from_tank is not None:
                model.outflows.setdefault(a.from_tank, []).append(lambda m, t, i=a.id: flow(m, i, t))

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """By the level of its tank: on below `start_below_share`, off above `stop_above_share`."""
        return self.here(inputs).at_flow(by_level(inputs, assets)[1][self.id])


class Station(Committed, Inflow):
    """An inflow that is on or off, draws power and wears with each start."""

    planned: ClassVar[tuple[str, ...]] = ("running", "power_kw", "flow_m3_per_h")

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        wear = self.starts(inputs, values["running"]) * self.start_price
        return Settled({self.balance: -values["power_kw"]}, Cost(wear=wear))


def flows(flow_m3_per_h: Series) -> Series:
    """float[steps]: 1 where water flows, else 0."""
    return (np.asarray(flow_m3_per_h) > 1e-9).astype(float)


def by_level(inputs: PlanInput, assets: Sequence[AssetKind]) -> tuple[dict[str, Series], dict[str, Series]]:
    """What level switches do: volume float[steps + 1] [m3] of every tank and flow float[steps] [m3/h] of every station.

    A station that would overflow its tank in this step, or empty the one it draws from, stays off. A tank that runs dry is let below
    its minimum, and told as a breach: doing nothing has no one to prevent it.
    """
    from optimisation.assets.tank import Tank

    tanks = {tank.id: tank for tank in of_kind(assets, Tank)}
    stations: list[Inflow] = [s.here(inputs) for s in of_kind(assets, Inflow)]
    volume = {i: np.full(inputs.steps + 1, tank.start_m3(inputs)) for i, tank in tanks.items()}
    demand = {i: tank.demand_m3(inputs) for i, tank in tanks.items()}
    flow = {s.id: np.zeros(inputs.steps) for s in stations}
    on = {s.id: s.runs_at_start(inputs) for s in stations}
    for t in range(inputs.steps):
        share = {i: (volume[i][t] - k.volume_min_m3) / (k.volume_max_m3 - k.volume_min_m3) for i, k in tanks.items()}
        after = {i: volume[i][t] - demand[i][t] for i in tanks}
        for s in stations:
            given, source = s.full_m3_per_h * inputs.step_h, s.from_tank
            fits = after[s.tank] + given <= tanks[s.tank].volume_max_m3
            there = source is None or after[source] - given >= tanks[source].volume_min_m3
            on[s.id] = fits and there and share[s.tank] < (s.stop_above_share if on[s.id] else s.start_below_share)
            if on[s.id]:
                flow[s.id][t] = s.full_m3_per_h
                after[s.tank] += given
                if source is not None:
                    after[source] -= given
        for i in tanks:
            volume[i][t + 1] = after[i]
    return volume, flow
