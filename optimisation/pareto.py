"""Pareto points between cost and carbon, and between cost and peak: what less of one costs in the other.

Epsilon constraints: the cheapest plan is one end, the plan of the least carbon (or peak) that is worth at most a stated price the other,
and between them cost is least under evenly spaced caps. A small weight on the capped figure takes, of plans that cost the same, the one
with less of it (augmented epsilon constraint). Prices of broken wishes count as cost, so no end of a front empties a tank to save a kg.

References: Haimes, Lasdon and Wismer, On a bicriterion formulation of the problems of integrated system identification and system
optimization, IEEE Trans. SMC 1 (1971), 296-297; Mavrotas, Effective implementation of the epsilon-constraint method in
multi-objective mathematical programming problems, Applied Mathematics and Computation 213 (2009), 455-465.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from city.problems import fault
from optimisation import solve
from optimisation.assets import Asset
from optimisation.inputs import PlanInput
from optimisation.program import plan
from optimisation.results import PlanResult
from optimisation.risk.settings import Weights

Figure = Literal["co2_kg", "peak_kw"]
CAPS: dict[Figure, str] = {"co2_kg": "carbon_cap_kg", "peak_kw": "peak_cap_kw"}
SMALL = 1e-4  # weight on a capped figure, as a share of the dearest price for it
SAME = 1e-6  # figures of two plans that differ by less, relative, are the same


@dataclass(frozen=True)
class Front:
    """`table` has a row for each point: trade (the figure that cost is weighed against), cost (what is minimised), paid, co2_kg, peak_kw,
    status and gap, cheapest first in each trade; `results` are their plans, in the same order."""

    table: pd.DataFrame
    results: tuple[PlanResult, ...]


def front(
    inputs: PlanInput,
    assets: Sequence[Asset],
    points: int = 5,
    dearest_per_t: float = 1000.0,
    dearest_per_kw: float = 100.0,
    rel_gap: float = solve.REL_GAP,
    solver: solve.Solver = solve.solved,
) -> Front:
    """At most `points` plans of each trade, none of which costs more and has no less of the other figure than another.

    The city's weights are left out; its caps hold. `dearest_per_t` [currency/t] and `dearest_per_kw` [currency/kW] say where less
    is not worth its price. Raises `PenstockError` for fewer than two points and when the city cannot be planned at all.
    """
    if points < 2:
        raise fault("Pareto points", str(points), "at least 2", "Ask for more.")

    prices = {"co2_kg": dearest_per_t, "peak_kw": dearest_per_kw}
    small = {figure: SMALL * price for figure, price in prices.items()}

    def planned(priced: dict[str, float], start: PlanResult | None, **caps: float) -> PlanResult:
        weights = Weights(carbon_per_t=priced["co2_kg"], peak_per_kw=priced["peak_kw"])
        question = replace(inputs, weights=weights, **caps)  # type: ignore[arg-type]
        return plan(question, assets, rel_gap, solver=solver, start=start)

    cheapest = planned(small, None)
    if cheapest.status == "impossible":
        raise fault("Pareto points", cheapest.reasons[0], "a city that can be planned", "Look at the reasons of its plan.")
    rows: list[tuple[Figure, PlanResult]] = []
    for figure, cap in CAPS.items():
        found = [planned({**small, figure: prices[figure]}, cheapest)]
        # from the tightest cap on: each plan keeps the next, looser one, so its search begins there
        for most in np.linspace(getattr(found[0], figure), getattr(cheapest, figure), points)[1:-1].tolist():
            found.append(planned(small, found[-1], **{cap: most}))
        rows += [(figure, one) for one in undominated([cheapest, *reversed(found)], figure)]
    return Front(pd.DataFrame([_row(figure, one) for figure, one in rows]), tuple(one for _, one in rows))


def cost(one: PlanResult) -> float:
    """What a plan costs, broken wishes at their price, without weights [currency]."""
    return one.cost.total - one.cost.weights


def undominated(plans: Sequence[PlanResult], figure: Figure) -> list[PlanResult]:
    """The plans that no other one beats: less of the figure at no more cost, or less cost at no more of it; cheapest first."""
    kept: list[PlanResult] = []
    for one in sorted(plans, key=lambda one: (cost(one), getattr(one, figure))):
        if not kept or getattr(one, figure) < getattr(kept[-1], figure) * (1 - SAME):
            kept.append(one)
    return kept


def _row(figure: Figure, one: PlanResult) -> dict[str, object]:
    figures = {name: getattr(one, name) for name in ("co2_kg", "peak_kw", "status", "gap")}
    return {"trade": figure, "cost": cost(one), "paid": one.cost.paid, **figures}
