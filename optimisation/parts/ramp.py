"""Ramps: how much an output may change from one step to the next, and in the steps in which a unit starts or stops.

Reference: Morales-Espana, Latorre and Ramos, Tight and Compact MILP Formulation of Start-Up and Shut-Down Ramping in Unit Commitment,
IEEE Trans. Power Systems 28 (2013), 1288-1296 (here per step, without their tightening).
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from optimisation.words import Words

if TYPE_CHECKING:
    import pyomo.environ as pyo

    from optimisation.formulation import Formulation


@dataclass(frozen=True)
class Ramp:
    """How much an output may change from one step to the next, in its own unit; `up` and `down` are numbers or float[steps].

    `before` is the output before the horizon, NaN where unknown: then the first step is free. A unit that is on or off reaches at most
    `at_start` in the step it starts, and falls from at most `at_stop` when it stops.
    """

    id: str
    up: ArrayLike = np.inf
    down: ArrayLike = np.inf
    before: float = np.nan
    at_start: float = 0.0
    at_stop: float = 0.0


def ramps(model: "Formulation", name: str, output: "pyo.Var", limits: Sequence[Ramp], committed: bool = False) -> None:
    """Hold `output` [asset, step] to its ramps. `committed`: `commitment.commit` was called with the same
    `name` and knows these ids.
    """
    for side in ("up", "down"):
        limited = [r for r in limits if np.isfinite(getattr(r, side)).all()]
        if limited:
            _ramps(model, name, output, limited, side, committed)


def _ramps(model: "Formulation", name: str, output: "pyo.Var", limits: Sequence[Ramp], side: str, committed: bool) -> None:
    m, steps, up = model.m, model.inputs.steps, side == "up"
    sign, words = (1.0, Words("rises no faster than its ramp")) if up else (-1.0, Words("falls no faster than its ramp"))
    ids = model.ids(f"{name}_{side}_ids", (r.id for r in limits))
    most = model.parameter(f"{name}_{side}_most", ids * m.T, [np.broadcast_to(getattr(r, side), (steps,)) for r in limits])
    switch = getattr(m, f"{name}_{'start' if up else 'stop'}") if committed else None
    at_switch = model.parameter(f"{name}_{side}_switch", ids, [r.at_start if up else r.at_stop for r in limits])

    def limit(a: Any, t: Any, ran: Any) -> Any:
        return most[a, t] if switch is None else most[a, t] * ran + at_switch[a] * switch[a, t]

    def ran(a: Any, t: Any) -> Any:
        return None if switch is None else getattr(m, f"{name}_running")[a, t - 1 if up else t]

    if steps > 1:
        model.constraint(
            f"{name}_ramp_{side}",
            ids,
            model.ids(f"{name}_{side}_later", range(1, steps)),
            rule=lambda m, a, t: sign * output[a, t] - sign * output[a, t - 1] <= limit(a, t, ran(a, t)),
            words=words,
        )
    known = {r.id: r.before for r in limits if np.isfinite(r.before)}
    if known:
        on = getattr(m, f"{name}_on") if committed else None
        model.constraint(
            f"{name}_ramp_{side}_first",
            model.ids(f"{name}_{side}_known", known),
            by_row=True,
            rule=lambda m, a: sign * output[a, 0] - sign * known[a] <= limit(a, 0, on[a] if on is not None and up else ran(a, 0)),
            words=words,
        )
