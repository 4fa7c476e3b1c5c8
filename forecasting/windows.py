"""Means over windows with gaps: sums and counts of what is finite."""

import numpy as np
from numpy.typing import NDArray

Sums = tuple[NDArray[np.float64], NDArray[np.float64]]


def finite_mean(a: NDArray[np.floating], axis: int) -> NDArray[np.float64]:
    """Mean of the finite values along an axis, NaN where there is none (without the warning of `nanmean`)."""
    good = np.isfinite(a)
    count = good.sum(axis=axis)
    total = np.where(good, a, 0).sum(axis=axis, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def running_sums(a: NDArray[np.floating], axis: int) -> Sums:
    """Running sum and count of finite values along axis 1, with a zero in front: both one longer than `a`."""
    good = np.isfinite(a)
    shape = list(a.shape)
    shape[axis] += 1
    total, count = np.zeros(shape), np.zeros(shape)
    inside = [slice(None)] * a.ndim
    inside[axis] = slice(1, None)
    np.cumsum(np.where(good, a, 0), axis=axis, dtype=np.float64, out=total[tuple(inside)])
    np.cumsum(good, axis=axis, dtype=np.float64, out=count[tuple(inside)])
    return total, count
