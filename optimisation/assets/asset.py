"""What every kind of asset is: parameters from city.toml, one block of the model, an idle behaviour and its own account."""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Mapping, Sequence
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
TOLERANCE = 1e-6  # of a limit, relative to its size: what a solver calls kept


class AssetKind(BaseModel):
    """Base of all kinds. A kind is built once for all its assets, so that a thousand batteries cost one template."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    state_needed: ClassVar[tuple[str, ...]] = ()
    state_taken: ClassVar[tuple[str, ...]] = ()  # states it makes use of where they are known
    planned: ClassVar[tuple[str, ...]] = ()  # the PLAN quantities of `read`: what a control may send

    id: str = Field(description="short name, used in every table")
    name: str = Field(default="", description="as the operators call it")

    @property
    def series_needed(self) -> tuple[str, ...]:
        """Ids of the forecasts it cannot be planned without."""
        return ()

    def check(self, inputs: PlanInput, assets: Sequence["AssetKind"]) -> list[Problem]:
        """What is wrong with its parameters beside this state and these neighbours; its forecasts and state are there."""
        return []

    def notes(self, inputs: PlanInput) -> list[str]:
        """Sentences worth telling that are no fault, e.g. a start outside the wished window."""
        return []

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        """Add the variables, named constraints, injections and costs of all assets of this kind."""
        raise NotImplementedError

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        """Their PLAN quantities from the solved variables."""
        raise NotImplementedError

    def idle(self, inputs: PlanInput, assets: Sequence["AssetKind"]) -> Values:
        """The same quantities when nobody plans."""
        raise NotImplementedError

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        """Its injection, cost and broken wishes for given quantities: the same sum for a plan and for doing nothing."""
        raise NotImplementedError


def of_kind(assets: Sequence[AssetKind], kind: type[Any]) -> list[Any]:
    """The assets of one class, in order."""
    return [asset for asset in assets if isinstance(asset, kind)]


def column(group: Sequence[AssetKind], name: str) -> NDArray[np.float64]:
    """float[assets]: one parameter of a group; None becomes not-a-number."""
    return np.array([np.nan if (value := getattr(asset, name)) is None else float(value) for asset in group])
