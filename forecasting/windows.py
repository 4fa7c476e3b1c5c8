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


def fading_mean(a: NDArray[np.floating], fading: float) -> NDArray[np.float64]:
    """Mean of the finite values of each row, a column weighing `fading` times the one before it; NaN where there is none."""
    weight = np.where(np.isfinite(a), fading ** np.arange(a.shape[1]), 0)
    total = weight.sum(axis=1)
    return np.where(total > 0, (np.nan_to_num(a) * weight).sum(axis=1) / np.maximum(total, 1e-9), np.nan)


def finite_median(a: NDArray[np.floating]) -> NDArray[np.floating]:
    """Median of the finite values of each row, NaN where there is none."""
    ordered = np.sort(a, axis=1)  # not-a-number sorts last
    count = np.maximum(np.isfinite(a).sum(axis=1), 1)
    row = np.arange(len(a))
    return (ordered[row, (count - 1) // 2] + ordered[row, count // 2]) / 2


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


def window_mean(sums: Sums, i: NDArray[np.int64], end: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    """Mean of the finite values in columns [end - length, end) of series i; NaN where there is none."""
    total, count = sums
    end = np.minimum(end, total.shape[1] - 1)
    start = np.maximum(end - length, 0)
    n = count[i, end] - count[i, start]
    return np.where(n > 0, (total[i, end] - total[i, start]) / np.maximum(n, 1), np.nan)
