"""What is known of each series at an origin, whatever the target: level, scale, how it surprised lately, how noisy it is."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forecasting.panel import FloatArray, IntArray, Panel, mean_of

LARGEST_MOVE = 2.0
"""The level of the last week may move the profile by at most this factor, up or down [1]."""
SURPRISE_H = ((0, 0), (1, 1), (2, 1), (0, 3), (0, 24), (24, 24), (0, 168))
"""Hours back from the origin at which a window of surprises ends, and its length [h]; the first is the newest step alone."""
SURPRISE_DAYS = 30
"""No surprise further back than this many days before an origin is looked at [d]."""
NAMES = (
    *("surprise_last", "surprise_second_hour", "surprise_third_hour"),
    *("surprise_3h", "surprise_24h", "surprise_day_2", "surprise_168h"),
    *("last_value", "last_day_level", "month_level", "level_in_scales", "noise"),
)


@dataclass(frozen=True)
class Origins:
    """float32[k, n] each."""

    columns: IntArray  # [k]
    level: FloatArray  # mean of the 7 whole days before the origin's day
    scale: FloatArray  # median daily range of 28 days
    move: FloatArray  # (mean of the last 168 h) / (what was expected of them), bounded [1]
    features: FloatArray  # [len(NAMES), k, n] in scales


def origins(p: Panel, columns: IntArray) -> Origins:
    """The state at each of `columns` [k] of every series."""
    per_hour = max(p.grid.slots // 24, 1)
    level, scale, month = level_and_scale(p, columns)
    surprise, known = p.surprises
    windows = [(surprise, known, columns - back * per_hour, hours * per_hour) for back, hours in SURPRISE_H]
    windows[0] = (surprise, known, columns, 1)
    *surprises, noise = window_means([*windows, (np.abs(surprise), known, columns, 672 * per_hour)])
    expected = level - np.nan_to_num(surprises[-1])
    sound = expected > 1e-3 * scale
    move = np.clip(np.where(sound, level / np.where(sound, expected, 1), 1), 1 / LARGEST_MOVE, LARGEST_MOVE)
    yesterday = p.daily[0][p.grid.day[columns] - 1]  # day -1: nothing known
    newest = p.columns[np.maximum(columns - 1, 0)]
    found = [*surprises, newest - level, yesterday - level, month - level]
    features = [*(a / scale for a in found), np.clip(level / scale, -50, 50), noise / scale]
    return Origins(columns, level, scale, move.astype(np.float32), np.stack(features))


def window_means(windows: list[tuple[FloatArray, FloatArray, IntArray, int]]) -> list[FloatArray]:
    """Means over [end - length, end) of what is known, float32[k, n] each, for (0 where unknown, 1 where known, ends [k], length).

    The columns are summed between the ends of all windows only: a running sum over every column would cost more than all else.
    """
    bounds = [(np.maximum(end - length, 0), np.maximum(end, 0)) for _, _, end, length in windows]
    at = np.unique(np.concatenate([b for pair in bounds for b in pair]))
    sums: dict[int, NDArray[np.float64]] = {}
    found = []
    for (filled, seen, _, _), (start, end) in zip(windows, bounds, strict=True):
        a, b = np.searchsorted(at, start), np.searchsorted(at, end)
        for array in (filled, seen):
            if id(array) not in sums:
                parts = [np.add.reduce(array[s:e], axis=0) for s, e in pairwise(at)]
                sums[id(array)] = np.cumsum(np.stack([np.zeros(array.shape[1]), *parts]), axis=0)
        total, count = sums[id(filled)], sums[id(seen)]
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(((total[b] - total[a]) / (count[b] - count[a])).astype(np.float32))
    return found


def level_and_scale(p: Panel, columns: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Level (mean of 7 whole days before the origin's day), scale (median daily range of 28) and the level of 28 days."""
    before = np.maximum(p.grid.day[columns].astype(np.int64) - 1 - np.arange(28)[:, None], -1)
    mean, spread = (d[before] for d in p.daily)
    known = np.isfinite(mean)
    parts = list(zip(np.where(known, mean, np.float32(0)), known.astype(np.float32), strict=True))
    week, month = mean_of(parts[:7]), mean_of(parts)
    level = np.where(np.isfinite(week), week, month)
    if not np.isfinite(level).all():  # less than half a day seen: what there is
        seen = np.isfinite(p.columns)
        newest = window_means([(np.where(seen, p.columns, np.float32(0)), seen.astype(np.float32), columns, 28 * p.grid.slots)])[0]
        level = np.where(np.isfinite(level), level, newest)
    ordered = np.sort(spread, axis=0)  # not-a-number sorts last
    ranges = np.isfinite(spread).sum(axis=0)
    middle = np.take_along_axis(ordered, np.maximum(ranges - 1, 0)[None] // 2, axis=0)[0]
    scale = np.where((ranges > 0) & (middle > 0), middle, np.maximum(np.abs(level), np.float32(1e-6)))
    return np.nan_to_num(level), np.where(np.isfinite(scale), scale, np.float32(1)), np.nan_to_num(month)
