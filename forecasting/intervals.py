"""Bands from the model's own past errors: a model of their size, and conformal quantiles that adapt to each series.

Every error used for an origin was known at that origin. References: Lei et al. 2018, doi 10.1080/01621459.2017.1307116 (locally weighted
conformal); Gibbs & Candes 2021, arXiv 2106.00170 (adaptation; here by a recent window shrunk to the pool instead of a step size).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting import features, learning
from forecasting.models.asked import answer
from forecasting.models.task import Task

FloatArray = NDArray[np.float32]
LEAD_EDGES_H = (0, 6, 24, 48)
SIZE_TREES, SIZE_LEAVES = 120, 15
OWN_DAYS = 28
"""Daily origins of a series' own errors that adapt its band [d]."""
SHRINK_DAYS = 14.0
"""Days of own errors that weigh as much as the pool of the whole group [d]."""
OWN_LEADS = 24
"""Lead times per bucket of a series' own errors; more are thinned out evenly."""


class Predictor(Protocol):
    def fit_predict(self, task: Task) -> FloatArray: ...


@dataclass(frozen=True)
class Errors:
    """Errors of earlier origins on the same grid as the task."""

    origins: NDArray[np.int64]  # [c]
    errors: FloatArray  # [n, c, steps], NaN where not known before the task's `fit_before`
    size: FloatArray  # [n, c, steps], expected size


def calibration_origins(task: Task) -> NDArray[np.int64]:
    """Daily origins before `fit_before` at the task's time of day: at most `calibration_days`, at most a third of what there is."""
    g = task.grid
    daily = g.daily_columns(int(g.slot[task.origins[-1]]))
    usable = daily[(daily >= 0) & (np.arange(g.days) >= learning.FIRST_DAY) & (daily < task.fit_before)]
    seen = np.isfinite(task.values).any(axis=0)
    begins = int(np.argmax(seen)) if seen.any() else task.fit_before
    usable = usable[usable >= begins + g.slots]
    affordable = max(7, task.settings.calibration_cells // max(task.series * task.steps, 1))
    return usable[len(usable) - min(task.settings.calibration_days, affordable, len(usable) // 3) :].astype(np.int64)


def quantiles(model: Predictor, task: Task, levels: Sequence[float]) -> FloatArray:
    """Forecast quantiles float32[n, k, steps, len(levels)], never crossing; level 0.5 is the model's own forecast.

    The model runs twice: for `task`, and for earlier origins with nothing at or after the first of them learned, whose errors make the
    bands. At later origins of the task the errors of its earlier ones are known too and are used.
    """
    middle = model.fit_predict(task)
    origins = calibration_origins(task)
    if not len(origins):
        return _unknown_errors(task, middle, levels)
    past = task.at(origins, int(origins[0]))
    errors = past.targets() - model.fit_predict(past)
    errors[:, (origins[:, None] + np.arange(task.steps)) >= task.fit_before] = np.nan
    if not np.isfinite(errors).any():
        return _unknown_errors(task, middle, levels)
    size_past, size_now = _sizes(past, task, errors)
    own = task.targets() - middle
    known = Errors(np.concatenate([origins, task.origins]), np.concatenate([errors, own], 1), np.concatenate([size_past, size_now], 1))
    offsets = _offsets(task, known, len(origins), levels)
    return (middle[..., None] + offsets * size_now[..., None]).astype(np.float32)


def _sizes(past: Task, task: Task, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Expected absolute error of every past and every asked row: trees on the features, in units of the scale, never below a floor."""
    settings = task.settings
    rng = np.random.default_rng(settings.seed + 1)
    few = np.sort(rng.permutation(past.series)[: settings.train_series])
    at = np.argwhere(np.isfinite(errors[few]))
    at = at[np.sort(rng.permutation(len(at))[: settings.calibration_rows])]
    i, o = few[at[:, 0]], past.origins[at[:, 1]]
    folded = features.panel(past.values[few], past.grid)
    x, _, scale = features.rows(folded, at[:, 0], o, o + at[:, 2], past.covariates)
    y = np.abs(errors[i, at[:, 1], at[:, 2]]) / scale
    floor = max(0.1 * float(np.median(y)), 1e-6)
    if len(y) < 1_000:
        flat = max(float(np.mean(y)), floor)
        return tuple(answer(q, lambda _x, _base, scale: (scale * np.float32(flat),))[0] for q in (past, task))  # type: ignore[return-value]
    booster = learning.grow(x, y.astype(np.float32), settings, SIZE_TREES, SIZE_LEAVES)
    return tuple(np.maximum(said, floor) * scale for said, _, scale in (learning.predict(booster, q) for q in (past, task)))  # type: ignore[return-value]


def _offsets(task: Task, known: Errors, first: int, levels: Sequence[float]) -> FloatArray:
    """Offsets in units of the expected size, float32[n, k, steps, q]: own recent quantiles shrunk to the pool's, by lead bucket."""
    per_hour = max(task.grid.slots // 24, 1)
    bucket = np.digitize(np.arange(task.steps) / per_hour, LEAD_EDGES_H) - 1
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
            own, weight, pool = _own_and_pool(recent[:, :, steps], levels)
            offset = (weight[:, None] * own + (1 - weight[:, None]) * pool) * sign
            widest = np.maximum(widest, offset)  # the band does not narrow again with the lead time
            out[:, k, bucket == b] = (widest * sign)[:, None, :]
    out[..., np.isclose(levels, 0.5)] = 0
    return out


def _own_and_pool(z: FloatArray, levels: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of each series' normalised errors [n, d, m] with their weight [n], and of all of them together [q]."""
    n = z.shape[0]
    days = np.isfinite(z).any(axis=2).sum(axis=1)
    flat = np.sort(z.reshape(n, -1), axis=1)  # not-a-number sorts last
    count = np.isfinite(flat).sum(axis=1)
    position = np.asarray(levels)[None, :] * np.maximum(count - 1, 0)[:, None]
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    rows = np.arange(n)[:, None]
    part = position - low
    own = np.nan_to_num(flat[rows, low] * (1 - part) + flat[rows, high] * part)
    everything = flat[np.isfinite(flat)]
    pool = np.asarray(np.quantile(everything, levels), float) if everything.size else np.zeros(len(levels))
    return own, days / (days + SHRINK_DAYS), pool


def _unknown_errors(task: Task, middle: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Without any past error the band is a guess and wide: a normal one with a standard deviation of a quarter of the usual daily range."""
    from scipy.stats import norm

    scale = answer(task, lambda _x, _base, scale: (scale,))[0]
    return (middle[..., None] + 0.25 * scale[..., None] * norm.ppf(np.asarray(levels))).astype(np.float32)
