"""What a finished plan decided, as a first guess for the next: a new plan every quarter of an hour begins where the last one ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optimisation.formulation import Formulation
    from optimisation.matrix import Compiled

Index = tuple[object, ...]


@dataclass(frozen=True)
class Decisions:
    """The integers of a plan by variable and index; whole numbers in an index are steps of `step_s` from `start_utc` on."""

    start_utc: datetime
    step_s: int
    values: Mapping[str, Mapping[Index, float]]


def decided(formulation: "Formulation", found: "Compiled", x: NDArray[np.float64]) -> Decisions:
    """The integers of a solution."""
    whole = {name: spread.places.members() for name, spread in formulation.spreads.items() if spread.integer}
    values = {name: dict(zip(members, np.rint(x[found.columns[name]]).tolist(), strict=True)) for name, members in whole.items()}
    return Decisions(formulation.inputs.start_utc, formulation.inputs.step_s, values)


def guess(formulation: "Formulation", found: "Compiled", before: Decisions | None) -> NDArray[np.float64] | None:
    """float[columns]: what the plan before decided for the same asset and moment, not-a-number where it said nothing; none without one."""
    if before is None:
        return None
    inputs, answer = formulation.inputs, np.full(len(found.arrays.cost), np.nan)
    shift, rest = divmod(inputs.start_utc - before.start_utc, timedelta(seconds=before.step_s))
    if rest or inputs.step_s != before.step_s:
        return answer
    for name, values in before.values.items():
        if name in formulation.spreads:
            moved = [
                tuple(part + shift if isinstance(part, int) else part for part in index)
                for index in formulation.spreads[name].places.members()
            ]
            answer[found.columns[name]] = [values.get(index, np.nan) for index in moved]
    return answer
