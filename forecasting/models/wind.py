"""Wind to power: the share of the rated power, which persists for hours and then is what the season makes of it."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.models.distribution import DAYS, Distribution, FittedDistribution, Sums, lagged
from forecasting.models.task import FloatArray, IntArray, Task

WINDOWS_H = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 672)
GROUP_WINDOWS_H = (1, 3, 6, 24, 168)
SAMPLES_A_DAY = 6


class WindView:
    """Output over rated power, the largest ever seen before `known`."""

    def __init__(self, task: Task, known: int) -> None:
        self._task, self._slots = task, task.grid.slots
        self._hour = max(1, self._slots // 24)
        seen = task.values if task.weights is None else np.where(task.weights > 0, task.values, np.float32(np.nan))
        self._rated = rated(task.values, known)
        self._seen = seen
        self._sums = Sums(np.maximum(seen, 0), np.broadcast_to(self._rated[:, None], seen.shape), self._rated)

    def unit(self, i: IntArray, _o: IntArray, _t: IntArray) -> FloatArray:
        return self._rated[i]

    def features(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        hour, sums = self._hour, self._sums
        own = [sums.ratio(i, o - h * hour, o) for h in WINDOWS_H]
        group = [sums.ratio(i, o - h * hour, o, group=True) for h in GROUP_WINDOWS_H]
        columns: list[NDArray[np.generic]] = [*own, *group]
        columns += [own[0] - sums.ratio(i, o - 4 * hour, o - 3 * hour), own[2] - sums.ratio(i, o - 6 * hour, o - 3 * hour)]
        columns.append(group[0] - sums.ratio(i, o - 4 * hour, o - 3 * hour, group=True))
        last = lagged(t, o, self._slots)
        columns += [sums.ratio(i, last - hour, np.minimum(last + hour + 1, o))]
        columns += [self._task.grid.slot[t] / hour, (t - o) / hour]
        if self._task.weather is not None:
            columns += [*self._task.weather.at(o, t), *self._task.weather.mean(o, t, 3)]
        return np.stack(columns, axis=1).astype(np.float32)

    def recent(self, i: IntArray, o: IntArray, _t: IntArray) -> FloatArray:
        """Ratios of the last days at any time of day, because wind keeps no hours."""
        every = self._slots // SAMPLES_A_DAY
        at = o[:, None] - 1 - every * np.arange(DAYS * SAMPLES_A_DAY)
        found = np.where(at >= 0, self._seen[i[:, None], np.maximum(at, 0)], np.nan) / np.maximum(self._rated[i], 1e-9)[:, None]
        return np.clip(found, 0, 1).astype(np.float32)


def rated(values: FloatArray, known: int) -> FloatArray:
    """Largest value each series has shown before column `known`, float32[n]; zero where it has shown none."""
    seen = values[:, :known]
    return np.where(np.isfinite(seen), seen, 0).max(axis=1, initial=0).astype(np.float32)


class FittedWind(FittedDistribution):
    kind: Literal["wind"] = "wind"

    def view(self, task: Task, known: int) -> WindView:
        return WindView(task, known)


class Wind(Distribution):
    """Share of the rated power by a quantile forest on the output of the last hours and weeks, of the turbine and of its group, blended
    with what it was in the last 28 days; between zero and the largest output seen.

    Reference: Pinson 2012, doi 10.1111/j.1467-9876.2011.01026.x (bounded densities whose width follows the level), here by leaves instead
    of a transformed normal.
    """

    kind: Literal["wind"] = "wind"
    highest: float = 1.0

    def empty(self) -> FittedWind:
        return FittedWind(forest=None)
