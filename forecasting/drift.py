"""Does a machine err more than it used to? Its last nights against its own calibration days.

A level or shape that changed shows first as errors larger than the machine's own past ones. The mean daily error of the last nights is
compared with that of the calibration days, in units of how much daily errors scatter: a noisy series must go further than a calm one.
Reference: Gama et al. 2014, doi 10.1145/2523813 (concept drift); departs in testing windows of whole days, whose errors hang together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.windows import finite_mean

FloatArray = NDArray[np.floating]
USUAL_DAYS, NIGHTS = 10, 3
"""Calibration days and nights below which nothing is said."""
GROUP, SERIES = (1.2, 4.0), (1.5, 6.0)
"""An alarm needs this ratio of errors and this distance in standard errors; one series of many must go further than a group."""
LEAST_COVER = 0.5
"""An 80 % band that holds less than this over the last nights is an alarm too [1]."""
LEAST_SCATTER = 0.1
"""Daily errors of ten calm days scatter more than they happened to, by at least this part of their mean [1]."""
TOGETHER = 2.0
"""Neighbouring days err alike: so many nights count as one [d]."""


@dataclass(frozen=True)
class Compared:
    """n series or groups: how many times the usual error (NaN: not known), how many standard errors away, and the share in the band."""

    ratio: NDArray[np.float64]
    distance: NDArray[np.float64]
    cover: NDArray[np.float64]

    def alarms(self, limits: tuple[float, float]) -> NDArray[np.bool_]:
        """Which of them: bool[n]."""
        with np.errstate(invalid="ignore"):
            larger = (self.ratio > limits[0]) & (self.distance > limits[1])
            return np.asarray(larger | (np.isfinite(self.ratio) & (self.cover < LEAST_COVER)))


def compare(usual: FloatArray, lately: FloatArray, cover: FloatArray) -> Compared:
    """Mean absolute errors of calibration days [n, c] and of nights since then [n, k], any unit; share within the 80 % band [n]."""
    days, nights = np.isfinite(usual).sum(axis=1), np.isfinite(lately).sum(axis=1)
    mean, now = finite_mean(usual, 1), finite_mean(lately, 1)
    enough = (days >= USUAL_DAYS) & (nights >= NIGHTS) & (np.nan_to_num(mean) > 0)
    safe = np.where(enough, mean, 1)
    scatter = np.sqrt(np.nan_to_num(finite_mean((usual - safe[:, None]) ** 2, 1)))
    scatter = np.maximum(scatter, LEAST_SCATTER * safe)
    error = scatter * np.sqrt(TOGETHER * (1 / np.maximum(nights, 1) + 1 / np.maximum(days, 1)))
    ratio = np.where(enough, now / safe, np.nan)
    return Compared(ratio, np.where(enough, (now - safe) / error, np.nan), np.asarray(cover, np.float64))
