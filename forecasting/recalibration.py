"""Bands of models that say a whole distribution: each level is asked where, lately, that share of what came true had lain.

Reference: Chernozhukov, Wuthrich and Zhu 2021, doi 10.1073/pnas.2107794118 (distributional conformal prediction), departing in that ranks
of a recent window count, a series' own shrunk to its group's, by lead time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecasting import intervals
from forecasting.intervals import Errors
from forecasting.models.distribution import GRID, LEAD_EDGES_H, MEDIAN, Distribution, FittedDistribution, lead_bucket
from forecasting.models.forest import sample_quantiles
from forecasting.models.task import FloatArray, Task
from forecasting.weather_archive import stood_in
from forecasting.weather_gate import worth

if TYPE_CHECKING:
    from forecasting.machine import Machine

OWN_DAYS = 28
"""Daily origins of a series' own ranks that move its levels [d]."""
SHRINK_DAYS = 14.0
"""Days of own ranks that weigh as much as the pool of the whole group [d]."""
GOLDEN = 0.6180339887498949
"""Where many ranks are right (usage of zero, said to be zero at most levels), each value takes one of them by this irrational step."""
WIDE = 0.2
"""Bands below this share of a series' widest have ranks of their own: dawn and dusk, a boiler in summer [1]."""


def fit(task: Task, model: Distribution) -> dict[str, Any]:
    """The fields of a Machine: fitted on what lies before `fit_before`, and again on what lies before the calibration days, whose
    outcome chooses the shares of the forest and whether weather pays.
    """
    until = task.time(task.fit_before)
    member = model.fit(replace(task, weather=None))
    made: dict[str, Any] = {"known_until_utc": until, "past_until_utc": until, "past": (), "size": None, "pool": None}
    origins = intervals.calibration_origins(task)
    if not len(origins):
        return made | {"members": (member,)}
    past = task.at(origins, int(origins[0]))
    known = np.where(np.arange(task.values.shape[1]) < task.fit_before, task.values, np.float32(np.nan))
    judged = replace(past, values=known)
    dry = replace(judged, weather=None)
    then = model.fit(replace(past, weather=None)).tuned(dry)
    made |= {"members": (_sharing(member, then),), "past": (then,), "past_until_utc": past.time(int(origins[0]))}
    if task.weather is None:
        return made
    wet_then = model.fit(_with_stand_ins(past)).tuned(judged)
    error, given = (judged.targets() - said for said in (then.predict(dry), _median([then], [wet_then], judged)))
    verdict = worth(task.weather.names, error, given, task.grid.slots)
    if verdict.used:
        made |= {"wet": (_sharing(model.fit(_with_stand_ins(task)), wet_then),), "wet_past": (wet_then,)}
    return made | {"verdict": verdict}


def answer(machine: "Machine", task: Task, levels: Sequence[float]) -> tuple[FloatArray, Errors, FloatArray, FloatArray]:
    """Quantiles [n, k, steps, q], never crossing; the errors of the c earlier origins; their mean [1, n, c]; weights of one [1, n, k]."""
    task = replace(task, weather=machine.weather_used(task))
    before = intervals.earlier_origins(task)
    before = before[before >= task.column(machine.past_until_utc)][-task.settings.calibration_days :]
    origins, c = np.concatenate([before, task.origins]), len(before)
    everything = task.at(origins, task.fit_before)
    targets = everything.targets()
    errors, size, ranks = np.full((3, *targets.shape), np.nan, np.float32)
    spoken = np.empty((task.series, len(task.origins), task.steps, len(GRID)), np.float32)
    for rows, said in _said(machine, everything):
        errors[rows], size[rows], ranks[rows] = targets[rows] - said[..., MEDIAN], _spread(said), _ranks(said, targets[rows])
        spoken[rows] = said[:, c:]
    quantiles = np.zeros((*spoken.shape[:3], len(levels)), np.float32)
    for k, origin in enumerate(task.origins):
        window = slice(max(0, c + k - OWN_DAYS), c + k)
        unknown = (origins[window][:, None] + np.arange(task.steps)) >= origin
        seen = np.where(unknown, np.nan, ranks[:, window])
        widest = size[:, window.start : c + k + 1].max(axis=(1, 2), keepdims=True)
        before_wide, wide = size[:, window] > WIDE * widest, size[:, c + k] > WIDE * widest[:, 0]
        for of in (False, True):
            said = _asked(spoken[:, k], np.where(before_wide == of, seen, np.nan), levels, task.grid.slots)
            quantiles[:, k] = np.where((wide == of)[..., None], said, quantiles[:, k])
    known = Errors(origins, errors, size).before(c)
    seen = np.isfinite(known.errors)
    mae = np.where(seen, np.abs(known.errors), 0).sum(2) / np.maximum(seen.sum(2), 1)
    return quantiles, known, np.where(seen.any(2), mae, np.nan)[None], np.ones((1, task.series, len(task.origins)), np.float32)


def _asked(spoken: FloatArray, ranks: FloatArray, levels: Sequence[float], slots: int) -> FloatArray:
    """Distributions [n, steps, g] read at the levels that the ranks [n, d, steps] call for: float32[n, steps, q]."""
    bucket = lead_bucket(np.arange(spoken.shape[1]), slots)
    out = np.empty((*spoken.shape[:2], len(levels)), np.float32)
    asked = np.asarray(levels, float)
    at = np.tile(asked, (len(spoken), 1))
    for b in range(len(LEAD_EDGES_H)):
        steps = np.flatnonzero(bucket == b)
        if not steps.size:
            continue
        some = ranks[:, :, steps]
        pool = some[np.isfinite(some)]
        if pool.size:  # a lead time nobody has seen errors of borrows from the one before
            own = np.nan_to_num(sample_quantiles(some.reshape(len(some), -1), levels))
            days = np.isfinite(some).any(axis=2).sum(axis=1)
            weight = (days / (days + SHRINK_DAYS))[:, None]
            at = weight * own + (1 - weight) * np.quantile(pool, asked)
            at = np.where(asked < 0.5, np.minimum(at, 0.5), np.where(asked > 0.5, np.maximum(at, 0.5), 0.5))
        out[:, steps] = _read(spoken[:, steps], at)
    return out


def _read(spoken: FloatArray, at: NDArray[np.float64]) -> FloatArray:
    """Distributions [n, s, g] at each series' levels [n, q], straight between those of the grid: float32[n, s, q]."""
    grid = np.array(GRID)
    at = np.clip(at, grid[0], grid[-1])
    low = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
    part = ((at - grid[low]) / (grid[low + 1] - grid[low])).astype(np.float32)[:, None, :]
    lower, upper = (np.take_along_axis(spoken, (low + up)[:, None, :].repeat(spoken.shape[1], 1), axis=2) for up in (0, 1))
    return lower + part * (upper - lower)


def _ranks(said: FloatArray, targets: FloatArray) -> FloatArray:
    """The level at which each value lay in what was said of it, float32[n, k, steps]; NaN where unknown or where nothing else could be."""
    n, k, steps, g = said.shape
    flat, y = said.reshape(-1, g), targets.reshape(-1)
    low, high = (flat < y[:, None]).sum(axis=1), (flat <= y[:, None]).sum(axis=1)
    grid = np.array([0.0, *GRID, 1.0])
    rows = np.arange(len(y))
    below, above = flat[rows, np.clip(low - 1, 0, g - 1)], flat[rows, np.clip(low, 0, g - 1)]
    inside = (low > 0) & (low < g) & (above > below)
    part = np.where(inside, (y - below) / np.where(inside, above - below, 1), 0.5)
    between = grid[low] + part * (grid[low + 1] - grid[low])
    tied = high > low
    drawn = (rows % (k * steps) * GOLDEN) % 1  # the same whoever else is asked
    lowest, highest = np.where(low == 0, 0.0, grid[low + 1]), np.where(high == g, 1.0, grid[high])
    rank = np.where(tied, lowest + drawn * (highest - lowest), between)
    known = np.isfinite(y) & (flat[:, -1] > flat[:, 0])
    return np.where(known, rank, np.nan).reshape(n, k, steps).astype(np.float32)


def _said(machine: "Machine", task: Task) -> Iterator[tuple[slice, FloatArray]]:
    """Distributions of some series at a time [n, k, steps, g]; earlier origins are for what had learned nothing from then on."""
    earlier = task.origins < task.column(machine.known_until_utc)
    asked = []
    for fitted, wet, origins in (
        (machine.past or machine.members, machine.wet_past or machine.wet, task.origins[earlier]),
        (machine.members, machine.wet, task.origins[~earlier]),
    ):
        if len(origins):
            asked.append(_weathered(fitted, wet, task.at(origins, task.fit_before)))
    for parts in zip(*asked, strict=True):
        yield parts[0][0], np.concatenate([said for _, said in parts], axis=1)


def _weathered(fitted: Sequence[Any], wet: Sequence[Any], task: Task) -> Iterator[tuple[slice, FloatArray]]:
    """What the fitted model says, with weather wherever that is known."""
    dry = fitted[0].parts(replace(task, weather=None))
    if not wet or task.weather is None:
        yield from dry
        return
    covered = task.weather.covers(task.origins, task.steps)[..., None]
    for (rows, without), (_, given) in zip(dry, wet[0].parts(task), strict=True):
        yield rows, np.where(covered, given, without)


def _spread(said: FloatArray) -> FloatArray:
    """Half the width of the 80 % band; a floor keeps errors over it finite where nothing is possible."""
    half = (said[..., GRID.index(0.9)] - said[..., GRID.index(0.1)]) / 2
    return np.maximum(half, 1e-3 * half.max(axis=(1, 2), keepdims=True, initial=1e-6)).astype(np.float32)


def _median(fitted: Sequence[Any], wet: Sequence[Any], task: Task) -> FloatArray:
    return np.concatenate([said[..., MEDIAN] for _, said in _weathered(fitted, wet, task)])


def _sharing(fitted: FittedDistribution, tuned: FittedDistribution) -> FittedDistribution:
    return fitted.model_copy(update={"shares": tuned.shares})


def _with_stand_ins(task: Task) -> Task:
    return (
        task
        if task.weather is None
        else replace(task, weather=stood_in(task.weather, task.fit_before, task.grid.slots, task.settings.seed))
    )
