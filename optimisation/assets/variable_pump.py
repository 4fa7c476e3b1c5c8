"""A pump of variable speed: any flow between its least and its most while it runs, at a power that rises ever faster with it."""
# ruff: noqa: ARG003, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.asset import Solved
from optimisation.inputs import PlanInput, Series
from optimisation.parts import curve
from optimisation.parts.commitment import commit
from optimisation.parts.station import Station, flows
from optimisation.results import Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class VariablePump(Station):
    """Gives a flow on its power curve while it runs.

    The points of the curve come from the pump's data sheet at several speeds, or from one speed by the affinity laws (flow with the
    speed, head with its square, power with its cube) where they meet the head of the system.
    """

    kind: Literal["variable_pump"] = "variable_pump"
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("variable_pump_room", "variable_pump_above"),)
    curve: tuple[tuple[float, float], ...] = Field(
        min_length=2, description="points of flow [m3/h] and power [kW], from its least flow to its most; ever steeper"
    )

    @model_validator(mode="after")
    def _curve(self) -> Self:
        if self.curve[0][0] <= 0 or self.curve[0][1] < 0:
            raise ValueError(f"curve begins with {self.curve[0]}; the least flow must be above 0, a pump that is off needs no point")
        curve.check_convex("curve", self.curve)
        return self

    @property
    def full_m3_per_h(self) -> float:
        return self.curve[-1][0]

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        units = [a.unit(model.inputs) for a in group]
        running = commit(model, "variable_pump", units, can_words=Words("gives no more than its curve", news=False))
        flow, power = curve.follow(model, "variable_pump", {a.id: a.curve for a in group}, running)
        model.inject([(a.id, a.balance) for a in group], lambda m, p, t: -1.0 * power[p, t])
        ids = [a.id for a in group]
        for quantity, var in (("running", running), ("flow_m3_per_h", flow)):
            model.holdable(quantity, ids, lambda m, p, t, var=var: 1.0 * var[p, t])
        cls.fill(model, group, lambda m, p, t: flow[p, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        on, flow = np.rint(solved["variable_pump_running"]), solved["variable_pump_given"]
        return {a.id: a.at_flow(flow[i] * on[i]) for i, a in enumerate(group)}

    def at_flow(self, flow_m3_per_h: Series) -> Values:
        power = curve.taken_at(self.curve, flow_m3_per_h)
        return {"running": flows(flow_m3_per_h), "power_kw": power, "flow_m3_per_h": flow_m3_per_h + 0.0}
