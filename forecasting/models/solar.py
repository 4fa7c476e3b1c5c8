"""Sun to power: what a plant gives under a clear sky, times how clear it will be."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.clear import HEADROOM, clear
from forecasting.models.distribution import DAYS, Distribution, FittedDistribution, Sums, lagged
from forecasting.models.task import FloatArray, IntArray, Task

WINDOWS_H = (3, 6, 12, 24, 48, 72, 168, 672)
GROUP_WINDOWS_H = (3, 6, 24, 48, 168)


class SolarView:
    """PV output over clear-sky output: the clear-sky index."""

    def __init__(self, task: Task, known: int) -> None:
        self._task, self._slots = task, task.grid.slots
        self._hour = max(1, self._slots // 24)
        self._clear = clear(task, known)
        seen = task.values if task.weights is None else np.where(task.weights > 0, task.values, np.float32(np.nan))
        possible = self._clear.output[:, : seen.shape[1]]
        self._largest = self._clear.largest
        # an index is only read where the sun is high enough to tell it from a clock's error
        self._sums = Sums(seen, np.where(possible > 0.02 * self._largest[:, None], possible, 0), self._largest)

    def unit(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        return self._clear.at(i, o, t)

    def features(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        hour, slots, sums = self._hour, self._slots, self._sums
        last, recent = lagged(t, o, slots), self._around(i, o, t, hour)
        ordered = np.sort(recent, axis=1)
        count = np.isfinite(ordered).sum(axis=1)
        columns: list[NDArray[np.generic]] = [*recent[:, :4].T]
        for share in (0.1, 0.25, 0.5, 0.75, 0.9, 1.0):
            columns.append(ordered[np.arange(len(i)), (share * np.maximum(count - 1, 0)).astype(np.int64)])
        columns += [sums.ratio(i, o - h * hour, o) for h in WINDOWS_H]
        columns += [sums.ratio(i, o - 2 * slots, o - slots), sums.ratio(i, o - 3 * slots, o - 2 * slots)]
        columns += [sums.ratio(i, o - h * hour, o, group=True) for h in GROUP_WINDOWS_H]
        columns.append(sums.ratio(i, last - hour, np.minimum(last + hour + 1, o), group=True))
        here, next_hour = self.unit(i, o, t), self.unit(i, o, np.minimum(t + hour, self._clear.output.shape[1] - 1))
        columns += [here / self._largest[i], next_hour / self._largest[i], self._task.grid.slot[t] / hour, (t - o) / hour]
        if self._task.weather is not None:
            columns += [*self._task.weather.at(o, t), *self._task.weather.mean(o, t, 24)]
        return np.stack(columns, axis=1).astype(np.float32)

    def recent(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """Clear-sky index at the same time of the last days."""
        return self._around(i, o, t, 0)

    def _around(self, i: IntArray, o: IntArray, t: IntArray, beside: int) -> FloatArray:
        """Clear-sky index of the same time and up to `beside` columns around it; of the group where the plant has none of its own."""
        last = lagged(t, o, self._slots)
        days = [last - back * self._slots for back in range(DAYS)]
        bounds = [(c - beside, np.minimum(c + beside + 1, o)) for c in days]
        own = np.stack([self._sums.ratio(i, *b) for b in bounds], axis=1)
        none = np.flatnonzero(~np.isfinite(own[:, : DAYS // 2]).any(axis=1))
        for back, (begin, end) in enumerate(bounds) if none.size else ():
            own[none, back] = self._sums.ratio(i[none], begin[none], end[none], group=True)
        return np.clip(own, 0, HEADROOM)


class FittedSolar(FittedDistribution):
    kind: Literal["solar"] = "solar"

    def view(self, task: Task, known: int) -> SolarView:
        return SolarView(task, known)


class Solar(Distribution):
    """Clear-sky index by a quantile forest on what it was in the last hours and days, of the plant and of its group, blended with what it
    was at this time of the last 28 days. At night zero, never above clear-sky output x 1.25.

    References: Bacher, Madsen and Nielsen 2009, doi 10.1016/j.solener.2009.05.016 (forecasting the normalised output); Meinshausen 2006
    (quantile forest).
    """

    kind: Literal["solar"] = "solar"
    highest: float = HEADROOM

    def empty(self) -> FittedSolar:
        return FittedSolar(forest=None)
