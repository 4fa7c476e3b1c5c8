"""Loss targets: the share a city or a district has promised for each month, and whether it keeps the promise."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from city.places import Place

Z90 = 1.6449
State = Literal["on track", "behind", "not certain"]


def _number(month: str) -> int:
    first = date.fromisoformat(f"{month}-01")
    return 12 * first.year + first.month


class LossTarget(Place):
    """A promised share of system input that is lost, month by month between milestones along a straight line."""

    id: str = Field(description="short name")
    zone: str | None = Field(default=None, description="DMA it is for; none: the whole city")
    share: Literal["real", "non-revenue"] = Field(default="real", description="of real losses or of non-revenue water, over inflow")
    base_month: str = Field(description="month of the base share, as 2026-01")
    base_share: float = Field(gt=0, le=1, description="share lost in the base month [1]")
    milestones: dict[str, float] = Field(min_length=1, description="month = promised share [1]")

    @field_validator("base_month")
    @classmethod
    def _a_month(cls, value: str) -> str:
        _number(value)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> "LossTarget":
        if min(map(_number, self.milestones)) <= _number(self.base_month):
            raise ValueError(f"milestone {min(self.milestones)} is not after base_month {self.base_month}")
        wrong = [month for month, share in self.milestones.items() if not 0 < share <= 1]
        if wrong:
            raise ValueError(f"milestone {wrong[0]} asks for {self.milestones[wrong[0]]}: write shares as 0.12, not 12")
        return self

    def required(self, month: str) -> float | None:
        """Share promised for a month [1]; that of the last milestone after it, none before the base month."""
        levels = sorted([(_number(self.base_month), self.base_share), *((_number(m), s) for m, s in self.milestones.items())])
        at = _number(month)
        if at < levels[0][0]:
            return None
        for (before, high), (after, low) in pairwise(levels):
            if at <= after:
                return high + (low - high) * (at - before) / (after - before)
        return levels[-1][1]


@dataclass(frozen=True, slots=True)
class Tracked:
    """One target in one month: the observed share with its 90 % interval, and what was promised."""

    target: str
    zone: str | None
    month: str
    observed: float
    low: float
    high: float
    required: float
    state: State


def track(target: LossTarget, month: str, observed: float, sd: float) -> Tracked | None:
    """Where a target stands in a month. None before its base month.

    `on track` when the whole 90 % interval keeps the promise, `behind` when the whole of it breaks it, `not certain` in between: then
    the month's data cannot tell. Nor can they where the whole interval is below zero or above one: a share that cannot be (bills above
    the inflow) says that an input is wrong and keeps no promise.
    """
    required = target.required(month)
    if required is None:
        return None
    low, high = (min(max(observed + sign * Z90 * sd, 0.0), 1.0) for sign in (-1, 1))
    possible = observed + Z90 * sd >= 0 and observed - Z90 * sd <= 1
    state: State = "not certain" if not possible else "on track" if high <= required else "behind" if low > required else "not certain"
    return Tracked(target.id, target.zone, month, observed, low, high, required, state)
