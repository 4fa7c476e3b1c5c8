"""Steps of a series' level: a feeder switched over, a district's border moved, a meter's factor changed.

A step is a day at which the medians of up to two weeks on both sides differ by more than the series usually moves, at once and to stay.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting.calendars import LocalGrid
from forecasting.windows import finite_mean, running_sums

FloatArray = NDArray[np.float32]
WINDOW_DAYS, LEAST_DAYS, NEAR_DAYS = 14, 5, 3
"""Days on each side that are compared, the fewest that will do, and those that must show the step at once [d]."""
LEAST_RATIO = 1.2
"""A smaller change of the level is no step, whatever its noise [1]."""
USUAL, NOISE = 5.0, 3.0
"""A step is this many times what two weeks usually differ by, and this many robust standard deviations of a day [1]."""
AT_ONCE, SEPARATED = 0.7, 0.85
"""Part of the step seen within `NEAR_DAYS`; part of the days on each side that lie on their side of its middle [1]."""
SAME_SHAPE, ALIKE = 0.95, 0.35
"""Correlation of the working day before and after; how near the range's change must be to the level's, or to none, as part of it [1]."""
MOST_STEPS = 4
OLD_WEIGHT = 0.5
"""Weight of what lies before a step: its shape may have changed with its level [1]."""


@dataclass(frozen=True)
class Step:
    """At the start of civil day `day` the level changed by `ratio`, or by `offset` [unit of the values] where the shape kept its height."""

    row: int
    day: int
    ratio: float
    offset: float | None

    def sentence(self, grid: LocalGrid) -> str:
        """The step in words."""
        on = grid.first_day + timedelta(days=self.day)
        how = f"times {self.ratio:.2f}" if self.offset is None else f"by {self.offset:+.4g} per step"
        return f"Its level changed {how} on {on}: the history before was moved to the new level and counts {OLD_WEIGHT:.0%}."


def level_steps(values: FloatArray, grid: LocalGrid) -> list[Step]:
    """The steps of each series of `values` float32[n, T], at most four, newest last; none in a history of less than four weeks.

    Only series whose daily mean stays above zero are judged.
    """
    days = _days(values, grid)
    middle = _median(days.mean)
    low = np.where(np.isfinite(days.mean), days.mean, np.inf).min(axis=1)
    rows = np.flatnonzero((np.isfinite(days.mean).sum(axis=1) >= 2 * WINDOW_DAYS) & (low > 0.02 * middle))
    level = np.log(days.mean[rows])
    level -= _weekly(level, grid.alike[: level.shape[1]])
    found: list[Step] = []
    live = np.arange(len(rows))
    for _ in range(MOST_STEPS):
        day, change = _largest(level[live])
        live, day, change = live[day >= 0], day[day >= 0], change[day >= 0]
        for i, d, c in zip(live, day, change, strict=True):
            step = _step(int(rows[i]), int(d), float(c), days, grid, values[rows[i]])
            found += [replace(step, day=_dated(level[i], step.day, c))] if step is not None else []
            level[i, :d] += c
    return sorted(found, key=lambda s: (s.row, s.day))


def move(values: FloatArray, weights: FloatArray, grid: LocalGrid, step: Step) -> None:
    """Bring what lies before the step to the level after it, in place, with `OLD_WEIGHT`; the days on both sides of it teach nothing."""
    before = slice(0, int(np.searchsorted(grid.day, step.day)))
    old = values[step.row, before]
    lowest = np.nanmin(old) if np.isfinite(old).any() else 0
    new = old * step.ratio if step.offset is None else old + step.offset
    values[step.row, before] = np.maximum(new, 0) if lowest >= 0 else new
    weights[step.row, before] *= OLD_WEIGHT
    weights[step.row, slice(*np.searchsorted(grid.day, [step.day - 1, step.day + 1]))] = 0  # it may have come at any hour


@dataclass(frozen=True)
class _Days:
    """Civil days of n series; NaN on holidays and where less than half a day is known."""

    mean: NDArray[np.float64]  # [n, D]
    height: NDArray[np.float64]  # [n, D] logarithm of largest minus smallest


def _days(values: FloatArray, grid: LocalGrid) -> _Days:
    columns = values.shape[1]
    count_days = int(grid.day[columns - 1]) + 1
    edge = np.searchsorted(grid.day[:columns], np.arange(count_days + 1))
    total, count = running_sums(values, axis=1)
    n = np.diff(count[:, edge], axis=1)
    known = (2 * n >= grid.slots) & ~grid.holiday[:count_days]
    high = np.maximum.reduceat(np.where(np.isfinite(values), values, -np.inf), edge[:-1], axis=1)
    low = np.minimum.reduceat(np.where(np.isfinite(values), values, np.inf), edge[:-1], axis=1)
    height = np.where(known & (high > low), high - low, np.nan)
    return _Days(np.where(known, np.diff(total[:, edge], axis=1) / np.maximum(n, 1), np.nan), np.log(height))


def _weekly(level: NDArray[np.float64], alike: NDArray[np.int8]) -> NDArray[np.float64]:
    """What each kind of weekday usually differs by from the week around it, [n, D]."""
    total, count = running_sums(level, axis=1)
    at = np.arange(level.shape[1])
    first, last = np.maximum(at - 3, 0), np.minimum(at + 4, level.shape[1])
    n = count[:, last] - count[:, first]
    around = np.where(n > 0, (total[:, last] - total[:, first]) / np.maximum(n, 1), np.nan)
    out = np.zeros_like(level)
    for kind in range(7):
        days = np.flatnonzero(alike == kind)
        if days.size:
            out[:, days] = np.nan_to_num(_median(level[:, days] - around[:, days]))[:, None]
    return out


def _median(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the finite values along the last axis; NaN where there is none."""
    ordered = np.sort(a, axis=-1)  # not-a-number sorts last
    count = np.isfinite(a).sum(axis=-1)
    at = np.maximum(count - 1, 0)
    low = np.take_along_axis(ordered, (at // 2)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, ((at + 1) // 2)[..., None], -1)[..., 0]
    return np.where(count > 0, (low + high) / 2, np.nan)


def _windows(level: NDArray[np.float64], days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each day the `days` days before it and from it on, [n, D, days] each; NaN beyond the data."""
    pad = np.full((level.shape[0], days), np.nan)
    view = np.lib.stride_tricks.sliding_window_view(np.concatenate([pad, level, pad], axis=1), days, axis=1)
    d = level.shape[1]
    return view[:, :d], view[:, days : days + d]


def _largest(level: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The day of each series' largest step (-1 for none) and its change [log]."""
    before, after = _windows(level, WINDOW_DAYS)
    old, new = _median(before), _median(after)
    change = new - old
    near_before, near_after = _windows(level, NEAR_DAYS)
    at_once = _median(near_after) - _median(near_before)
    noise = 1.4826 * _median(np.abs(level - finite_mean(np.stack([old, new]), 0)))
    usual = _median(np.abs(change))
    size = np.maximum(np.log(LEAST_RATIO), np.maximum(USUAL * usual, NOISE * noise))[:, None]
    sign, middle = np.sign(change), (old + new) / 2
    enough = np.ones(change.shape, bool)
    for side, way in ((before, -1), (after, 1)):
        known = np.isfinite(side).sum(axis=2)
        right = (way * sign[..., None] * (side - middle[..., None]) > 0).sum(axis=2)
        enough &= (known >= LEAST_DAYS) & (right >= SEPARATED * known)
    with np.errstate(invalid="ignore"):
        step = enough & (np.abs(change) >= size) & (sign * at_once >= AT_ONCE * np.abs(change))
    score = np.where(step, np.abs(change), 0)
    best = score.argmax(axis=1)
    rows = np.arange(len(level))
    return np.where(score[rows, best] > 0, best, -1), change[rows, best]


def _dated(level: NDArray[np.float64], day: int, change: float) -> int:
    """The day next to `day`, or itself, on which one day's level [D] differs most from the day before: medians are blunt about when."""
    days = np.array([d for d in (day, day - 1, day + 1) if 0 < d < len(level)])
    jump = np.sign(change) * (level[days] - level[days - 1])
    return int(days[np.where(np.isfinite(jump), jump, -np.inf).argmax()])


def _step(row: int, day: int, change: float, days: "_Days", grid: LocalGrid, values: FloatArray) -> Step | None:
    """A ratio where the day's range grew with the level, an offset where it kept its height, nothing where the day has another shape.

    Another shape is other behaviour (a holiday shutdown, a heat wave), not another meter: it may end as it began, and models follow it.
    """
    last = days.mean.shape[1]
    sides = tuple(np.arange(max(a, 0), min(b, last)) for a, b in ((day - WINDOW_DAYS, day), (day, day + WINDOW_DAYS)))
    old, new = (_shape(values, grid, side[grid.alike[side] < 5]) for side in sides)
    if not np.nan_to_num(np.corrcoef(old, new)[0, 1]) >= SAME_SHAPE:
        return None
    grown = float(np.diff([_median(days.height[row, side]) for side in sides])[0])
    near = ALIKE * abs(change)
    if abs(grown - change) <= near and abs(grown - change) <= abs(grown):
        return Step(row, day, float(np.exp(change)), None)
    if abs(grown) <= near:
        level = float(_median(days.mean[row, sides[1]]))
        return Step(row, day, float(np.exp(change)), level * (1 - float(np.exp(-change))))
    return None


def _shape(values: FloatArray, grid: LocalGrid, days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean by time of day of one series over some days, float64[S]; 0 where nothing is known."""
    column = grid.column[days]
    known = (column >= 0) & (column < len(values))
    return np.nan_to_num(finite_mean(np.where(known, values[np.where(known, column, 0)], np.nan), 0))
