"""The forecast of midnight corrected by what the day has shown so far: at short leads it becomes what is measured now.

A machine is asked as it was trained, at midnight. Its errors since then tell about its next ones: how much, by lead time, is learned
from the same hours of the calibration days - the last step's error, that of the last hour and that of the whole day so far.
Reference: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., ch. 10 (regression with correlated errors).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forecasting.windows import finite_mean

FloatArray = NDArray[np.float64]
ALIKE = 10.0
"""A series' own effects count as much as its group's after so many days [d]."""
GROWTH = 1.3
"""Leads that are learned together: each bucket ends this many times later than the one before [1]."""
NARROWEST = 0.05
"""A band never shrinks below this part of the midnight's [1]."""


def corrected(
    quantiles: NDArray[np.floating], errors: NDArray[np.floating], since: NDArray[np.floating], per_hour: int
) -> NDArray[np.float32]:
    """Quantiles [n, steps, q] of midnight with the first a = `since.shape[1]` steps over, corrected from step a on: float32[n, steps, q].

    `errors` [n, c, steps] are those of earlier midnights (actual less median), `since` [n, a] what was measured since this one; NaN where
    not known. The band moves with its median and narrows as far as errors of the calibration days did. Steps before a stay as they are, and
    so do steps without a band: a plant at night has nothing to be corrected.
    """
    n, steps, levels = quantiles.shape
    a = since.shape[1]
    out = np.array(quantiles, np.float32)
    if not a or not errors.shape[1]:
        return out
    usual = finite_mean(np.abs(errors.reshape(n, -1)), 1)
    scale = np.where(usual > 0, usual, 1.0)[:, None, None]
    z = errors / scale
    now = _seen((since - quantiles[:, :a, levels // 2])[:, None] / scale, a, per_hour)[:, 0]
    then = _seen(z[:, :, :a], a, per_hour)
    for cut in _buckets(a, steps):
        effect, left = _learned(then, finite_mean(z[:, :, cut], 2))
        middle = quantiles[:, cut, levels // 2 : levels // 2 + 1]
        shift = (now * effect).sum(axis=1)[:, None, None] * scale
        moved = middle + shift + left[:, None, None] * (quantiles[:, cut] - middle)
        out[:, cut] = np.where(quantiles[:, cut, -1:] > quantiles[:, cut, :1], moved, quantiles[:, cut])
    low = np.where((quantiles >= 0).all(axis=(1, 2)), 0.0, -np.inf)[:, None, None]
    return np.maximum(out, low).astype(np.float32)


def _seen(z: NDArray[np.floating], a: int, per_hour: int) -> FloatArray:
    """Errors [n, c, a] of a day so far as the last step's, the last hour's and the day's mean: float64[n, c, 3]; zero where unknown."""
    parts = [finite_mean(z[:, :, max(0, a - back) : a], 2) for back in (1, per_hour, a)]
    return np.nan_to_num(np.stack(parts, axis=2))


def _buckets(a: int, steps: int) -> Iterator[slice]:
    """Steps from a on, single ones first, then ever longer spans."""
    first, length = a, 1.0
    while first < steps:
        last = min(steps, first + int(length))
        yield slice(first, last)
        first, length = last, length * GROWTH


def _learned(then: FloatArray, later: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Effects float64[n, 3] of what was seen [n, c, 3] on the mean error [n, c] of a span, each series' own shrunk to those of all, and
    what is left of the errors' size once they are known [n].
    """
    known = np.isfinite(later)
    x, y = np.where(known[..., None], then, 0), np.where(known, later, 0)
    days = known.sum(axis=1)
    gram, cross = np.einsum("nci,ncj->nij", x, x), np.einsum("nci,nc->ni", x, y)
    size = max(float(np.trace(gram.sum(axis=0))) / (3 * max(int(days.sum()), 1)), 1e-12)
    shared = np.linalg.solve(gram.sum(axis=0) + size * np.eye(3), cross.sum(axis=0))
    own = np.linalg.solve(gram + ALIKE * size * np.eye(3), (cross - gram @ shared)[..., None])[..., 0]
    effect = shared + own
    before, after = (y**2).sum(axis=1), ((y - np.einsum("nci,ni->nc", x, effect)) ** 2).sum(axis=1)
    left = np.sqrt(after / np.where(before > 0, before, 1) * (days + 3) / np.maximum(days - 3, 1))
    return effect, np.where(before > 0, np.clip(left, NARROWEST, 1.0), 1.0)
