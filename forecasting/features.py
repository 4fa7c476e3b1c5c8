"""What is known at an origin about a target: lags by day type, level, surprise, calendar. Plain numpy, all series at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting import degrees, origins
from forecasting.origins import Origins
from forecasting.panel import FloatArray, IntArray, Panel, known, last_known, mean_of, median_of, panel
from forecasting.weather import Weather

__all__ = ["NAMES", "REACH_DAYS", "Panel", "block", "panel", "rows"]
REACH_DAYS = 84
"""No feature looks further back than this many days before the origin's day [d]."""

FADING, FADING_FAST = 0.85, 0.7
"""Weight of a like day as a share of the next newer one's [1]."""

LAGS = (
    *(f"alike_{k}" for k in range(1, 5)),  # days of the same type, newest first
    *("alike_mean4", "alike_mean8", "alike_hour_before", "alike_hour_after"),
    *("weekday_1", "weekday_2", "weekday_mean4", "last_day", "day_before", "mean7"),
    *("same_change_1", "same_change_3"),  # the last day moved by what the same step of weekdays changed in earlier weeks
    *("alike_fading", "alike_fading_fast", "alike_middle8", "weekday_3", "weekday_4", "last_day_hour_before", "last_day_hour_after"),
)
"""Earlier values, less the base."""
NAMES = (
    *LAGS,
    *("alike_spread8", "surprise_same_time", "surprise_day_before"),
    *origins.NAMES,
    *("hour", "weekday", "day_type", "day_type_before", "day_type_after", "holiday", "lead_h"),
)


@dataclass(frozen=True)
class _Question:
    """r targets, each from one origin: of one series each (i int64[r], arrays are [r]) or of every series (arrays are [r, n])."""

    p: Panel
    seen: Origins
    k: IntArray  # [r], number of the origin
    t: IntArray  # [r], target columns
    i: IntArray | None

    def cell(self, a: FloatArray, day: IntArray, slot: IntArray) -> FloatArray:
        """Cells of an array [D, S, n]."""
        return a[day, slot] if self.i is None else a[day, slot, self.i]

    def mean(self, days: IntArray, slot: IntArray) -> FloatArray:
        """Mean over `days` [m, r] of what is known at `slot` [r]."""
        return mean_of((self.cell(self.p.filled, d, slot), self.cell(self.p.seen, d, slot)) for d in days)

    def of_origin(self, a: FloatArray) -> FloatArray:
        """What an array [k, n] says at the origins."""
        return a[self.k] if self.i is None else a[self.k, self.i]

    def of_target(self, a: NDArray[np.generic]) -> NDArray[np.generic]:
        """What holds for every series [r], in a shape that broadcasts."""
        return a[:, None] if self.i is None else a


def rows(p: Panel, i: IntArray, o: IntArray, t: IntArray, weather: Weather | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Features of target columns t seen from origins o for series i (each int[r]).

    Returns features float32[r, len(NAMES) (+ those of `degrees.columns`)] in units of the scale, the base and the scale float32[r]: the
    model learns (value - base) / scale, where scale is the usual daily range and base the day-type profile at the recent level: the mean of
    the last eight days of the type and the last four of the weekday, times (mean of the last 168 h) / (what was expected of them).
    """
    columns, k = np.unique(o, return_inverse=True)
    x, base, scale = _features(_Question(p, origins.origins(p, columns), k, t, i), weather)
    return x.T, base, scale


def block(p: Panel, seen: Origins, k: IntArray, t: IntArray, weather: Weather | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same for every series, of target columns t seen from the origins of number k (each int[r]): row r x n + i is of series i."""
    x, base, scale = _features(_Question(p, seen, k, t, None), weather)
    return x.reshape(len(x), -1).T, base.ravel(), scale.ravel()


def _features(q: _Question, weather: Weather | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    g, o = q.p.grid, q.seen.columns[q.k]
    per_hour = max(g.slots // 24, 1)
    day, slot = g.day[q.t].astype(np.int64), g.slot[q.t].astype(np.int64)
    last = last_known(g, o, slot)
    scale = q.of_origin(q.seen.scale)
    lags, spread = _lags(q, day, slot, last, per_hour)
    like = mean_of(known(lags[k]) for k in (5, 10))
    like = np.where(np.isfinite(like), like, np.where(np.isfinite(lags[13]), lags[13], q.of_origin(q.seen.level)))
    base = like * q.of_origin(q.seen.move)
    forecast = degrees.columns(q.p, weather, o, q.t)
    out = np.empty((len(NAMES) + len(forecast), *base.shape), np.float32)
    column = iter(out)
    for a in lags:
        row = next(column)
        np.subtract(a, base, out=row)
        np.divide(row, scale, out=row)
    surprises = (q.cell(q.p.days, d, slot) - q.cell(q.p.expected, np.maximum(d, 0), slot) for d in _before(last, 2))
    for a in (spread, *surprises):
        np.divide(a, scale, out=next(column))
    for a in q.seen.features:
        next(column)[...] = q.of_origin(a)
    after = np.minimum(day + 1, g.days - 1)
    civil: tuple[NDArray[np.generic], ...] = (
        slot / per_hour,
        g.weekday[day],
        g.day_type[day],
        g.day_type[np.maximum(day - 1, 0)],
        g.day_type[after],
        g.holiday[day],
    )
    for said in (*civil, (q.t - o) / per_hour, *forecast):
        next(column)[...] = q.of_target(said)
    return out, base, scale


def _lags(q: _Question, day: IntArray, slot: IntArray, last: IntArray, per_hour: int) -> tuple[list[FloatArray], FloatArray]:
    """Earlier values at the target's time of day in the order of `LAGS`, and the spread of the last eight of its type."""
    p, g, o = q.p, q.p.grid, q.seen.columns[q.k]

    def cell(days: IntArray, at: IntArray = slot) -> FloatArray:
        return q.cell(p.days, np.maximum(days, -1), at)

    like, week = p.like_days("type", day, last, 8), p.like_days("alike", day, last, 4)
    eight = [(q.cell(p.filled, d, slot), q.cell(p.seen, d, slot)) for d in like]
    middle = mean_of(eight)
    around, last_around = [], []
    for beside in (np.maximum(slot - per_hour, 0), np.minimum(slot + per_hour, g.slots - 1)):
        newest = last_known(g, o, beside)
        around.append(q.mean(p.like_days("type", day, newest, 4), beside))
        last_around.append(cell(newest, beside))
    weeks_ago = 7 * np.arange(1, 4)[:, None] + 7 * np.maximum((day - last - 1) // 7, 0)
    changes = [cell(day - ago) - cell(last - ago) for ago in weeks_ago]
    weeks, newest_day = [cell(d) for d in week], cell(last)
    lags = [*(cell(d) for d in like[:4]), mean_of(eight[:4]), middle, *around, weeks[0], weeks[1], q.mean(week, slot)]
    lags += [newest_day, cell(last - 1), q.mean(_before(last, 7), slot)]
    lags += [newest_day + changes[0], newest_day + mean_of(known(c) for c in changes)]
    for fading in (FADING, FADING_FAST):
        weight = np.float32(fading) ** np.arange(8, dtype=np.float32)
        lags.append(mean_of((filled * w, seen * w) for (filled, seen), w in zip(eight, weight, strict=True)))
    lags += [median_of(eight), weeks[2], weeks[3], *last_around]
    centre = np.nan_to_num(middle)
    return lags, np.sqrt(mean_of((((filled - centre) * seen) ** 2, seen) for filled, seen in eight))


def _before(last: IntArray, count: int) -> IntArray:
    """The last `count` days, newest first: int64[count, r], -1 for none."""
    return np.maximum(last - np.arange(count)[:, None], -1)
