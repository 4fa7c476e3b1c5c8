"""How much each member of a rung counts for each series: learned online from what each would have said before."""

import numpy as np

from forecasting.models.task import FloatArray, IntArray

GUARD_DAYS = 7
"""Days of errors before a member may take over from the rung's own model [d]."""


def weights(errors: FloatArray, origins: IntArray, origin: int) -> FloatArray:
    """Weight of each member at an origin: float32[m, n], summing to 1 over the members.

    `errors` float32[m, n, c, steps] were made at columns `origins` [c] before it. The first member answers, unless over the errors known by
    then another one, the guard, has erred less on average: a series is never forecast by what was worse than its profile.
    """
    m, n = errors.shape[:2]
    out = np.zeros((m, n), np.float32)
    known = (origins[:, None] + np.arange(errors.shape[3])) < origin
    seen = np.isfinite(errors).all(axis=0) & known
    mean = np.where(seen, np.abs(errors), 0).sum(axis=(2, 3)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    enough = seen.any(axis=2).sum(axis=1) >= GUARD_DAYS
    best = np.where(enough, np.argmin(mean, axis=0), 0)
    out[best, np.arange(n)] = 1
    return out
