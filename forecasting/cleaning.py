"""What may be learned of a history: stuck sensors and spikes left out, the level before a step moved to the level after it.

Every rule compares a series with its own past, so it needs no unit and no setting per series. Nothing is filled in: what cannot be
believed becomes not-a-number with weight 0, and the sentence that says so goes to the reason of the forecast.

References: Page 1954, doi 10.1093/biomet/41.1-2.100 (change of a level); Rousseeuw and Croux 1993, doi 10.1080/01621459.1993.10476408
(robust scale). Departs from both in judging a step by medians of whole days on both sides, which one odd day cannot move.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting import steps
from forecasting.calendars import LocalGrid

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
JUDGED_DAYS = 14
"""A shorter history is taken as it is [d]."""
STUCK_H, LOW_H, RESTING_H = 6.0, 12.0, 48.0
"""Shortest run of one value that can be a stuck sensor; among the lowest values; and where the series usually stands still there [h]."""
LOW, OFTEN = 0.05, 0.5
"""The lowest values are this part of the range; it stands still there when it does so for more than this part of the time there [1]."""
LONGER = 2.0
"""... if it is also this many times as long as the longest run of a usual week [1]."""
FAR, OF_RANGE = 3.0, 0.75
"""A spike is this many times further out than 199 of 200 values, and by this part of the usual range [1]."""
RANGE_COLUMNS = 4096
"""Columns that are enough for the usual range of a series."""
SPIKE_H = 3.0
"""What stays out for longer is no spike [h]."""
ESTIMATED_WEIGHT = 0.5
"""Weight of an estimated value against a measured one [1]."""
GAP_H = 24.0
"""Gaps from this length on are told [h]."""


@dataclass(frozen=True)
class Cleaned:
    """n series of T columns as models may see them."""

    values: FloatArray  # [n, T], NaN where nothing can be believed, at the newest level
    weights: FloatArray  # [n, T], 0 where not to be learned, 1 as measured
    steps: list[steps.Step]
    notes: list[tuple[int, str]]  # (row, sentence), in the order of rows


def clean(values: FloatArray, grid: LocalGrid, estimated: BoolArray | None = None) -> Cleaned:
    """What may be learned of `values` float32[n, T] (NaN: flagged unusable) on the first T columns of the grid.

    `estimated` bool[n, T] marks estimates, which count half. Each series is judged by itself, with all T columns known: give only what
    was known when the forecast is made.
    """
    found = values.copy()
    stuck = _stuck(found, grid.slots)
    found[stuck] = np.nan
    out = _spikes(found, grid.slots)
    found[out] = np.nan
    moved = steps.level_steps(found, grid)
    weights = np.isfinite(found).astype(np.float32)
    if estimated is not None:
        weights[estimated] *= ESTIMATED_WEIGHT
    for step in moved:
        steps.move(found, weights, grid, step)
    notes = [*_told_stuck(stuck, grid), *_told_spikes(out), *_told_gaps(values, grid), *((s.row, s.sentence(grid)) for s in moved)]
    return Cleaned(found, weights, moved, sorted(notes, key=lambda note: note[0]))


def _runs(same: BoolArray) -> NDArray[np.int32]:
    """For each column how many columns the run of True it belongs to has (0 outside), int32[n, T]."""
    edge = np.zeros((same.shape[0], 1), bool)
    starts = same & ~np.concatenate([edge, same[:, :-1]], axis=1)
    run = np.cumsum(starts.ravel(), dtype=np.int64)  # a run that goes on over the end of a row begins anew in the next: its start counts
    length = np.bincount(run, weights=same.ravel())
    return np.where(same, length[run].reshape(same.shape), 0).astype(np.int32)


def _stuck(values: FloatArray, slots: int) -> BoolArray:
    """Columns at which one value stands for longer than this series ever rests, bool[n, T]."""
    n, columns = values.shape
    if columns < JUDGED_DAYS * slots:
        return np.zeros(values.shape, bool)
    same = np.zeros(values.shape, bool)
    same[:, 1:] = values[:, 1:] == values[:, :-1]
    length = _runs(same)
    length = np.where(length > 0, length + 1, 0)  # with the value it began with
    weeks = columns // (7 * slots)
    day = length[:, columns - weeks * 7 * slots :].reshape(n, weeks, 7, slots).max(axis=3)
    usual = np.median(day, axis=1).max(axis=1)[:, None]  # of the weekday with the longest: a works that rests on Sundays
    per_hour = slots / 24
    low, high = _range(values)
    lowest = values <= low + LOW * (high - low)
    still = lowest & same & (length < RESTING_H * per_hour)
    rests = still.sum(axis=1, keepdims=True) > OFTEN * lowest.sum(axis=1, keepdims=True)
    least = np.where(lowest, np.where(rests, RESTING_H, LOW_H), STUCK_H) * per_hour
    stuck: BoolArray = length >= np.maximum(least, LONGER * usual)
    stuck[:, :-1] |= stuck[:, 1:] & same[:, 1:]  # the value it began with
    return stuck & (high > low)


def _range(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values 1 % lie below and above, float32[n, 1] each, of some thousand columns at every time of day; 0 where there are none."""
    few = values[:, :: values.shape[1] // RANGE_COLUMNS | 1]
    ordered = np.sort(few, axis=1)  # not-a-number sorts last
    count = np.isfinite(few).sum(axis=1)
    rows = np.arange(len(values))
    low, high = (ordered[rows, (share * np.maximum(count - 1, 0)).astype(np.int64)] for share in (0.01, 0.99))
    return np.nan_to_num(low)[:, None], np.nan_to_num(high)[:, None]


def _spikes(values: FloatArray, slots: int) -> BoolArray:
    """Columns far above or below the same time of the days and weeks beside them, for a short while; bool[n, T]."""
    if values.shape[1] < JUDGED_DAYS * slots:
        return np.zeros(values.shape, bool)
    beside = [_shifted(values, days * slots) for days in (-7, -1, 1, 7)]
    above = values - np.fmax.reduce(beside)
    below = np.fmin.reduce(beside) - values
    beyond = np.fmax(np.fmax(above, below), 0)
    beyond[~np.isfinite(beyond)] = 0
    low, high = _range(values)
    ranked = int(0.995 * (values.shape[1] - 1))
    usual = np.partition(beyond, ranked, axis=1)[:, ranked : ranked + 1]
    out: BoolArray = beyond > np.maximum(FAR * usual, OF_RANGE * (high - low))
    if out.any():
        rows = np.flatnonzero(out.any(axis=1))
        out[rows] &= _runs(out[rows]) <= SPIKE_H * slots / 24
    return out


def _shifted(values: FloatArray, by: int) -> FloatArray:
    moved = np.full_like(values, np.nan)
    if by > 0:
        moved[:, :-by] = values[:, by:]
    else:
        moved[:, -by:] = values[:, :by]
    return moved


def _told_stuck(stuck: BoolArray, grid: LocalGrid) -> list[tuple[int, str]]:
    told = []
    for row in np.flatnonzero(stuck.any(axis=1)):
        at = np.flatnonzero(stuck[row])
        spans = 1 + int((np.diff(at) > 1).sum())
        still = ", and it still is" if at[-1] == stuck.shape[1] - 1 else ""
        hours = f"{at.size * 24 / grid.slots:.0f} h"
        first = day_of(grid, int(at[np.flatnonzero(np.diff(at) > 1)[-1] + 1] if spans > 1 else at[0]))
        told.append((int(row), f"Stuck on one value for {hours} in {spans} spans, the last from {first}{still}: left out."))
    return told


def _told_spikes(out: BoolArray) -> list[tuple[int, str]]:
    count = out.sum(axis=1)
    return [(int(row), f"{count[row]} values far out of the usual were left out.") for row in np.flatnonzero(count)]


def _told_gaps(values: FloatArray, grid: LocalGrid) -> list[tuple[int, str]]:
    """Gaps of a day and more within the last four weeks, after the first value of the series."""
    first = max(0, values.shape[1] - 28 * grid.slots)
    missing = ~np.isfinite(values[:, first:])
    rows = np.flatnonzero(missing.sum(axis=1) >= GAP_H * grid.slots / 24)
    told = []
    for row, length in zip(rows, _runs(missing[rows]), strict=True):
        length[: int(np.argmax(np.isfinite(values[row, first:]))) if not np.isfinite(values[row, :first]).any() else 0] = 0
        if length.max(initial=0) >= GAP_H * grid.slots / 24:
            at = day_of(grid, first + int(np.argmax(length)))
            told.append((int(row), f"The longest gap of the last 28 days is {length.max() * 24 / grid.slots:.0f} h from {at}."))
    return told


def day_of(grid: LocalGrid, column: int) -> str:
    """The civil day of a column, as people write it."""
    return str(grid.first_day + timedelta(days=int(grid.day[column])))
