"""One point over the years: which device counted it when, behind which transformers, and what it showed when it was exchanged.

Registers are kept as read at the meter, because that is what a person can go and look at; what they mean - times CT and PT, across
an exchange - is worked out here, by the period that was in force at the time of each reading.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from city.frames import Block
from city.quality import Cause

ROLLOVER_SHARE = 10  # of its modulus a register may advance in one interval (or gap) and still be believed to have rolled over
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Period:
    """From `since_utc` on, readings of a point times `multiplier` are what flowed; the first period also holds for what is older.

    `modulus`, `final` and `first` are registers as read, in the store's integers: where the counter starts again (0: never), the
    last register of the device before and the first of this one (None: nobody wrote it down).
    """

    since_utc: datetime
    multiplier: Fraction = Fraction(1)
    modulus: int = 0
    final: int | None = None
    first: int | None = None


Histories = Mapping[str, Sequence[Period]]  # point id -> its periods in order


def multiplied(stored: int, multiplier: Fraction) -> int:
    """A stored integer times CT and PT, to the nearest integer, halves up: the same however a sum is cut."""
    over, under = multiplier.numerator, multiplier.denominator
    return (2 * stored * over + under) // (2 * under)


def multiplied_all(stored: NDArray[np.int64], over: NDArray[np.int64], under: NDArray[np.int64]) -> NDArray[np.int64]:
    """`multiplied` for int64[n, t] with a multiplier over / under per row, int64[n, 1]; values too large for it become 0."""
    fits = np.abs(stored) < _LARGEST // (2 * np.maximum(over, under))
    return np.where(fits, (2 * np.where(fits, stored, 0) * over + under) // (2 * under), 0)


def in_force(periods: Sequence[Period], time_utc: datetime) -> int:
    """The number of the period that holds at a time."""
    return max(bisect_right(periods, time_utc, key=lambda period: period.since_utc) - 1, 0)


def advance(first: int, last: int, modulus: int) -> tuple[int | None, Cause]:
    """Where a register stands after it went from `first` to `last` (beyond its modulus when it rolled over), and why."""
    if last >= first:
        return last, Cause.NONE
    if 0 <= last + modulus - first <= modulus // ROLLOVER_SHARE:
        return last + modulus, Cause.ROLLOVER
    return None, Cause.RESET


def used(periods: Sequence[Period], start_utc: datetime, first: int, end_utc: datetime, last: int) -> tuple[int | None, Cause]:
    """What flowed between two readings [stored], and the cause when it is not simply their difference.

    Across exchanges it is the sum over the devices of (last register - first register) x multiplier; None with EXCHANGE when a
    register in between was not written down, None with RESET when one of the devices went backwards.
    """
    begin, end = in_force(periods, start_utc), in_force(periods, end_utc)
    total, cause, at = 0, Cause.EXCHANGE if end > begin else Cause.NONE, first
    for number in range(begin, end + 1):
        period = periods[number]
        until = last if number == end else periods[number + 1].final
        if until is None:
            return None, Cause.EXCHANGE
        reached, how = advance(at, until, period.modulus)
        if reached is None:
            return None, how
        total += multiplied(reached, period.multiplier) - multiplied(at, period.multiplier)
        cause = cause or how
        if number < end:
            start = periods[number + 1].first
            if start is None:
                return None, Cause.EXCHANGE
            at = start
    return total, cause


def as_primary(block: Block, histories: Histories) -> Block:
    """A block of instant readings (int64) with each value times the multiplier that was in force at its time."""
    rows = [i for i, point in enumerate(block.ids) if any(period.multiplier != 1 for period in histories.get(point, ()))]
    if not rows:
        return block
    values, times = block.values.copy(), [time.to_pydatetime() for time in block.times]
    for i in rows:
        periods = histories[block.ids[i]]
        for column, number in _spans(periods, times):
            ratio = periods[number].multiplier
            over, under = np.array(ratio.numerator), np.array(ratio.denominator)
            values[i, column] = multiplied_all(block.values[i, column], over, under)
    return replace(block, values=values)


def _spans(periods: Sequence[Period], times: Sequence[datetime]) -> list[tuple[slice, int]]:
    """Runs of columns and the period that holds in each."""
    cuts = [0, *(bisect_left(times, period.since_utc) for period in periods[1:]), len(times)]
    return [(slice(a, b), number) for number, (a, b) in enumerate(pairwise(cuts)) if b > a]
