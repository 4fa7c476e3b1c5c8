"""Series folded into (day, slot) cells of the local grid, with what is derived once per series.

Series lie along the last axis: one cell of all series is one contiguous row, so what is asked of many series about the same targets is
read and reckoned row by row. A cell is read at origin o only if its column lies before o, which holds when its day is earlier than the
origin's, or the same with an earlier slot.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecasting.calendars import LocalGrid

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
NAN = np.float32(np.nan)


@dataclass(frozen=True)
class Panel:
    """n series by column and by cell. Build with `panel(...)`. Day -1 is one of which nothing is known."""

    columns: FloatArray  # [T, n], NaN where unknown
    grid: LocalGrid
    days: FloatArray  # [D + 1, S, n], NaN where unknown; the last is day -1
    since: int = 0  # before this day nothing is compared with what was expected

    @property
    def cells(self) -> FloatArray:
        """float32[n, D, S], NaN where unknown."""
        return np.moveaxis(self.days[:-1], 2, 0)

    @cached_property
    def seen(self) -> FloatArray:
        """1 where a cell of `days` is known, else 0."""
        return np.isfinite(self.days).astype(np.float32)

    @cached_property
    def filled(self) -> FloatArray:
        """`days` with 0 where a cell is not known."""
        return np.where(self.seen > 0, self.days, np.float32(0))

    @cached_property
    def expected(self) -> FloatArray:
        """Mean of the four days of the same type before each day, same slot: float32[D, S, n]."""
        before = np.full((self.grid.days, 4), -1)
        for kind in range(3):
            days = np.flatnonzero(self.grid.day_type == kind)
            for k in range(min(4, len(days) - 1)):
                before[days[k + 1 :], k] = days[: -k - 1]
        out = np.full((self.grid.days, *self.days.shape[1:]), NAN)
        for day in range(self.since, self.grid.days):  # day by day, so that sums stay in cache
            out[day] = mean_of((self.filled[d], self.seen[d]) for d in before[day])
        return out

    @cached_property
    def surprises(self) -> tuple[FloatArray, FloatArray]:
        """Value minus `expected` by column, 0 where either is not known, and 1 where both are: float32[T, n] each."""
        t = len(self.columns)
        first = int(np.searchsorted(self.grid.day[:t], self.since))
        found, known = np.zeros_like(self.columns), np.zeros_like(self.columns)
        part = self.columns[first:] - self.expected[self.grid.day[first:t], self.grid.slot[first:t]]
        known[first:] = np.isfinite(part)
        found[first:] = np.where(known[first:] > 0, part, np.float32(0))
        return found, known

    @cached_property
    def daily(self) -> tuple[FloatArray, FloatArray]:
        """Mean and range (largest minus smallest) of each civil day with at least half its slots: float32[D + 1, n] each."""
        count = self.seen.sum(axis=1)
        enough = count * 2 >= self.grid.slots
        spread = np.fmax.reduce(self.days, axis=1) - np.fmin.reduce(self.days, axis=1)
        return np.where(enough, self.filled.sum(axis=1) / np.maximum(count, 1), NAN), np.where(enough, spread, NAN)

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
        """The last `count` days of the target day's class known at the origin, newest first: int64[count, r], -1 for none."""
        lists, upto = self.days_of[name]
        c = (self.grid.day_type if name == "type" else self.grid.alike)[target_day].astype(np.int64)
        seen = np.where(last_known >= 0, upto[c, np.maximum(last_known, 0)], 0)
        at = seen - 1 - np.arange(count)[:, None]
        return np.where(at >= 0, lists[c, np.maximum(at, 0)], -1)


def panel(values: FloatArray, grid: LocalGrid, since: int = 0) -> Panel:
    """Fold values [n, T] into the cells of the grid; where the clock goes back the first pass counts, where it goes forward NaN."""
    columns = np.ascontiguousarray(values.T)
    days = np.empty((grid.days + 1, grid.slots, len(values)), np.float32)
    np.take(columns, np.clip(grid.column, 0, len(columns) - 1), axis=0, out=days[:-1])
    days[:-1][(grid.column < 0) | (grid.column >= len(columns))] = NAN
    days[-1] = NAN
    return Panel(columns, grid, days, max(since, 0))


def mean_of(parts: Iterable[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Mean of arrays given as (0 where unknown, 1 where known), NaN where none is known."""
    (first, known), *others = parts
    total, count = first.copy(), known.copy()
    for filled, seen in others:
        total += filled
        count += seen
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(total, count, out=total)


def known(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(0 where unknown, 1 where known)."""
    seen = np.isfinite(a)
    return np.where(seen, a, np.float32(0)), seen.astype(np.float32)


def median_of(parts: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Median of arrays given as `mean_of` takes them, NaN where none is known."""
    ordered: list[FloatArray] = [np.where(seen > 0, filled, np.float32(np.inf)) for filled, seen in parts]
    for turn in range(len(ordered)):  # neighbours change places until all are in order: whole arrays at a time, faster than a sort of each
        for a in range(turn % 2, len(ordered) - 1, 2):
            ordered[a], ordered[a + 1] = np.minimum(ordered[a], ordered[a + 1]), np.maximum(ordered[a], ordered[a + 1])
    count = np.sum([seen for _, seen in parts], axis=0).astype(np.int64)
    if (count == len(parts)).all():
        return np.asarray((ordered[(len(parts) - 1) // 2] + ordered[len(parts) // 2]) / 2, np.float32)
    low, high = (np.choose(np.maximum(at, 0), ordered) for at in ((count - 1) // 2, np.minimum(count // 2, len(parts) - 1)))
    return np.where(count > 0, (low + high) / 2, NAN).astype(np.float32)


def last_known(g: LocalGrid, o: IntArray, slot: IntArray) -> IntArray:
    """The last day whose cell at `slot` lies before origin o."""
    return g.day[o].astype(np.int64) - (slot >= g.slot[o])
