"""Large linear programs by HiGHS's interior point method HiPO without crossover, believed only after a check in our own numbers.

Simplex walks from corner to corner, and its way grows faster than the problem; an interior point method takes some dozens of steps
whatever the size, each of them heavier. Without crossover its answer is no corner: near the optimum within the tolerances below.

References: Zanetti and Gondzio, A factorisation-based regularised interior point method using the augmented system, 2025 (HiPO);
Boyd and Vandenberghe, Convex Optimization, Cambridge 2004, section 5.2 (weak duality).
"""

import highspy
import numpy as np

from optimisation.arrays import Arrays, Floats

LARGE = 4_000_000  # coefficients: with 1.2 million simplex takes half the time of HiPO, with 3.5 million as long, and grows faster
TOLERANCE = 1e-6  # relative, of kept limits and of the gap between cost and bound


def run(highs: highspy.Highs) -> bool:
    """Run HiPO on a problem handed over; False when this HiGHS has no HiPO (`highspy[extras]`) or it did not end with an optimum."""
    for name, setting in (("solver", "hipo"), ("run_crossover", "off")):
        if highs.setOptionValue(name, setting) != highspy.HighsStatus.kOk:
            return False
    highs.run()
    return bool(highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def holds(arrays: Arrays, x: Floats, row_dual: Floats) -> bool:
    """Do `x` and the shadow prices prove each other optimal? Every limit kept and the bound from the prices at the cost of `x`."""
    import scipy.sparse as sp  # only what has millions of coefficients comes here, and a solver's process starts without

    matrix = sp.csc_array((arrays.value, arrays.index, arrays.start), shape=(len(arrays.row_lower), len(arrays.cost)))
    activity = matrix @ x
    missed = max(
        _missed(x, arrays.col_lower, arrays.col_upper),
        _missed(activity, arrays.row_lower, arrays.row_upper),
    )
    cost = float(arrays.cost @ x)
    bound = _least(row_dual, arrays.row_lower, arrays.row_upper) + _least(
        arrays.cost - matrix.T @ row_dual, arrays.col_lower, arrays.col_upper
    )
    return missed <= TOLERANCE and abs(cost - bound) <= TOLERANCE * max(abs(cost), 1.0)


def _missed(value: Floats, lower: Floats, upper: Floats) -> float:
    """The worst violation, relative to the size of the value."""
    over = np.maximum(np.maximum(lower - value, value - upper), 0.0) / (1.0 + np.abs(value))
    return float(over.max(initial=0.0))


def _least(price: Floats, lower: Floats, upper: Floats) -> float:
    """The least that `price @ value` can be within the limits; a price against a limit that is not there counts as none up to 1e-7."""
    limit = np.where(price > 0, lower, upper)
    open_end = ~np.isfinite(limit)
    if np.abs(price[open_end]).max(initial=0.0) > 1e-7:
        return -np.inf
    return float(price[~open_end] @ limit[~open_end])
