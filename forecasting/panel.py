"""Series folded into (day, slot) cells of the local grid, with what is derived once per series.

A cell is read at origin o only if its column lies before o, which holds when its day is earlier than the origin's, or the same with
an earlier slot.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecasting.calendars import LocalGrid
from forecasting.windows import finite_mean, running_sums, window_mean

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """n series folded into cells [n, D, S], with what is derived once per series. Build with `panel(...)`."""

    values: FloatArray  # [n, T]
    grid: LocalGrid
    cells: FloatArray  # [n, D, S]

    @cached_property
    def expected(self) -> FloatArray:
        """Mean of the four days of the same type before each day, same slot: float32[n, D, S]."""
        out = np.full_like(self.cells, np.nan)
        for kind in range(3):
            days = np.flatnonzero(self.grid.day_type == kind)
            total, count = running_sums(self.cells[:, days], axis=1)
            first = np.maximum(np.arange(days.size) - 4, 0)
            here = np.arange(days.size)
            n = count[:, here] - count[:, first]
            out[:, days] = np.where(n > 0, (total[:, here] - total[:, first]) / np.maximum(n, 1), np.nan)
        return out

    @cached_property
    def surprise(self) -> FloatArray:
        """Value minus `expected`, by column: float32[n, T]."""
        t = self.values.shape[1]
        return self.values - self.expected[:, self.grid.day[:t], self.grid.slot[:t]]

    @cached_property
    def surprise_sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return running_sums(self.surprise, axis=1)

    @cached_property
    def noise_sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return running_sums(np.abs(self.surprise), axis=1)

    @cached_property
    def daily(self) -> tuple[FloatArray, FloatArray]:
        """Mean and range (largest minus smallest) of each civil day with at least half its slots: float32[n, D] each."""
        enough = np.isfinite(self.cells).sum(axis=2) * 2 >= self.grid.slots
        low = np.where(np.isfinite(self.cells), self.cells, np.inf).min(axis=2)
        high = np.where(np.isfinite(self.cells), self.cells, -np.inf).max(axis=2)
        return np.where(enough, finite_mean(self.cells, 2), np.nan), np.where(enough, high - low, np.nan).astype(np.float32)

    @cached_property
    def days_of(self) -> dict[str, tuple[IntArray, IntArray]]:
        """For 'type' and 'alike': days sorted by class, and for [class, day] how many of the class lie at or before the day."""
        found = {}
        for name, classes in (("type", self.grid.day_type), ("alike", self.grid.alike)):
            top = 7
            lists = np.full((top, self.grid.days), -1, np.int64)
            upto = np.zeros((top, self.grid.days), np.int64)
            for c in range(top):
                days = np.flatnonzero(classes == c)
                lists[c, : days.size] = days
                upto[c] = np.cumsum(classes == c)
            found[name] = (lists, upto)
        return found

    def like_days(self, name: str, target_day: IntArray, last_known: IntArray, count: int) -> IntArray:
        """The last `count` days of the target day's class known at the origin, newest first: int64[r, count], -1 for none."""
        lists, upto = self.days_of[name]
        c = (self.grid.day_type if name == "type" else self.grid.alike)[target_day].astype(np.int64)
        seen = np.where(last_known >= 0, upto[c, np.maximum(last_known, 0)], 0)
        at = seen[:, None] - 1 - np.arange(count)
        return np.where(at >= 0, lists[c[:, None], np.maximum(at, 0)], -1)

    def cell(self, i: IntArray, days: IntArray, slot: IntArray) -> FloatArray:
        """Values of cells [r, m] (days [r, m]; slot [r]); NaN for a day before the data."""
        found = self.cells[i[:, None], np.maximum(days, 0), slot[:, None]]
        return np.where(days >= 0, found, np.float32(np.nan))

    def level_and_scale(self, i: IntArray, o: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Level (mean of 7 whole days before the origin's day), scale (median daily range of 28) and the level of 28 days."""
        key, back = np.unique(i.astype(np.int64) * self.grid.days + self.grid.day[o], return_inverse=True)
        series, day = key // self.grid.days, key % self.grid.days
        before = day[:, None] - 1 - np.arange(28)
        mean, spread = (np.where(before >= 0, d[series[:, None], np.maximum(before, 0)], np.nan) for d in self.daily)
        week, month = finite_mean(mean[:, :7], 1), finite_mean(mean, 1)
        level = np.where(np.isfinite(week), week, month)
        if not np.isfinite(level).all():  # less than half a day seen: what there is
            newest = window_mean(running_sums(self.values, axis=1), i, o, 28 * self.grid.slots)
            first = np.full(len(key), np.nan)
            first[back] = newest
            level = np.where(np.isfinite(level), level, first)
        ordered = np.sort(spread, axis=1)  # not-a-number sorts last
        seen = np.isfinite(spread).sum(axis=1)
        middle = ordered[np.arange(len(seen)), np.maximum(seen - 1, 0) // 2]
        scale = np.where((seen > 0) & (middle > 0), middle, np.maximum(np.abs(level), 1e-6))
        out = [np.nan_to_num(level), np.where(np.isfinite(scale), scale, 1.0), np.nan_to_num(month)]
        return tuple(a[back].astype(np.float32) for a in out)  # type: ignore[return-value]


def panel(values: FloatArray, grid: LocalGrid) -> Panel:
    """Fold values [n, T] into the cells of the grid; where the clock goes back the first pass counts, where it goes forward NaN."""
    safe = np.clip(grid.column, 0, values.shape[1] - 1)
    known = (grid.column >= 0) & (grid.column < values.shape[1])
    return Panel(values, grid, np.where(known, values[:, safe], np.float32(np.nan)))


def last_known(g: LocalGrid, o: IntArray, slot: IntArray) -> IntArray:
    """The last day whose cell at `slot` lies before origin o."""
    return g.day[o].astype(np.int64) - (slot >= g.slot[o])
