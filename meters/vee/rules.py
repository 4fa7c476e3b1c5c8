"""The rules of validation, one small function each: arrays in, one bool per interval out, nothing changed.

`values` are float64[n, t] in the unit of the quantity, `usable` bool[n, t] says which of them may be judged; limits are
float64[n, 1], NaN where there is none (a comparison with NaN is false, so such a rule finds nothing).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WHOLE = 0.9  # of a day's intervals must have a value before its total is judged
NIGHT_S = (3600, 5 * 3600)  # local time of the night minimum: what runs then runs always [s]


class Civil(Protocol):
    """A grid's columns seen from the wall clock, as `forecasting.calendars.LocalGrid` does."""

    @property
    def slots(self) -> int: ...
    @property
    def day(self) -> NDArray[np.int32]: ...
    @property
    def slot(self) -> NDArray[np.int32]: ...
    @property
    def column(self) -> NDArray[np.int32]: ...
    @property
    def day_type(self) -> NDArray[np.int8]: ...


def outside(values: Floats, minimum: Floats, maximum: Floats) -> Bools:
    """Below the least or above the largest believable value."""
    return (values < minimum) | (values > maximum)


def above_peaks(values: Floats, usable: Bools, peaks: Floats, ratio: Floats) -> Bools:
    """Spike of usage: more than (1 + ratio) times the third highest peak of the block and the weeks before it.

    `peaks` float64[n, 3] are the three highest values of those weeks. Two spikes among so many intervals are found; a third
    like them is a habit, and no spike any more. Source: California DASMMD, interval VEE rules, spike check (ratio 1.8).
    """
    seen = np.concatenate([peaks, highest(values, usable)], axis=1)
    third = -np.partition(-np.nan_to_num(seen, nan=-np.inf), 2, axis=1)[:, 2:3]
    third = np.where(np.isfinite(peaks).all(axis=1, keepdims=True) & (third > 0), third, np.inf)
    return usable & (values > (1 + ratio) * third)


def highest(values: Floats, usable: Bools, count: int = 3) -> Floats:
    """The `count` highest values of each row, float64[n, count]; NaN where there are fewer."""
    known = np.where(usable, values, -np.inf)
    if known.shape[1] < count:
        known = np.pad(known, ((0, 0), (0, count - known.shape[1])), constant_values=-np.inf)
    top = np.partition(known, known.shape[1] - count, axis=1)[:, -count:]
    return np.where(np.isfinite(top), top, np.nan)


def alone(values: Floats, usable: Bools) -> Floats:
    """How far a value stands off both its usable neighbours, to the same side [unit]; 0 where it does not, or has but one."""
    from_last = values - neighbour(values, before(usable))
    from_next = values - neighbour(values, after(usable))
    off = np.where(from_last > 0, np.minimum(from_last, from_next), np.minimum(-from_last, -from_next))
    return np.where(usable, np.nan_to_num(np.maximum(off, 0.0)), 0.0)


def run_lengths(values: Floats, usable: Bools, tolerance: Floats) -> Ints:
    """Length of the run of equal usable values each value is part of; what is missing in between says nothing and ends no run."""
    last = neighbour(values, before(usable))
    starts = usable & ~(np.abs(values - last) <= tolerance)
    run = np.cumsum(starts, axis=1) + np.arange(len(values))[:, None] * (values.shape[1] + 1)
    length = np.bincount(run[usable], minlength=int(run.max(initial=0)) + 1)
    return np.where(usable, length[run], 0)


def misread(values: Floats, usable: Bools, least: Floats) -> Bools:
    """A register reading that its neighbours, in order between themselves, do not enclose by more than `least` [unit]: it is wrong."""
    last, following = neighbour(values, before(usable)), neighbour(values, after(usable))
    return usable & (last <= following) & (np.maximum(last - values, values - following) > least)


def fall(values: Floats, usable: Bools) -> Floats:
    """How far a register lies below the usable reading before it [unit]; NaN where there is none."""
    return np.where(usable, neighbour(values, before(usable)) - values, np.nan)


def day_starts(civil: Civil) -> NDArray[np.intp]:
    """First column of each civil day that has columns."""
    return np.flatnonzero(np.diff(civil.day, prepend=-1))


def day_totals(values: Floats, usable: Bools, civil: Civil) -> Floats:
    """Total of each civil day [unit], float64[n, days]; NaN where a tenth or more of the day has no value."""
    starts = day_starts(civil)
    counts = np.add.reduceat(usable, starts, axis=1, dtype=np.int64)
    total = np.add.reduceat(np.where(usable, values, 0.0), starts, axis=1)
    return np.where(counts >= WHOLE * civil.slots, total * (np.diff(starts, append=usable.shape[1]) / np.maximum(counts, 1)), np.nan)


def over_days(found: Bools, civil: Civil) -> Bools:
    """bool[n, days] spread over the columns of each day."""
    return np.repeat(found, np.diff(day_starts(civil), append=len(civil.day)), axis=1)


def is_night(civil: Civil) -> Bools:
    """bool[t]: columns between one and five o'clock local time."""
    second = civil.slot * (86400 // civil.slots)
    return (second >= NIGHT_S[0]) & (second < NIGHT_S[1])


def night_minima(values: Floats, usable: Bools, civil: Civil) -> Floats:
    """The least value of each civil day's night [unit], float64[n, days]; NaN where the night is not wholly known."""
    night = is_night(civil)
    known = np.where(usable | ~night, np.where(night, values, np.inf), -np.inf)
    least = np.minimum.reduceat(known, day_starts(civil), axis=1)
    return np.where(np.isfinite(least), least, np.nan)


def sums_differ(intervals: Floats, usable: Bools, register: Floats, known: Bools, civil: Civil, tolerance: Floats) -> Bools:
    """Days on which the sum of intervals and the register's difference are further apart than `tolerance` [unit].

    Days that either side does not know wholly are not judged. Source: California DASMMD, sum check.
    """
    starts = day_starts(civil)
    whole = np.logical_and.reduceat(usable & known, starts, axis=1)
    counted, shown = (np.add.reduceat(np.where(usable & known, side, 0.0), starts, axis=1) for side in (intervals, register))
    allowed = np.where(np.isnan(tolerance), 0.005 * np.abs(shown), tolerance)
    return over_days(whole & (np.abs(counted - shown) > allowed), civil)


def before(usable: Bools) -> NDArray[np.intp]:
    """Index of the last usable column before each column, -1 where there is none."""
    columns = np.where(usable, np.arange(usable.shape[1]), -1)
    last = np.maximum.accumulate(columns, axis=1)
    return np.concatenate([np.full((len(usable), 1), -1), last[:, :-1]], axis=1)


def after(usable: Bools) -> NDArray[np.intp]:
    """Index of the first usable column after each column, -1 where there is none."""
    mirrored = before(usable[:, ::-1])[:, ::-1]
    return np.where(mirrored < 0, -1, usable.shape[1] - 1 - mirrored)


def neighbour(values: Floats, index: NDArray[np.intp]) -> Floats:
    """The values at those columns, NaN where the index is -1."""
    taken: Floats = np.take_along_axis(values, np.maximum(index, 0), axis=1)
    return np.where(index < 0, np.nan, taken)
