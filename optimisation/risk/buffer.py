"""Stores that their own series empties: how much must stay in them, and how much free, for errors of its forecast."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimisation.inputs import PlanInput, Series
from optimisation.risk.errors import quantile


def steps_until_replan(inputs: PlanInput) -> int:
    """How many steps what is stored for errors must last."""
    return max(int(np.ceil(inputs.risk.reserve_h / inputs.step_h - 1e-9)), 1)


@dataclass(frozen=True)
class Buffer:
    """A store that its own series empties, e.g. a tank: `stored(m, asset, instant)` stays within `low`..`high` [unit] also when the
    series takes more or less than forecast. A wish at `price_per_unit_h`; `quantity` is the stored amount in the plan."""

    asset: str
    quantity: str
    unit: str
    stored: Callable[..., Any]
    low: float
    high: float
    series: tuple[str, ...]
    price_per_unit_h: float

    def band(self, inputs: PlanInput) -> tuple[Series, Series]:
        """float[steps] each: least and most at the end of every step, so that errors until a new plan works do not leave the limits."""
        kept, steps = inputs.risk.kept, steps_until_replan(inputs)
        more, less = (np.maximum(quantile(inputs, dict.fromkeys(self.series, sign), kept, steps), 0.0) for sign in (1, -1))
        return np.minimum(self.low + more, self.high), np.maximum(self.high - less, self.low)
