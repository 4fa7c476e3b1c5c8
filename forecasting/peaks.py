"""Peaks: how likely a rating is passed, and how high and when the day's largest value will be; from sample paths, never from bands.

The largest of 96 quarters is not the largest of their medians: only paths know it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """The largest value of one day [unit of the paths]: its band, the step it most often falls into, and the risk of a limit."""

    day: int
    first: int  # first step of the day
    p10: float
    p50: float
    p90: float
    at: int  # step
    probability: float | None  # that the limit is passed at least once, None without a limit
    by_step: FloatArray | None  # [steps of the day], that it is passed in each


def daily_peaks(paths: NDArray[np.floating], day: NDArray[np.int64], limit: float | None = None) -> list[Peak]:
    """One `Peak` for each value of `day` [steps], of the paths [k, steps] of one series; `limit` is in the paths' unit.

    The band's ends are the 10th and 90th percentile of the paths' own maxima.
    """
    found = []
    for number in np.unique(day):
        steps = np.flatnonzero(day == number)
        some = paths[:, steps]
        top = some.max(axis=1)
        at = int(steps[np.bincount(some.argmax(axis=1), minlength=len(steps)).argmax()])
        p10, p50, p90 = (float(v) for v in np.quantile(top, (0.1, 0.5, 0.9)))
        passed = None if limit is None else some > limit
        once = None if passed is None else float(passed.any(axis=1).mean())
        found.append(Peak(int(number), int(steps[0]), p10, p50, p90, at, once, None if passed is None else passed.mean(axis=0)))
    return found


def peak_errors(actual: NDArray[np.floating], said: NDArray[np.floating], slots: int) -> FloatArray:
    """Absolute error at the step of each day's largest actual value: float64[..., days] of [..., steps], `slots` steps to a day.

    It is the score for those who pay for a peak: the error that counts is the one made when it was highest, not the mean of the day.
    NaN for a day without any actual; a last day that is not whole is left out.
    """
    days = actual.shape[-1] // slots
    shape = (*actual.shape[:-1], days, slots)
    y, p = (np.asarray(v[..., : days * slots], np.float64).reshape(shape) for v in (actual, said))
    at = np.where(np.isfinite(y), y, -np.inf).argmax(axis=-1)[..., None]
    return np.abs(np.take_along_axis(y, at, -1) - np.take_along_axis(p, at, -1))[..., 0]


def brier(probability: NDArray[np.floating], happened: NDArray[np.bool_]) -> float:
    """Mean squared difference of probability and outcome [0..1]; 0 is perfect (Brier 1950)."""
    return float(np.mean((np.asarray(probability, np.float64) - happened) ** 2))
