"""Bands from a model's own past errors: a model of their size, and conformal quantiles that adapt to each series.

Every error used for an origin was known at that origin. References: Lei et al. 2018, doi 10.1080/01621459.2017.1307116 (locally weighted
conformal); Gibbs & Candes 2021, arXiv 2106.00170 (adaptation; here by a recent window shrunk to the pool instead of a step size).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features, learning
from forecasting.models.asked import RowModel
from forecasting.models.task import FloatArray, IntArray, Task

LEAD_EDGES_H = (0, 6, 24, 48)
SIZE_TREES, SIZE_LEAVES = 120, 15
SIZE_LEAF_ROWS = 250
"""Errors of one day are alike, so a leaf of few rows would learn that day and its band come out too narrow."""
OWN_DAYS = 14
"""Daily origins of a series' own errors that adapt its band [d]."""
SHRINK_DAYS = 7.0
"""Days of own errors that weigh as much as the pool of the whole group [d]."""
OWN_LEADS = 24
"""Lead times per bucket of a series' own errors; more are thinned out evenly."""
SOME_STRIDE = 5
"""From one origin to the next a series of a large group looks at errors so much further ahead [h]."""
SHARES = np.linspace(0, 1, 401)
"""Where the quantile function of the pool is kept [1]."""


@dataclass(frozen=True)
class Errors:
    """Errors of earlier origins on the same grid as the task: what came true less the median."""

    origins: IntArray  # [c]
    errors: FloatArray  # [n, c, steps], NaN where not known
    size: FloatArray  # [n, c, steps], expected size

    def before(self, count: int) -> "Errors":
        """Of the first `count` origins only."""
        return Errors(self.origins[:count], self.errors[:, :count], self.size[:, :count])


class Size(RowModel):
    """Expected absolute error of a row: trees on the features, in scales, never below a floor."""

    trees: learning.Trees
    flat: float = Field(description="what it is without trees [scales]")
    floor: float = Field(description="the least it says [scales]")

    def say(self, x: FloatArray, _base: FloatArray, scale: FloatArray) -> FloatArray:
        said = np.full(len(x), self.flat, np.float32) if self.trees.text is None else self.trees.predict(x)
        return np.maximum(said, self.floor).astype(np.float32) * scale


class Pool(BaseModel):
    """Quantile functions of the group's normalised errors, by lead time: float[buckets][len(SHARES)]."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    quantiles: tuple[tuple[float, ...], ...]

    def at(self, bucket: int, levels: Sequence[float]) -> NDArray[np.float64]:
        return np.interp(levels, SHARES, self.quantiles[bucket])


def buckets(task: Task) -> IntArray:
    """Lead-time bucket of each step: int64[steps]."""
    return np.digitize(np.arange(task.steps) * 24 / task.grid.slots, LEAD_EDGES_H) - 1


def some_steps(task: Task) -> NDArray[np.bool_]:
    """Steps of each origin at which errors are looked at where there are many series: bool[k, steps].

    Errors of one origin are alike, so one step a bucket, and each bucket at every second origin, tell nearly as much as all; every origin
    takes others, so that all are seen.
    """
    bucket = buckets(task)
    wanted = np.zeros((len(task.origins), task.steps), bool)
    for b in np.unique(bucket):
        steps = np.flatnonzero(bucket == b)
        back = np.arange(b % 2, len(task.origins), 2)
        wanted[-1 - back, steps[(back // 2 * SOME_STRIDE * task.grid.slots // 24) % len(steps)]] = True
    return wanted & (task.origins[:, None] + np.arange(task.steps) < task.values.shape[1])


def earlier_origins(task: Task) -> IntArray:
    """Daily origins before the first one, at the last one's time of day, with a week of the grid before them."""
    g = task.grid
    daily = g.daily_columns(int(g.slot[task.origins[-1]]))
    return daily[(daily >= 0) & (np.arange(g.days) >= learning.FIRST_DAY) & (daily < task.origins[0])].astype(np.int64)


def calibration_origins(task: Task) -> IntArray:
    """Earlier origins before `fit_before`: at most `calibration_days`, at most a third of what there is."""
    g = task.grid
    usable = earlier_origins(task)
    usable = usable[usable < task.fit_before]
    seen = np.isfinite(task.values).any(axis=0)
    begins = int(np.argmax(seen)) if seen.any() else task.fit_before
    usable = usable[usable >= begins + g.slots]
    return usable[len(usable) - min(task.settings.calibration_days, len(usable) // 3) :].astype(np.int64)


def size_of(past: Task, errors: FloatArray) -> Size:
    """Learn the size of errors [n, c, steps] made at the origins of `past`; from few errors it is flat."""
    settings = past.settings
    rng = np.random.default_rng(settings.seed + 1)
    at = np.argwhere(np.isfinite(errors))
    at = at[np.sort(rng.permutation(len(at))[: settings.calibration_rows])]
    i, o = at[:, 0], past.origins[at[:, 1]]
    x, _, scale = features.rows(features.panel(past.values, past.grid), i, o, o + at[:, 2], past.weather)
    y = (np.abs(errors[i, at[:, 1], at[:, 2]]) / scale).astype(np.float32)
    floor = max(0.1 * float(np.median(y)), 1e-6)
    enough = len(y) >= 1_000
    trees = learning.grow(x, y, settings, SIZE_TREES, SIZE_LEAVES, leaf_rows=SIZE_LEAF_ROWS) if enough else learning.Trees(text=None)
    return Size(trees=trees, flat=max(float(np.mean(y)), floor), floor=floor)


def pool_of(past: Task, known: Errors) -> Pool:
    """Quantiles of error / expected size over all series and origins, by lead time."""
    z, bucket = known.errors / known.size, buckets(past)
    kept: list[tuple[float, ...]] = []
    for b in range(len(LEAD_EDGES_H)):
        some = z[:, :, bucket == b]
        some = some[np.isfinite(some)]
        # a lead time nobody has seen errors of borrows from the one before
        kept.append(tuple(np.quantile(some, SHARES).tolist()) if some.size else (kept[-1] if kept else (0.0,) * len(SHARES)))
    return Pool(quantiles=tuple(kept))


def offsets(task: Task, known: Errors, first: int, pool: Pool, levels: Sequence[float]) -> FloatArray:
    """Offsets of quantiles in units of the expected size, float32[n, k, steps, q]: own recent quantiles shrunk to the pool's.

    `known` holds the errors of `first` earlier origins and then those of the task's own.
    """
    bucket = buckets(task)
    z = known.errors / known.size
    out = np.zeros((task.series, len(task.origins), task.steps, len(levels)), np.float32)
    sign = np.where(np.asarray(levels) < 0.5, -1.0, 1.0)
    for k, origin in enumerate(task.origins):
        window = slice(max(0, first + k - OWN_DAYS), first + k)
        target = known.origins[window][:, None] + np.arange(task.steps)
        recent = np.where(target < origin, z[:, window], np.nan)
        widest = np.zeros((task.series, len(levels)))
        for b in np.unique(bucket):
            steps = np.flatnonzero(bucket == b)
            steps = steps[:: max(1, len(steps) // OWN_LEADS)]
            own, weight = _own(recent[:, :, steps], levels)
            offset = (weight[:, None] * own + (1 - weight[:, None]) * pool.at(int(b), levels)) * sign
            widest = np.maximum(widest, offset)  # the band does not narrow again with the lead time
            out[:, k, bucket == b] = (widest * sign)[:, None, :]
    out[..., np.isclose(levels, 0.5)] = 0
    return out


def _own(z: FloatArray, levels: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of each series' normalised errors [n, d, m]: float64[n, q], and their weight [n]."""
    n = z.shape[0]
    days = np.isfinite(z).any(axis=2).sum(axis=1)
    flat = np.sort(z.reshape(n, -1), axis=1)  # not-a-number sorts last
    if not flat.shape[1]:
        return np.zeros((n, len(levels))), np.zeros(n)
    count = np.isfinite(flat).sum(axis=1)
    position = np.asarray(levels)[None, :] * np.maximum(count - 1, 0)[:, None]
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    rows = np.arange(n)[:, None]
    part = position - low
    return np.nan_to_num(flat[rows, low] * (1 - part) + flat[rows, high] * part), days / (days + SHRINK_DAYS)


def guess(middle: FloatArray, scale: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Without any past error the band is a guess and wide: a normal one with a standard deviation of a quarter of the usual daily range."""
    from scipy.stats import norm

    return (middle[..., None] + 0.25 * scale[..., None] * norm.ppf(np.asarray(levels))).astype(np.float32)
