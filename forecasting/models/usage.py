"""What comes in bursts or follows the season: heat, gas, charging, net load behind PV. No profile says how much; what was lately does."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecasting.models import forest
from forecasting.models.distribution import DAYS, Distribution, FittedDistribution, Sums, lagged
from forecasting.models.task import FloatArray, IntArray, Task
from forecasting.origins import level_and_scale
from forecasting.panel import Panel, last_known, panel
from forecasting.sun import Sun
from forecasting.windows import finite_mean

WINDOWS_H = (1, 3, 6, 12, 24, 72, 168, 672)
SURPRISE_H = (3, 12, 24, 72)
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


class UsageView:
    """Usage over the usual daily range of the weeks before the origin, seen on days of the same type."""

    def __init__(self, task: Task, sunny: bool) -> None:
        self._task, self._grid, self._slots, self._sunny = task, task.grid, task.grid.slots, sunny
        self._hour = max(1, self._slots // 24)
        seen = task.values if task.weights is None else np.where(task.weights > 0, task.values, np.float32(np.nan))
        self._panel: Panel = panel(seen, task.grid)
        ones = np.ones_like(seen)
        surprise, known = self._panel.surprises
        self._level, self._surprise = (Sums(of, ones, ones[:, 0]) for of in (seen, np.where(known > 0, surprise, np.float32(np.nan)).T))

    def unit(self, i: IntArray, o: IntArray, _t: IntArray) -> FloatArray:
        columns, k = np.unique(o, return_inverse=True)
        return level_and_scale(self._panel, columns)[1][k, i]

    def features(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        hour, grid = self._hour, self._grid
        unit = self.unit(i, o, t)
        last, day, slot = lagged(t, o, self._slots), grid.day[t].astype(np.int64), grid.slot[t].astype(np.int64)
        ratios: list[NDArray[np.floating]] = [self._level.ratio(i, o - h * hour, o) for h in WINDOWS_H]
        ratios += [self._surprise.ratio(i, o - h * hour, o) for h in SURPRISE_H]
        week = lagged(t, o, 7 * self._slots)
        for at in (last, last - self._slots, last - 2 * self._slots, week, week - 7 * self._slots):
            ratios += [self._level.ratio(i, at, at + 1), self._level.ratio(i, at - hour, np.minimum(at + hour + 1, o))]
        like = self._panel.days[self._panel.like_days("type", day, last_known(grid, o, slot), 8), slot, i].T
        ratios += [*like[:, :4].T, finite_mean(like[:, :4], 1), finite_mean(like, 1)]
        columns: list[NDArray[np.generic]] = [a / unit for a in ratios]
        for beside in (0, self._hour):
            recent = self._around(i, o, t, np.arange(-beside, beside + 1, max(1, beside)))
            columns += [
                *forest.sample_quantiles(recent, SHARES).T,
                finite_mean(recent, 1),
                finite_mean(recent[:, : recent.shape[1] // 4], 1),
            ]
            columns.append((recent > 0.05).mean(axis=1))
        after = np.minimum(day + 1, grid.days - 1)
        columns += [slot / hour, grid.weekday[day], grid.day_type[day], grid.day_type[np.maximum(day - 1, 0)], grid.day_type[after]]
        columns.append((t - o) / hour)
        if self._task.weather is not None:
            columns += [*self._task.weather.at(o, t), *self._task.weather.mean(o, t, 24)]
        if self._sunny:
            columns += self._sunshine(self._task.sun, i, last, t)
        return np.stack(columns, axis=1).astype(np.float32)

    @staticmethod
    def _sunshine(sun: Sun | None, i: IntArray, last: IntArray, t: IntArray) -> list[FloatArray]:
        """Clear-sky irradiance on level ground at the target [kW/m2], and how much more that is than at the same time of the last day; NaN
        where a city no longer tells its place.
        """
        if sun is None:
            return [np.full(len(t), np.nan, np.float32)] * 2
        level = np.stack([sun.clear(place)[0] for place in range(len(sun.elevation_deg))])
        here = level[sun.place[i], t]
        return [here, here - level[sun.place[i], np.maximum(last, 0)]]

    def recent(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """Ratios at the same time of the last days."""
        return self._around(i, o, t, np.zeros(1, np.int64))

    def _around(self, i: IntArray, o: IntArray, t: IntArray, beside: IntArray) -> FloatArray:
        at = lagged(t, o, self._slots)[:, None, None] - self._slots * np.arange(DAYS)[:, None] + beside
        known = (at >= 0) & (at < o[:, None, None])
        found = np.where(known, self._panel.columns[np.where(known, at, 0), i[:, None, None]], np.float32(np.nan))
        return (found.reshape(len(i), -1) / self.unit(i, o, t)[:, None]).astype(np.float32)


class FittedUsage(FittedDistribution):
    kind: Literal["usage"] = "usage"

    def view(self, task: Task, _known: int) -> UsageView:
        return UsageView(task, self.sunny)


class Usage(Distribution):
    """Usage in units of the usual daily range by a quantile forest on what was in the last hours, days and weeks, blended with what was at
    this time of the last 20 days of the type. Reference: Meinshausen 2006 (quantile forest).
    """

    kind: Literal["usage"] = "usage"
    leaves: int = Field(default=31, ge=2, description="leaves per tree")
    leaf_share: float = Field(default=0.003, gt=0, le=1, description="least share of the rows in a leaf [1]")

    def empty(self) -> FittedUsage:
        return FittedUsage(forest=None)
