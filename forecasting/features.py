"""What is known at an origin about a target: lags by day type, level, surprise, calendar. Plain numpy, all series at once.

Every lookup goes through the (day, slot) cells of the local grid. A cell is read at origin o only if its column lies before o,
which holds when its day is earlier than the origin's, or the same with an earlier slot.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecasting.calendars import LocalGrid
from forecasting.windows import finite_mean, running_sums, window_mean

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
REACH_DAYS = 84
"""No feature looks further back than this many days before the origin's day [d]."""

NAMES = (
    *(f"alike_{k}" for k in range(1, 5)),
    *("alike_mean4", "alike_mean8", "alike_spread8", "alike_hour_before", "alike_hour_after"),
    *("weekday_1", "weekday_2", "weekday_mean4", "last_day", "day_before", "mean7"),
    *("same_change_1", "same_change_3", "surprise_same_time", "surprise_day_before", "surprise_3h", "surprise_24h", "surprise_day_2"),
    *(
        "surprise_168h",
        "last_value",
        "last_day_level",
        "month_level",
        "level_in_scales",
        "noise",
        "persistence",
        "hour",
        "weekday",
        "day_type",
        "day_type_before",
        "day_type_after",
        "holiday",
        "lead_h",
    ),
)


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


def rows(p: Panel, i: IntArray, o: IntArray, t: IntArray, extra: FloatArray | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Features of target columns t seen from origins o for series i (each int[r]).

    Returns features float32[r, len(NAMES) (+ 2 per covariate)] in units of the scale, the base and the scale float32[r]: the model
    learns (value - base) / scale, where base is the mean of the last four like days and scale the usual daily range.
    """
    g = p.grid
    per_hour = max(g.slots // 24, 1)
    day, slot = g.day[t].astype(np.int64), g.slot[t].astype(np.int64)
    last = _last_known(g, o, slot)
    level, scale, month = p.level_and_scale(i, o)
    alike = p.cell(i, p.like_days("type", day, last, 8), slot)
    around = []
    for beside in (np.maximum(slot - per_hour, 0), np.minimum(slot + per_hour, g.slots - 1)):
        around.append(finite_mean(p.cell(i, p.like_days("type", day, _last_known(g, o, beside), 4), beside), 1))
    week = p.cell(i, p.like_days("alike", day, last, 4), slot)
    recent = p.cell(i, last[:, None] - np.arange(7), slot)
    four = finite_mean(alike[:, :4], 1)
    base = np.where(np.isfinite(four), four, np.where(np.isfinite(finite_mean(recent, 1)), finite_mean(recent, 1), level))
    eight = finite_mean(alike, 1)
    placed = [*alike[:, :4].T, four, eight]  # these carry the level and are seen relative to the base
    spread = np.sqrt(finite_mean((alike - eight[:, None]) ** 2, 1))
    placed_too = [*around, week[:, 0], week[:, 1], finite_mean(week, 1), recent[:, 0], recent[:, 1], finite_mean(recent, 1)]
    newest = p.values[i, np.maximum(o - 1, 0)]
    yesterday = np.where(g.day[o] > 0, p.daily[0][i, np.maximum(g.day[o] - 1, 0)], np.nan)
    expected = p.expected[i, np.maximum(last, 0), slot]
    same_time = p.cell(i, last[:, None], slot)[:, 0] - expected
    day_before = p.cell(i, last[:, None] - 1, slot)[:, 0] - p.expected[i, np.maximum(last - 1, 0), slot]
    weeks_ago = 7 * np.arange(1, 4) + 7 * np.maximum((day - last - 1) // 7, 0)[:, None]
    change = p.cell(i, day[:, None] - weeks_ago, slot) - p.cell(i, last[:, None] - weeks_ago, slot)
    windows = [window_mean(p.surprise_sums, i, end, hours * per_hour) for end, hours in ((o, 3), (o, 24), (o - g.slots, 24), (o, 168))]
    noise = window_mean(p.noise_sums, i, o, 28 * g.slots)
    sized = [*((a - base) / scale for a in placed), spread / scale, *((a - base) / scale for a in placed_too)]
    sized += [(recent[:, 0] + a - base) / scale for a in (change[:, 0], finite_mean(change, 1))]
    sized += [a / scale for a in (same_time, day_before, *windows, newest - level, yesterday - level, month - level)]
    sized += [np.clip(level / scale, -50, 50), noise / scale]
    after = np.minimum(day + 1, g.days - 1)
    civil = [slot / per_hour, g.weekday[day], g.day_type[day], g.day_type[np.maximum(day - 1, 0)], g.day_type[after], g.holiday[day]]
    columns = [*sized, *civil, (t - o) / per_hour, *_covariates(extra, o, t, g.slots)]
    out = np.empty((len(t), len(columns)), np.float32)
    for c, column in enumerate(columns):
        out[:, c] = column
    return out, base.astype(np.float32), scale


def _last_known(g: LocalGrid, o: IntArray, slot: IntArray) -> IntArray:
    """The last day whose cell at `slot` lies before origin o."""
    return g.day[o].astype(np.int64) - (slot >= g.slot[o])


def _covariates(extra: FloatArray | None, o: IntArray, t: IntArray, slots: int) -> list[FloatArray]:
    """Each covariate at the target, and its mean over the day up to the target less its mean over the week before the origin."""
    found: list[FloatArray] = []
    for series in () if extra is None else extra:
        sums = running_sums(series[None, :], axis=1)
        zero = np.zeros(len(t), np.int64)
        found += [series[t], (window_mean(sums, zero, t + 1, slots) - window_mean(sums, zero, o, 7 * slots)).astype(np.float32)]
    return found
