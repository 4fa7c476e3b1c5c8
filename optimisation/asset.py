"""What every kind of asset is: parameters from city.toml, one block of the model, an idle behaviour and its own account."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from city.problems import Problem
from optimisation.inputs import PlanInput
from optimisation.results import Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation

Solved = Mapping[str, NDArray[np.float64]]
Left = Mapping[str, NDArray[np.float64]]  # balance -> float[steps], what it still lacks [kW]; below zero: has too much
NOISE = 0.01  # of a size: how far a sensor may read beyond what can be, and still be believed
TOLERANCE = 1e-6  # of a limit, relative to its size: what a solver calls kept


@dataclass(frozen=True)
class Past:
    """What the plan in force asked of an asset: `values` float[k] per quantity, in the k steps of `step_h` [h] before `now_local`.

    `state` is what that plan itself began with.
    """

    values: Values
    step_h: float
    now_local: datetime
    state: Mapping[str, float]

    def since(self, start: time, quantity: str) -> NDArray[np.float64]:
        """float[..k]: the part of it since the local clock last showed `start`."""
        values = self.values[quantity]
        return values[len(values) - min(self._steps(start), len(values)) :]

    def earlier(self, start: time, state: str) -> float:
        """What had been done by the beginning of that plan, where the clock showed `start` before it."""
        begun = self._steps(start) > max((len(values) for values in self.values.values()), default=0)
        return self.state.get(state, 0.0) if begun else 0.0

    def _steps(self, start: time) -> int:
        minutes = (self.now_local.hour - start.hour) * 60 + self.now_local.minute - start.minute
        return round((minutes % 1440) / 60.0 / self.step_h)


class AssetKind(BaseModel):
    """Base of all kinds. A kind is built once for all its assets, so that a thousand batteries cost one template."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    state_needed: ClassVar[tuple[str, ...]] = ()
    state_taken: ClassVar[tuple[str, ...]] = ()  # states it makes use of where they are known
    planned: ClassVar[tuple[str, ...]] = ()  # the PLAN quantities of `read`: what a control may send
    ports: ClassVar[tuple[str, ...]] = ()  # its fields that name a balance
    error_sign: ClassVar[int] = 0  # what more of its series than forecast takes from its balance: 1 a load, -1 generation, 0 nothing
    stage: ClassVar[int] = 0  # kinds are built in this order: a tank needs what its stations give
    follows: ClassVar[int] = 0  # when nobody plans: 0 takes things as they come, 1 covers cold, 2 heat, 3 power, 4 lines, 5 grids
    opposites: ClassVar[tuple[tuple[str, str], ...]] = ()  # pairs of its variables that must not both flow in a step

    id: str = Field(description="short name, used in every table")
    name: str = Field(default="", description="as the operators call it")

    @property
    def series_needed(self) -> tuple[str, ...]:
        """Ids of the forecasts it cannot be planned without."""
        return ()

    @property
    def balances(self) -> tuple[str, ...]:
        """The balances it gives to or takes from."""
        return tuple(getattr(self, port) for port in self.ports)

    def check(self, inputs: PlanInput, assets: Sequence["AssetKind"]) -> list[Problem]:
        """What is wrong with its parameters beside this state and these neighbours; its forecasts and state are there."""
        return []

    def notes(self, inputs: PlanInput) -> list[str]:
        """Sentences worth telling that are no fault, e.g. a start outside the wished window."""
        return []

    def done(self, past: Past) -> dict[str, float]:
        """States that follow from what was planned for it until the horizon begins, for whom no meter tells."""
        return {}

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        """Add the variables, named constraints, injections and costs of all assets of this kind."""
        raise NotImplementedError

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        """Their PLAN quantities from the solved variables."""
        raise NotImplementedError

    def idle(self, inputs: PlanInput, assets: Sequence["AssetKind"], left: Left) -> Values:
        """The same quantities when nobody plans; `left` is what the assets before it leave uncovered."""
        raise NotImplementedError

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        """Its flows, cost and broken wishes for given quantities: the same sum for a plan and for doing nothing."""
        raise NotImplementedError


class Connected(AssetKind):
    """An asset that gives to or takes from one balance."""

    ports: ClassVar[tuple[str, ...]] = ("balance",)
    balance: str = Field(
        default="electricity", min_length=1, description="what it gives to or takes from; assets that name the same one meet"
    )


def of_kind(assets: Sequence[AssetKind], kind: type[Any]) -> list[Any]:
    """The assets of one class, in order."""
    return [asset for asset in assets if isinstance(asset, kind)]


def column(group: Sequence[AssetKind], name: str) -> NDArray[np.float64]:
    """float[assets]: one parameter of a group; None becomes not-a-number."""
    return np.array([np.nan if (value := getattr(asset, name)) is None else float(value) for asset in group])
