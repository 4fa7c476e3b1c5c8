"""A pump station of fixed speed, on or off: it fills one tank, rests and runs for a while, and starts only so often."""
# ruff: noqa: ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from optimisation.asset import Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.commitment import commit
from optimisation.parts.station import Station, flows
from optimisation.results import Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

POINT = ("flow_m3_per_h", "power_kw")


class PumpStation(Station):
    """Gives `flow_m3_per_h` for `power_kw` while it runs; a state of the same names is its point at the heads of the day."""

    kind: Literal["pump_station"] = "pump_station"
    state_taken: ClassVar[tuple[str, ...]] = (*Station.state_taken, *POINT)
    flow_m3_per_h: float = Field(gt=0, description="what it gives while it runs [m3/h]")
    power_kw: float = Field(gt=0, description="what it draws while it runs [kW]")

    @property
    def full_m3_per_h(self) -> float:
        return self.flow_m3_per_h

    def here(self, inputs: PlanInput) -> Self:
        state = inputs.state.get(self.id, {})
        return self.model_copy(update={name: state[name] for name in POINT if name in state})

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        group = [a.here(model.inputs) for a in group]
        ids = [a.id for a in group]
        units = [a.unit(model.inputs) for a in group]
        running = commit(model, "pump", units, can_words=Words("gives no more than its pumps can", news=False))
        power = model.parameter("pump_power_kw", model.m.PUMP_UNIT, column(group, "power_kw"))
        model.inject([(a.id, a.balance) for a in group], lambda m, p, t: -power[p] * running[p, t])
        model.holdable("running", ids, lambda m, p, t: 1.0 * running[p, t])
        flow = {a.id: a.flow_m3_per_h for a in group}
        cls.fill(model, group, lambda m, p, t: flow[p] * running[p, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        on = np.rint(solved["pump_running"]) + 0.0
        own = (a.here(inputs) for a in group)
        return {a.id: a.at_flow(running * a.flow_m3_per_h) for a, running in zip(own, on, strict=True)}

    def at_flow(self, flow_m3_per_h: Series) -> Values:
        running = flows(flow_m3_per_h)
        return {"running": running, "power_kw": running * self.power_kw, "flow_m3_per_h": running * self.flow_m3_per_h}
