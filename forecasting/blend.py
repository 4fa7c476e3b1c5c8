"""How much each member of a rung counts for each series: learned online from what each would have said before."""

import numpy as np

from forecasting.models.task import FloatArray, IntArray

GUARD_DAYS = 7
"""Days of errors before a member may take over from the rung's own model [d]."""


def weights(errors: FloatArray, origins: IntArray, at: IntArray) -> FloatArray:
    """Weight of each member at the origins `at` [k]: float32[m, n, k], summing to 1 over the members.

    `errors` float32[m, n, c, steps] were made at the columns `origins` [c]; at an origin those are known whose targets lie before it. The
    first member answers, unless over the known errors another one, the guard, has erred less on average: a series is never forecast by
    what was worse than its profile.
    """
    m, n, c, steps = errors.shape
    since = np.searchsorted(at, origins[:, None] + np.arange(steps), side="right")  # the first of `at` that knows the error
    cells = np.flatnonzero((since < len(at)) & np.isfinite(errors).any(axis=(0, 1)))
    since, made = since.ravel()[cells], cells // steps
    flat = errors.reshape(m, n, c * steps)[:, :, cells]
    seen = np.isfinite(flat).all(axis=0)
    size = np.where(seen, np.abs(flat), 0)
    total = np.stack([size[:, :, since == k].sum(axis=2, dtype=np.float64) for k in range(len(at))], axis=2).cumsum(axis=2)
    first = [np.where(seen[:, made == o], since[made == o], len(at)).min(axis=1, initial=len(at)) for o in range(c)]
    days = np.stack([(np.stack(first) <= k).sum(axis=0) for k in range(len(at))], axis=1) if c else np.zeros((n, len(at)))
    best = np.where(days >= GUARD_DAYS, np.argmin(total, axis=0), 0)  # all members over the same errors: the least sum is the least mean
    return np.asarray(best == np.arange(m)[:, None, None], np.float32)
