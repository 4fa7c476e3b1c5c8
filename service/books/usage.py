"""From stored vectors to what the ledger counts: runs of measured, estimated, substituted and missing usage within each day or hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.frames import Block
from city.quality import Cause, Flag

_EXACT = int(Flag.VALID | Flag.DERIVED)
_ESTIMATE = int(Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR)
_SAID = int(Flag.VALID | Flag.EDITED)


def runs(
    block: Block,
    days: Sequence[tuple[datetime, datetime]],
    versions: Mapping[tuple[str, datetime], int] | None = None,
    *,
    hours: int | None = None,
) -> pd.DataFrame:
    """USAGE rows of the `days` of an int64 Block, which follow each other, one per run of one kind within a day.

    With `hours` no row is longer than that many hours, counted from midnight. A gap whose estimates sum to what its register counted
    (DERIVED) is measured over its run: only its course within was estimated. Where the end of a period cuts such a gap, each period's
    share of it is an estimate. One that touches midnight counts as cut: whether it goes on is the other day's knowledge, and the rows of
    a day must not depend on which days are posted with it. What a person edited keeps that flag. `versions`: of days that have more
    than one. Ids are categorical.
    """
    seconds = int(block.step.total_seconds())
    block = block.window(days[0][0], days[-1][1])
    starts = np.array([int((start - block.start_utc).total_seconds()) // seconds for start, _ in days])
    n, t = block.values.shape
    periods = _periods(starts, t, hours, seconds)
    kind = _kinds(block.quality, starts, periods)
    breaks = np.zeros((n, t), dtype=bool)
    breaks[:, 1:] = kind[:, 1:] != kind[:, :-1]
    breaks[:, periods] = True
    first = np.flatnonzero(breaks)
    last = np.append(first[1:], n * t)
    row, column = first // t, first % t
    day = np.searchsorted(starts, column, side="right") - 1
    at = np.datetime64(block.start_utc.replace(tzinfo=None), "us")
    begin = at + (column * seconds).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "point_id": pd.Categorical.from_codes(row, pd.Index(block.ids, dtype=str)),
            "period_start_utc": pd.DatetimeIndex(begin).tz_localize("UTC"),
            "period_end_utc": pd.DatetimeIndex(begin + ((last - first) * seconds).astype("timedelta64[s]")).tz_localize("UTC"),
            "quantity": pd.Categorical.from_codes(np.zeros(len(row), np.int8), pd.Index([str(block.quantity)], dtype=str)),
            "amount": np.add.reduceat(np.where(block.usable(), block.values, 0).ravel(), first),
            "quality": kind.ravel()[first],
            "version": _versions(block.ids, days, versions or {})[row, day],
        }
    )


def _periods(starts: NDArray[np.int64], end: int, hours: int | None, seconds: int) -> NDArray[np.int64]:
    """Columns at which a period begins: the days' starts, and every `hours` from each of them."""
    if hours is None:
        return starts
    ends = np.append(starts[1:], end)
    return np.concatenate([np.arange(start, stop, hours * 3600 // seconds) for start, stop in zip(starts, ends, strict=True)])


def _versions(
    ids: Sequence[str], days: Sequence[tuple[datetime, datetime]], known: Mapping[tuple[str, datetime], int]
) -> NDArray[np.int64]:
    found = np.ones((len(ids), len(days)), np.int64)
    if known:
        row_of, day_of = {name: i for i, name in enumerate(ids)}, {start: d for d, (start, _) in enumerate(days)}
        for (name, start), version in known.items():
            if name in row_of and start in day_of:
                found[row_of[name], day_of[start]] = version
    return found


def _kinds(quality: NDArray[np.uint16], days: NDArray[np.int64], periods: NDArray[np.int64]) -> NDArray[np.int64]:
    """The flags each interval is posted under, int64[n, t]: causes do not part a run, and what is missing is a gap."""
    flags = (quality & 0xFF).astype(np.int64)
    edited = (flags & int(Flag.EDITED)) != 0
    estimate = ((flags & _ESTIMATE) != 0) & ~edited
    exact = estimate & ((flags & int(Flag.DERIVED)) != 0)
    cut = _cut(exact, days, periods)
    kind = np.where(exact & ~cut, _EXACT, np.where(estimate, int(Flag.ESTIMATED_LIKE_DAY), np.where(edited, flags & _SAID, flags)))
    return np.where(q.usable(quality), kind, q.missing(Cause.GAP))


def _cut(exact: NDArray[np.bool_], days: NDArray[np.int64], periods: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Those of the exact intervals whose run reaches over the start of a period or touches that of a day. Both are columns."""
    border = np.zeros(exact.shape[1], dtype=bool)
    border[periods] = True
    begins = exact.copy()
    begins[:, 1:] &= ~exact[:, :-1]
    number = np.cumsum(begins.ravel()).reshape(exact.shape)
    cut = np.zeros(int(number.max(initial=0)) + 1, dtype=bool)
    cut[number[:, 1:][exact[:, 1:] & exact[:, :-1] & border[1:]]] = True
    midnight = np.concatenate([days, days - 1])  # the last column of all is -1
    cut[number[:, midnight][exact[:, midnight]]] = True
    return exact & cut[number]
