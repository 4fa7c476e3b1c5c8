"""From stored vectors to what the ledger counts: runs of measured, estimated and missing usage within each civil day."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.frames import USAGE, Block, checked
from city.quality import Cause, Flag

_EXACT = int(Flag.VALID | Flag.DERIVED)
_ESTIMATE = int(Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR)


def runs(
    block: Block, days: Sequence[tuple[datetime, datetime]], versions: Mapping[tuple[str, datetime], int] | None = None
) -> pd.DataFrame:
    """USAGE rows of the `days` of an int64 Block, which follow each other, one per run of one kind within a day.

    A gap whose estimates sum to what its register counted (DERIVED) is measured over its run: only its course within was
    estimated. Where midnight cuts such a gap, each day's share of it is an estimate; to see one that began before the first of the
    days, the block begins a day earlier. `versions`: of days that have more than one.
    """
    seconds = int(block.step.total_seconds())
    starts = np.array([int((start - block.start_utc).total_seconds()) // seconds for start, _ in days])
    kind = _kinds(block.quality, starts)[:, starts[0] :]
    block = block.window(days[0][0], days[-1][1])
    kind, starts = kind[:, : block.steps], starts - starts[0]
    n, t = block.values.shape
    breaks = np.zeros((n, t), dtype=bool)
    breaks[:, 1:] = kind[:, 1:] != kind[:, :-1]
    breaks[:, starts] = True
    first = np.flatnonzero(breaks)
    last = np.append(first[1:], n * t)
    row, column = first // t, first % t
    day = np.searchsorted(starts, column, side="right") - 1
    amounts = np.where(block.usable(), block.values, 0)
    at = pd.Timestamp(block.start_utc)
    known = versions or {}
    made = pd.DataFrame(
        {
            "point_id": np.asarray(block.ids, dtype=object)[row],
            "period_start_utc": at + pd.to_timedelta(column * seconds, unit="s"),
            "period_end_utc": at + pd.to_timedelta((column + last - first) * seconds, unit="s"),
            "quantity": str(block.quantity),
            "amount": np.add.reduceat(amounts.ravel(), first),
            "quality": kind.ravel()[first],
            "version": [known.get((block.ids[i], days[d][0]), 1) for i, d in zip(row, day, strict=True)] if known else 1,
        }
    )
    return checked(USAGE, made, "usage")


def _kinds(quality: NDArray[np.uint16], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The flags each interval is posted under, int64[n, t]: causes do not part a run, and what is missing is a gap."""
    flags = (quality & 0xFF).astype(np.int64)
    estimate = (flags & _ESTIMATE) != 0
    exact = estimate & ((flags & int(Flag.DERIVED)) != 0)
    cut = _cut_by_midnight(exact, starts)
    kind = np.where(exact & ~cut, _EXACT, np.where(estimate, int(Flag.ESTIMATED_LIKE_DAY), flags))
    return np.where(q.usable(quality), kind, q.missing(Cause.GAP))


def _cut_by_midnight(exact: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Those of the exact intervals whose run reaches over the start of a day."""
    midnight = np.zeros(exact.shape[1], dtype=bool)
    midnight[starts] = True
    begins = exact.copy()
    begins[:, 1:] &= ~exact[:, :-1]
    number = np.cumsum(begins.ravel()).reshape(exact.shape)
    cut = np.zeros(int(number.max(initial=0)) + 1, dtype=bool)
    cut[number[:, 1:][exact[:, 1:] & exact[:, :-1] & midnight[1:]]] = True
    return exact & cut[number]
