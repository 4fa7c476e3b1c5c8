"""What a plan tells: its numbers as PLAN and PRICE frames, what it costs, and every wish it had to break."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optimisation.risk.demand_charge import Exposure

from optimisation.guess import Decisions

Status = Literal["optimal", "time-limited", "relaxed", "impossible"]
Values = Mapping[str, NDArray[np.float64]]  # quantity -> float[steps], or float[steps + 1] for a stored amount


@dataclass(frozen=True)
class Breach:
    """A wish that was not kept: `amount` [unit] at `price` currency per unit, told in `sentence`."""

    asset: str
    what: str
    amount: float
    unit: str
    price: float
    sentence: str

    @property
    def cost(self) -> float:
        return self.amount * self.price


@dataclass(frozen=True)
class Cost:
    """Currency over the horizon, by cause. `storage` is the change of what is stored, as its end value prices it; `changes` are
    the price of departing from what was approved, `risk` what the demand charge on sample paths is above that of the plan, `weights`
    what the stated weights on carbon and peak add."""

    energy: float = 0.0
    capacity: float = 0.0
    wear: float = 0.0
    demand_response: float = 0.0
    comfort: float = 0.0
    curtailment: float = 0.0
    storage: float = 0.0
    carbon: float = 0.0
    changes: float = 0.0
    risk: float = 0.0
    weights: float = 0.0
    breaches: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)})

    @property
    def total(self) -> float:
        """Everything: what the plan minimises."""
        return sum(getattr(self, f.name) for f in fields(self))

    @property
    def paid(self) -> float:
        """Without the prices of broken wishes, changed approvals, risk and weights, which nobody is billed for."""
        return self.total - self.breaches - self.changes - self.risk - self.weights


@dataclass(frozen=True)
class Settled:
    """One asset's share of a plan: power into each balance it hangs on, float[steps] [kW], cost, CO2 and broken wishes."""

    flows: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    co2_kg: float = 0.0
    peak_kw: float = 0.0
    curtailed_kwh: float = 0.0
    breaches: tuple[Breach, ...] = ()


@dataclass(frozen=True)
class PlanResult:
    """`plan` is a PLAN frame, `price` a PRICE frame (empty for a baseline); `gap` is relative to the objective.

    `reasons` says why when `status` is impossible; then `plan` is empty. `notes` are sentences that are neither breach nor
    reason, e.g. a battery that starts outside its window. `exposure` is what sample paths make of peak and limits; none without paths.
    """

    status: Status
    gap: float
    plan: pd.DataFrame
    price: pd.DataFrame
    cost: Cost
    co2_kg: float
    peak_kw: float
    curtailed_kwh: float = 0.0
    exposure: "Exposure | None" = None
    breaches: tuple[Breach, ...] = ()
    binding: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    nodes: int = 0
    iterations: int = 0
    decisions: Decisions | None = field(default=None, repr=False)
