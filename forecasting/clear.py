"""What each plant gives under a clear sky: fitted to its own output where the sun is known, else the largest of the last weeks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting import features
from forecasting.models.task import FloatArray, IntArray, Task

UPPER = 0.95
"""Expectile of the output given the sun that counts as a clear sky [1]; half of all clear hours then lie above it, by a few per cent."""
ROUNDS = 12
MOST_ROWS = 6_000
"""Daylight steps a plant's planes are fitted to; more are thinned out evenly."""
OWN_DAYS = 14
"""Days of output before a plant's planes are its own; before, those of its group at its own size [d]."""
NIGHT_OUTPUT = 20.0
"""How much more output while the sun is down counts against a clock than the misfit by day."""
ENVELOPE_DAYS = 30
NIGHT_SHARE = 0.01
"""Below this share of the largest value of the day it is night, where only the output itself tells [1]."""
HEADROOM = 1.25
"""Cold air, snow and light from the edges of clouds may lift the output over that of a clear sky by this factor [1]."""


@dataclass(frozen=True)
class Clear:
    """Output of n plants under a clear sky, zero at night. With `by_day` it is only known from the days before an origin."""

    output: FloatArray  # [n, T], of column t as known at its own day
    by_day: FloatArray | None  # [n, D, S], of the days before day d
    day: NDArray[np.int32]
    slot: NDArray[np.int32]
    largest: FloatArray  # [n], before the column it was fitted at; never zero

    def at(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """Of columns t as known at origins o for plants i: float32[r]."""
        return self.output[i, t] if self.by_day is None else self.by_day[i, self.day[o], self.slot[t]]


def clear(task: Task, known: int) -> Clear:
    """Clear-sky output of each plant of a task, from what was known before column `known`."""
    if task.sun is None:
        return _envelope(task, known)
    seen = task.values[:, :known].astype(float)
    if task.weights is not None:
        seen = np.where(task.weights[:, :known] > 0, seen, np.nan)
    length = len(task.grid.day)
    out = np.zeros((task.series, length), np.float32)
    skies = {
        (place, late): task.sun.clear(place, late)[:, :length] for place in np.unique(task.sun.place).tolist() for late in task.sun.lates
    }
    fits = [
        _plant(seen[i], {late: skies[int(task.sun.place[i]), late] for late in task.sun.lates}, task.grid.slots) for i in range(task.series)
    ]
    own = [f for f in fits if f is not None]
    shape, late = (np.mean([w / w.sum() for w, _ in own], axis=0), int(np.median([late for _, late in own]))) if own else (None, 0)
    for i, fitted in enumerate(fits):
        mix, clock = fitted if fitted is not None else (np.eye(1, 9)[0] if shape is None else shape, late)
        out[i] = mix.astype(np.float32) @ skies[int(task.sun.place[i]), clock]
        if fitted is not None:
            out[i] = np.minimum(out[i], np.nanmax(seen[i]))  # an inverter at its limit
    young = np.array([f is None for f in fits])
    out[young] *= _sizes(seen, out, young)
    return Clear(out, None, task.grid.day, task.grid.slot, _largest(out, known))


def _plant(y: NDArray[np.float64], skies: dict[int, FloatArray], slots: int) -> tuple[NDArray[np.float64], int] | None:
    """Mixture of planes and how late the plant's clock is [parts of a step]; none when it has shown too little."""
    if np.count_nonzero(y > 0.02 * np.nanmax(y, initial=0)) < OWN_DAYS * slots / 4:
        return None
    best: tuple[float, NDArray[np.float64], int] | None = None
    for late, sky in skies.items():
        lit = sky[0, : len(y)] > 0
        rows = np.flatnonzero(lit & np.isfinite(y))
        rows = rows[:: max(1, len(rows) // MOST_ROWS)]
        mix, loss = _expectile(sky[:, rows].T.astype(float), y[rows])
        loss *= 1 + NIGHT_OUTPUT * np.nansum(np.where(lit, 0, np.abs(y))) / np.nansum(np.abs(y))
        if best is None or loss < 0.99 * best[0]:  # a clock is right unless another one is plainly better
            best = loss, mix, late
    return None if best is None or best[1].sum() <= 0 else best[1:]


def _expectile(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights >= 0 of the planes whose sum is the upper expectile of y, and its loss: least squares that count what lies above more
    (Newey and Powell 1987, doi 10.2307/1911031)."""
    from scipy.optimize import nnls

    above = np.ones(len(y), bool)
    mix = np.zeros(x.shape[1])
    for _ in range(ROUNDS):
        w = np.where(above, UPPER, 1 - UPPER)
        gram = x.T @ (w[:, None] * x)
        root = np.linalg.cholesky(gram + 1e-6 * np.trace(gram) * np.eye(len(gram)))
        mix, _ = nnls(root.T, np.linalg.solve(root, x.T @ (w * y)))
        now = y > x @ mix
        if (now == above).all():
            break
        above = now
    miss = y - x @ mix
    return mix, float(np.mean(np.where(miss > 0, UPPER, 1 - UPPER) * miss**2))


def _sizes(seen: NDArray[np.float64], out: FloatArray, young: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How large the young plants are: what they gave over what the group's clearness would have made of their shape, float32[y, 1]."""
    shape = out[:, : seen.shape[1]].astype(float)
    good = np.isfinite(seen) & (shape > 0)
    old = ~young
    size = np.where(good[old], shape[old], 0).max(axis=1, keepdims=True, initial=1e-9)
    clearness = np.where(good[old], seen[old] / size, 0).sum(axis=0) / np.maximum(
        np.where(good[old], shape[old] / size, 0).sum(axis=0), 1e-9
    )
    clearness = np.where(good[old].any(axis=0), clearness, 0.5 if not old.any() else np.nan)
    usable = good[young] & np.isfinite(clearness)
    expected = np.where(usable, shape[young] * clearness, 0).sum(axis=1)
    given = np.where(usable, seen[young], 0).sum(axis=1)
    return np.where(expected > 0, given / np.maximum(expected, 1e-12), 0).astype(np.float32)[:, None]


def _envelope(task: Task, known: int) -> Clear:
    """Largest value within half an hour of the same time over the `ENVELOPE_DAYS` days before each day."""
    cells = features.panel(task.values, task.grid).cells
    top = np.zeros((task.series, task.grid.days, task.grid.slots), np.float32)
    for day in range(1, task.grid.days):
        window = cells[:, max(0, day - ENVELOPE_DAYS) : day]
        top[:, day] = np.where(np.isfinite(window), window, 0).max(axis=1)
    reach = max(task.grid.slots // 48, 1)
    near = np.max([np.roll(top, shift, axis=2) for shift in range(-reach, reach + 1)], axis=0)
    near[near <= NIGHT_SHARE * near.max(axis=2, keepdims=True)] = 0
    output = near[:, task.grid.day, task.grid.slot]
    return Clear(output, near, task.grid.day, task.grid.slot, _largest(output, known))


def _largest(output: FloatArray, known: int) -> FloatArray:
    return np.maximum(output[:, :known].max(axis=1, initial=0), 1e-9).astype(np.float32)
