"""A pump station that is on or off: it fills one tank, rests and runs for a while, and starts only so often."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.assets.asset import AssetKind, Connected, Left, Solved, column, of_kind
from optimisation.inputs import PlanInput
from optimisation.results import Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class PumpStation(Connected):
    """Gives `flow_m3_per_h` for `power_kw` while it runs.

    Run and rest times after Rajan and Takriti, Minimum Up/Down Polytopes of the Unit Commitment Problem, IBM RC23628, 2005.
    """

    kind: Literal["pump_station"] = "pump_station"
    state_needed: ClassVar[tuple[str, ...]] = ("running",)
    state_taken: ClassVar[tuple[str, ...]] = ("since_steps",)
    planned: ClassVar[tuple[str, ...]] = ("running", "power_kw", "flow_m3_per_h")
    tank: str = Field(description="id of the tank it fills")
    flow_m3_per_h: float = Field(gt=0, description="what it gives while it runs [m3/h]")
    power_kw: float = Field(gt=0, description="what it draws while it runs [kW]")
    min_up_steps: int = Field(default=1, ge=1, description="shortest run [steps]")
    min_down_steps: int = Field(default=1, ge=1, description="shortest rest [steps]")
    max_starts_per_day: int | None = Field(default=None, ge=0, description="most starts per civil day; none: no limit")
    start_price: float = Field(default=0.0, ge=0, description="wear of one start [currency]")
    start_below_share: float = Field(default=0.4, ge=0, le=1, description="unplanned: starts below this share of the tank [1]")
    stop_above_share: float = Field(default=0.9, ge=0, le=1, description="unplanned: stops above this share of the tank [1]")

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.start_below_share >= self.stop_above_share:
            raise ValueError(f"start_below_share {self.start_below_share} must lie below stop_above_share {self.stop_above_share}")
        return self

    def runs_at_start(self, inputs: PlanInput) -> bool:
        return float(inputs.state[self.id]["running"]) >= 0.5

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        from optimisation.assets.tank import Tank

        tanks = [t.id for t in of_kind(assets, Tank)]
        if self.tank in tanks:
            return []
        return [Problem(f"asset {self.id}, tank", f"'{self.tank}'", f"one of {', '.join(tanks) or 'no tanks'}", "Name the tank it fills.")]

    def kept(self, inputs: PlanInput) -> int:
        """Steps left of the shortest run or rest it is in, from state `since_steps`; 0 when that is unknown."""
        since = inputs.state[self.id].get("since_steps")
        shortest = self.min_up_steps if self.runs_at_start(inputs) else self.min_down_steps
        return 0 if since is None else min(max(shortest - int(since), 0), inputs.steps)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs = model.m, model.inputs
        model.ids("PUMP", (a.id for a in group))
        can = Words("gives no more than its pumps can", news=False)
        model.variable("pump_running", m.PUMP, m.T, upper=1.0, integer=True, at_most=can)
        model.variable("pump_start", m.PUMP, m.T, upper=1.0)
        model.variable("pump_stop", m.PUMP, m.T, upper=1.0)
        before = {a.id: float(a.runs_at_start(inputs)) for a in group}
        power = {a.id: a.power_kw for a in group}
        model.constraint(
            "pump_switch",
            m.PUMP,
            m.T,
            by_row=True,
            rule=lambda m, p, t: (
                m.pump_running[p, t] - (m.pump_running[p, t - 1] if t else before[p]) == m.pump_start[p, t] - m.pump_stop[p, t]
            ),
        )
        cls._rests(model, group)
        model.parameter("pump_power_kw", m.PUMP, list(power.values()))
        model.parameter("pump_start_price", m.PUMP, column(group, "start_price"))
        model.inject([(a.id, a.balance) for a in group], lambda m, p, t: -m.pump_power_kw[p] * m.pump_running[p, t])
        model.costs.append(lambda m: sum(m.pump_start_price[p] * m.pump_start[p, t] for p in m.PUMP for t in m.T))
        model.holdable("running", [a.id for a in group], lambda m, p, t: 1.0 * m.pump_running[p, t])
        for asset in group:
            model.inflows.setdefault(asset.tank, []).append((asset.id, asset.flow_m3_per_h))

    @staticmethod
    def _rests(model: "Formulation", group: Sequence["PumpStation"]) -> None:
        m, inputs = model.m, model.inputs
        up, down = {a.id: a.min_up_steps for a in group}, {a.id: a.min_down_steps for a in group}
        model.constraint(
            "pump_min_up",
            m.PUMP,
            m.T,
            by_row=True,
            rule=lambda m, p, t: sum(m.pump_start[p, s] for s in range(max(0, t - up[p] + 1), t + 1)) - m.pump_running[p, t] <= 0,
            words=Words("once started, runs its shortest run", news=False),
        )
        model.constraint(
            "pump_min_down",
            m.PUMP,
            m.T,
            by_row=True,
            rule=lambda m, p, t: sum(m.pump_stop[p, s] for s in range(max(0, t - down[p] + 1), t + 1)) + m.pump_running[p, t] <= 1,
            words=Words("once stopped, rests its shortest rest", news=False),
        )
        kept = [(a.id, t) for a in group for t in range(a.kept(inputs))]
        if kept:
            runs = {a.id: float(a.runs_at_start(inputs)) for a in group}
            model.constraint(
                "pump_kept",
                model.ids("PUMP_KEPT", kept),
                by_row=True,
                rule=lambda m, p, t: 1.0 * m.pump_running[p, t] == runs[p],
                words=Words("finishes the shortest run or rest it is in", news=False),
            )
        limited = {a.id: a.max_starts_per_day for a in group if a.max_starts_per_day is not None}
        if not limited:
            return
        days = [np.flatnonzero(inputs.days == day).tolist() for day in range(int(inputs.days[-1]) + 1)]
        model.ids("PUMP_LIMITED", limited)
        model.ids("PUMP_DAY", range(len(days)))
        model.constraint(
            "pump_starts",
            m.PUMP_LIMITED,
            m.PUMP_DAY,
            by_row=True,
            rule=lambda m, p, day: sum(m.pump_start[p, t] for t in days[day]) <= limited[p],
            words=Words("at most {value} starts a day", by_day=True),
        )

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {a.id: a.values(on) for a, on in zip(group, np.rint(solved["pump_running"]) + 0.0, strict=True)}

    def values(self, running: np.ndarray) -> Values:
        """Its PLAN quantities for running float[steps], 0 or 1."""
        return {"running": running, "power_kw": running * self.power_kw, "flow_m3_per_h": running * self.flow_m3_per_h}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """By the level of its tank: on below `start_below_share`, off above `stop_above_share`."""
        from optimisation.assets.tank import Tank

        tank = next(t for t in of_kind(assets, Tank) if t.id == self.tank)
        return self.values(tank.by_level(inputs, of_kind(assets, PumpStation))[1][self.id])

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        before = float(self.runs_at_start(inputs))
        starts = float(np.maximum(np.diff(values["running"], prepend=before), 0.0).sum())
        return Settled({self.balance: -values["power_kw"]}, Cost(wear=starts * self.start_price))
