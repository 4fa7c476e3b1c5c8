"""How much each member of a rung counts for each series: learned online from what each would have said before."""

import numpy as np

from forecasting.models.task import FloatArray, IntArray

GUARD_DAYS = 7
"""Days of errors before the guard may take over [d]."""


def weights(errors: FloatArray, origins: IntArray, at: IntArray) -> FloatArray:
    """Weight of each member at the origins `at` [k]: float32[m, n, k], summing to 1 over the members.

    `errors` float32[m, n, c, steps] were made at the columns `origins` [c]; at an origin those are known whose targets lie before it. All
    members but the last count the same (Claeskens et al. 2016, doi 10.1016/j.ijforecast.2015.12.005: learned weights do no better). The
    last one, the guard, answers alone where over the known errors it has erred less than they together, by more than chance would have it
    (the root of the summed squared differences): a series is not forecast by what was worse than its profile.
    """
    m, n, c, steps = errors.shape
    if m == 1:
        return np.ones((1, n, len(at)), np.float32)
    since = np.searchsorted(at, origins[:, None] + np.arange(steps), side="right")  # the first of `at` that knows the error
    cells = np.flatnonzero((since < len(at)) & np.isfinite(errors).any(axis=(0, 1)))
    since, made = since.ravel()[cells], cells // steps
    flat = errors.reshape(m, n, c * steps)[:, :, cells]
    seen = np.asarray(np.isfinite(flat).all(axis=0))
    worse = np.where(seen, np.abs(flat[:-1].mean(axis=0)) - np.abs(flat[-1]), 0)
    total = np.stack([worse[:, since == k].sum(axis=1, dtype=np.float64) for k in range(len(at))], axis=1).cumsum(axis=1)
    chance = np.stack([(worse[:, since == k] ** 2).sum(axis=1, dtype=np.float64) for k in range(len(at))], axis=1).cumsum(axis=1) ** 0.5
    first = [np.where(seen[:, made == o], since[made == o], len(at)).min(axis=1, initial=len(at)) for o in range(c)]
    days = np.stack([(np.stack(first) <= k).sum(axis=0) for k in range(len(at))], axis=1) if c else np.zeros((n, len(at)))
    guarded = (days >= GUARD_DAYS) & (total > chance)
    return np.stack([(1 - guarded) / (m - 1)] * (m - 1) + [guarded]).astype(np.float32)
