"""What HiGHS is given: a linear or mixed-integer program as arrays.

Apart from the model it is read out of, so that a solver's own process loads neither Pyomo nor pandas.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arrays:
    """min cost @ x + offset with row_lower <= A x <= row_upper and col_lower <= x <= col_upper; A by columns (start, index, value)."""

    cost: Floats
    offset: float
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Floats
    row_lower: Floats
    row_upper: Floats
    col_lower: Floats
    col_upper: Floats
    integer: NDArray[np.bool_]

    def with_bounds(self, col_lower: Floats, col_upper: Floats, integer: NDArray[np.bool_]) -> "Arrays":
        return replace(self, col_lower=col_lower, col_upper=col_upper, integer=integer)
