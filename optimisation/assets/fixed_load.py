"""A load nobody can move: feeders, heat pumps, everything that is only forecast."""
# ruff: noqa: ARG002, ARG003 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field

from optimisation.asset import AssetKind, Connected, Left, Solved
from optimisation.inputs import PlanInput
from optimisation.results import Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class FixedLoad(Connected):
    """Takes its forecast, whatever the price."""

    kind: Literal["fixed_load"] = "fixed_load"
    error_sign: ClassVar[int] = 1
    planned: ClassVar[tuple[str, ...]] = ("power_kw",)
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts that add up to it")

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        for asset in group:
            model.withdraw(asset.balance, model.inputs.power(*asset.series))

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        return {asset.id: {"power_kw": inputs.power(*asset.series)} for asset in group}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        return {"power_kw": inputs.power(*self.series)}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        return Settled({self.balance: -values["power_kw"]})
