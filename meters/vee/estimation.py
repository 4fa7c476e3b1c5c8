"""Estimation: usage that is missing or not believed, from its neighbours or from days alike; the register's total is kept exactly.

Up to two hours between two measured intervals a straight line; otherwise the mean of up to four earlier days of the same kind at
the same time of day. Over a gap whose register is known at both ends either is only the shape: the estimates are scaled to the
register's difference, to the last Wh or mL. Nothing outside a gap changes, no estimate is negative, and a gap for which there is
neither neighbour, like day nor register stays missing.

An outage here is a gap in which the device or its gateway was off the network (NO_CONNECTION, GATEWAY): it may have had no power,
and then the intervals around say nothing about those within. No straight line is drawn across one.

References: California DASMMD (1999), attachment VEE, interval data estimation (line up to two hours unless power failed, else
average of like days); IEEE 2030.5-2018 QualityFlags.
"""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.frames import Block
from city.quality import Cause, Flag
from meters.vee.rules import Bools, Civil, Floats, Ints

LONGEST_LINE = timedelta(hours=2)
LIKE_DAYS = 4  # at most so many days are averaged
OUTAGE = (Cause.NO_CONNECTION, Cause.GATEWAY)


class _Runs(NamedTuple):
    """Missing intervals in row order, cut into runs. `row`, `column`, `run` int[m] per interval; the others int[r] per run."""

    row: Ints
    column: Ints
    run: Ints
    first: Ints  # place of a run's first interval among the m
    length: Ints
    total: Ints  # of the register over the run, -1 where it is not known


def estimate(block: Block, history: Block, civil: Civil, gaps: pd.DataFrame | None = None) -> Block:
    """`block` with estimates where its usage is not usable.

    Parameters
    ----------
    block : validated usage, int64[n, t] [1 / scale of the unit]
    history : the days before it, same ids; only what was measured serves as a like day
    civil : the columns of history and block together, by the wall clock
    gaps : Usage rows whose register is known at both ends, as `meters.vee.usage.from_registers` returns them

    An estimate is flagged ESTIMATED_LINEAR or ESTIMATED_LIKE_DAY and keeps the cause of its gap; with DERIVED, where the sum
    over its gap is the register's. A total that has no shape to follow is spread evenly (ESTIMATED_LINEAR: the register's line).
    """
    runs = _runs(block, gaps)
    if not len(runs.row):
        return block
    lines, like = _lines(block, runs), _like_days(block, history, civil, runs)
    known = runs.total >= 0
    linear = np.isfinite(lines)
    weight = np.where(linear, lines, like)
    shaped = _sums(np.nan_to_num(weight), runs)
    # A run with a total but without any shape, or a shape of zeros, gets the same everywhere.
    even = known & ~(shaped > 0)
    counted = np.maximum(_sums(np.isfinite(weight), runs), 1)
    weight = np.where(even[runs.run], 1.0, np.where(known[runs.run] & np.isnan(weight), (shaped / counted)[runs.run], weight))
    amount = np.where(known[runs.run], _shares(weight, runs), np.rint(np.nan_to_num(weight)).astype(np.int64))
    found = np.isfinite(weight)
    flag = np.where(linear | (even[runs.run] & np.isnan(like)), int(Flag.ESTIMATED_LINEAR), int(Flag.ESTIMATED_LIKE_DAY))
    flag = flag | np.where(known[runs.run], int(Flag.DERIVED), 0)
    values, quality = block.values.copy(), block.quality.copy()
    at = runs.row[found], runs.column[found]
    values[at] = amount[found]
    quality[at] = (quality[at] & 0xFF00) | flag[found].astype(np.uint16)
    return replace(block, values=values, quality=quality)


def _runs(block: Block, gaps: pd.DataFrame | None) -> _Runs:
    """Runs of intervals without a usable value; a gap of the register is a run of its own, whatever lies beside it."""
    missing = ~block.usable()
    number = np.full(block.values.shape, -1, dtype=np.int64)
    totals = np.empty(0, dtype=np.int64)
    if gaps is not None and len(gaps):
        gaps = gaps[gaps["point_id"].isin(block.ids)]
        step_us = block.step // timedelta(microseconds=1)
        begin, end = (
            ((pd.DatetimeIndex(gaps[name]) - pd.Timestamp(block.start_utc)) // pd.Timedelta(microseconds=step_us)).to_numpy()
            for name in ("period_start_utc", "period_end_utc")
        )
        row_of = {name: i for i, name in enumerate(block.ids)}
        row = gaps["point_id"].map(row_of).to_numpy(dtype=np.int64)
        totals = gaps["amount"].to_numpy(dtype=np.int64)
        inside = (begin >= 0) & (end <= block.steps)
        for gap in np.flatnonzero(inside):
            if missing[row[gap], begin[gap] : end[gap]].all():  # an interval that is known after all leaves the total no gap to fill
                number[row[gap], begin[gap] : end[gap]] = gap
    row, column = np.nonzero(missing)
    here = number[row, column]
    starts = np.ones(len(row), dtype=bool)
    starts[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1] + 1) | (here[1:] != here[:-1])
    first = np.flatnonzero(starts)
    found = here[first]
    total = np.where(found >= 0, totals[found] if len(totals) else 0, -1).astype(np.int64)
    return _Runs(row, column, np.cumsum(starts) - 1, first, np.diff(first, append=len(row)), total)


def _lines(block: Block, runs: _Runs) -> Floats:
    """Straight lines between the measured neighbours of short runs that are no outage, float64[m]; NaN elsewhere."""
    measured = q.measured(block.quality)
    row, left = runs.row[runs.first], runs.column[runs.first] - 1
    right = left + runs.length + 1
    inside = (left >= 0) & (right < block.steps)
    both = inside & measured[row, np.maximum(left, 0)] & measured[row, np.minimum(right, block.steps - 1)]
    outage = np.isin(block.quality[runs.row, runs.column] >> 8, OUTAGE)
    drawn = both & (runs.length <= LONGEST_LINE // block.step) & ~(_sums(outage, runs) > 0)
    start, end = (block.values[row, np.clip(at, 0, block.steps - 1)].astype(np.float64)[runs.run] for at in (left, right))
    share = (runs.column - left[runs.run]) / (runs.length + 1)[runs.run]
    return np.where(drawn[runs.run], start + (end - start) * share, np.nan)


def _like_days(block: Block, history: Block, civil: Civil, runs: _Runs) -> Floats:
    """Mean of the same time of day on the last days of the same kind, measured ones only, float64[m]; NaN without any."""
    h = history.steps
    days = np.arange(len(civil.day_type))
    like = np.full((len(days), LIKE_DAYS), -1)
    for day in np.unique(civil.day[h + runs.column]):
        alike = days[:day][civil.day_type[:day] == civil.day_type[day]][-LIKE_DAYS:]
        like[day, : len(alike)] = alike
    at = h + runs.column
    columns = civil.column[like[civil.day[at]], civil.slot[at][:, None]]  # int[m, LIKE_DAYS]
    exists = (like[civil.day[at]] >= 0) & (columns >= 0)
    columns = np.where(exists, columns, 0)
    row = runs.row[:, None]
    past = columns < h
    old, new = np.where(past, columns, 0), np.where(past, 0, columns - h)
    measured = np.where(past, q.measured(history.quality[row, old]) if h else False, q.measured(block.quality[row, new])) & exists
    values = np.where(past, history.values[row, old] if h else 0, block.values[row, new])
    count = measured.sum(axis=1)
    mean = np.where(measured, values, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, np.maximum(mean, 0.0), np.nan)


def _sums(numbers: NDArray[np.float64] | Bools, runs: _Runs) -> Floats:
    """Sum over each run, float64[r]."""
    return np.bincount(runs.run, weights=numbers, minlength=len(runs.first)).astype(np.float64)


def _shares(weight: Floats, runs: _Runs) -> Ints:
    """Each run's total shared by weight in whole numbers that sum to it exactly: by largest remainder."""
    weight = np.nan_to_num(weight)
    total = np.maximum(runs.total, 0)
    exact = weight * (total / np.maximum(_sums(weight, runs), 1e-300))[runs.run]
    whole = np.floor(exact).astype(np.int64)
    rest = total - np.bincount(runs.run, weights=whole, minlength=len(total)).astype(np.int64)
    order = np.lexsort((whole - exact, runs.run))  # within a run: largest remainder first
    place = np.arange(len(order)) - runs.first[runs.run]
    whole[order] += (place < rest[runs.run]).astype(np.int64)
    whole[order] -= (place >= (runs.length + np.minimum(rest, 0))[runs.run]).astype(np.int64)  # a product rounded up over its integer
    return whole
