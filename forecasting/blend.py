"""How much each member of a rung counts for each series: learned online from what each would have said before."""

import numpy as np
from numpy.typing import NDArray

from forecasting.models.task import FloatArray, IntArray

GUARD_DAYS = 7
"""Days of errors before the guard may take over [d]."""
SHARPNESS = 8.0
"""A member that errs one per cent more counts that many per cent less [1]."""
EQUAL_DAYS = 10.0
"""Days of errors that weigh as much as the assumption that all members err the same [d]."""


def weights(errors: FloatArray, origins: IntArray) -> FloatArray:
    """Weight of each member at each origin: float32[m, n, c], summing to 1 over the members.

    `errors` float32[m, n, c, steps] were made at the columns `origins` [c], ascending; at an origin those are known whose targets lie
    before it. All members but the last share the answer by the inverse of their mean absolute errors, to the power of `SHARPNESS`
    (Bates & Granger 1969, doi 10.1057/jors.1969.103, for absolute errors and shrunk towards equal shares). The last one, the guard,
    answers alone where over the known errors it has erred less than what they said together: a series is never forecast by what was
    worse than its profile.
    """
    m, n, c, steps = errors.shape
    if m == 1:
        return np.ones((1, n, c), np.float32)
    since = np.searchsorted(origins, origins[:, None] + np.arange(steps), side="right").ravel()  # the first origin that knows the error
    cells = np.flatnonzero((since < c) & np.isfinite(errors).any(axis=(0, 1)).ravel())
    since, made = since[cells], cells // steps
    flat = errors.reshape(m, n, c * steps)[:, :, cells]
    seen = np.asarray(np.isfinite(flat).all(axis=0))
    size = np.where(seen, np.abs(flat), 0)
    days = _days(seen, since, made, c)
    shares = _shares(_known(size[:-1], since, c), days)
    together = np.abs((shares[:, :, made] * np.where(seen, flat[:-1], 0)).sum(axis=0))
    guarded = (days >= GUARD_DAYS) & (_known(together - size[-1], since, c) > 0)
    return np.concatenate([np.where(guarded, 0, shares), guarded[None]]).astype(np.float32)


def _known(values: NDArray[np.floating], since: IntArray, c: int) -> NDArray[np.float64]:
    """Sums over the cells [..., cells] that are known at each origin: float64[..., c]."""
    return np.stack([values[..., since == k].sum(axis=-1, dtype=np.float64) for k in range(c)], axis=-1).cumsum(axis=-1)


def _days(seen: NDArray[np.bool_], since: IntArray, made: IntArray, c: int) -> NDArray[np.float64]:
    """Earlier origins of which a series knows an error at each origin: float64[n, c]."""
    first = np.stack([np.where(seen[:, made == o], since[made == o], c).min(axis=1, initial=c) for o in range(c)], axis=1)
    return (first[:, :, None] <= np.arange(c)).sum(axis=1).astype(float)


def _shares(loss: NDArray[np.float64], days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of members from the sums of their absolute errors [m, n, c]; the same for all where none erred."""
    mean = loss.mean(axis=0)
    relative = np.where(mean > 0, loss / np.where(mean > 0, mean, 1), 1)
    shrunk = (relative * days + EQUAL_DAYS) / (days + EQUAL_DAYS)
    power: NDArray[np.float64] = shrunk**-SHARPNESS
    return power / power.sum(axis=0)
