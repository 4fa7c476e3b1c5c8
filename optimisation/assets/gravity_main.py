"""A main between two tanks with a valve: water falls from the higher to the lower as wanted, up to what the main can carry."""
# ruff: noqa: ARG002, ARG003, ARG005 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field

from optimisation.asset import Solved, column
from optimisation.inputs import PlanInput, Series
from optimisation.parts.station import Inflow
from optimisation.results import Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class GravityMain(Inflow):
    """Lets water fall into `tank` from `from_tank`; takes no power."""

    kind: Literal["gravity_main"] = "gravity_main"
    planned: ClassVar[tuple[str, ...]] = ("flow_m3_per_h",)
    most_m3_per_h: float = Field(gt=0, description="most that the main can carry [m3/h]")

    @property
    def full_m3_per_h(self) -> float:
        return self.most_m3_per_h

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        ids = model.ids("GRAVITY_MAIN", (a.id for a in group))
        words = Words("carries at most {value}", "m3/h")
        most = column(group, "most_m3_per_h")[:, None]
        flow = model.variable("gravity_main_m3_per_h", ids, model.m.T, upper=most, at_most=words)
        model.holdable("flow_m3_per_h", [a.id for a in group], lambda m, a, t: 1.0 * flow[a, t])
        cls.fill(model, group, lambda m, a, t: flow[a, t])

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {a.id: a.at_flow(flow) for a, flow in zip(group, solved["gravity_main_m3_per_h"], strict=True)}

    def at_flow(self, flow_m3_per_h: Series) -> Values:
        return {"flow_m3_per_h": flow_m3_per_h}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        return Settled()
