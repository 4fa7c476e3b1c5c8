"""What no forecast may say: negative usage, sunshine at night, more sun than the panels have shown."""

import numpy as np
from numpy.typing import NDArray

from forecasting import features
from forecasting.models.task import Task

ENVELOPE_DAYS = 30
"""Recent days whose largest value by time of day (UTC, so by the sun) bounds a PV forecast [d]."""
NIGHT_SHARE = 0.01
"""Below this share of the largest value of the day it is night [1]."""
HEADROOM = 1.1
"""A clearer sky or a longer day than in the last 30 days may exceed the envelope by this factor [1]."""


def bound(kind: str, quantiles: NDArray[np.float32], task: Task) -> NDArray[np.float32]:
    """Quantiles [n, k, steps, q] kept at or above zero; PV also under its own envelope and zero at night."""
    kept = np.maximum(quantiles, 0)
    if kind != "pv":
        return kept
    cap = envelope(task)
    night = cap <= NIGHT_SHARE * np.nanmax(cap, axis=2, keepdims=True, initial=0)
    top = np.where(night, 0, np.where(np.isfinite(cap), HEADROOM * cap, np.inf))
    return np.minimum(kept, top[..., None]).astype(np.float32)


def envelope(task: Task) -> NDArray[np.float32]:
    """Largest value within half an hour of the same time over the days before each origin: float32[n, k, steps], NaN if none."""
    cells = features.panel(task.values, task.grid).cells
    reach = max(task.grid.slots // 48, 1)
    out = np.empty((task.series, len(task.origins), task.steps), np.float32)
    for k, origin in enumerate(task.origins):
        today = int(task.grid.day[origin])
        days = cells[:, max(0, today - ENVELOPE_DAYS) : max(today, 1)]
        if today == 0:
            days = np.full_like(days, np.nan)
        top = np.where(np.isfinite(days), days, -np.inf).max(axis=1)
        near = np.max([np.roll(top, shift, axis=1) for shift in range(-reach, reach + 1)], axis=0)
        slots = task.grid.slot[origin : origin + task.steps]
        out[:, k] = np.where(np.isfinite(near), near, np.nan)[:, slots]
    return out
