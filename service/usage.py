"""From stored vectors to what the ledger counts: runs of measured, estimated and missing usage within each civil day."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.frames import USAGE, Block, checked
from city.quality import Cause, Flag, code, missing

MISSING, MEASURED, ESTIMATED = 0, 1, 2
_QUALITY = np.array([missing(Cause.GAP), code(Flag.VALID), code(Flag.ESTIMATED_LIKE_DAY)])


def with_like_day(block: Block, days: int = 7) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Amounts int64[n, t] and class int8[n, t]: a missing interval takes the one `days` earlier when that was measured.

    The first `days` of the block have nothing before them and stay as they are. The stored values are not touched: an
    estimate exists in the ledger only, under its own quality.
    """
    measured = block.usable()
    amounts = np.where(measured, block.values, 0).astype(np.int64)
    kind = measured.astype(np.int8)
    shift = int(timedelta(days=days) / block.step)
    if shift < block.steps:
        late = np.zeros_like(measured)
        late[:, shift:] = ~measured[:, shift:] & measured[:, :-shift]
        amounts[:, shift:] += np.where(late[:, shift:], amounts[:, :-shift], 0)
        kind[late] = ESTIMATED
    return amounts, kind


def runs(block: Block, days: Sequence[tuple[datetime, datetime]], totals: dict[tuple[str, datetime], int] | None = None) -> pd.DataFrame:
    """USAGE rows of an int64 Block for some of its civil days, one per run of one class.

    A day with missing intervals whose register was good at both ends has an exact total all the same (`totals`, by point and
    day start): it becomes one measured row over the day, derived from the register.
    """
    amounts, kind = with_like_day(block)
    n, t = kind.shape
    seconds = int(block.step.total_seconds())
    offset = np.array([int((start - block.start_utc).total_seconds()) // seconds for start, _ in days])
    day_of = np.searchsorted(offset, np.arange(t), side="right") - 1
    starts_day = np.zeros(t, dtype=bool)
    starts_day[offset] = True
    breaks = np.zeros((n, t), dtype=bool)
    breaks[:, 1:] = kind[:, 1:] != kind[:, :-1]
    breaks |= starts_day
    breaks[:, 0] = True
    first = np.flatnonzero(breaks)
    last = np.append(first[1:], n * t)
    row, column = first // t, first % t
    frame = pd.DataFrame(
        {
            "point_id": np.asarray(block.ids, dtype=object)[row],
            "column": column,
            "end": column + (last - first),
            "amount": np.add.reduceat(amounts.ravel(), first),
            "kind": kind.ravel()[first],
            "day": day_of[column],
        }
    )
    frame = frame[frame["day"] >= 0]
    end_of = np.array([int((end - block.start_utc).total_seconds()) // seconds for _, end in days])
    frame = frame[frame["end"] <= end_of[frame["day"].to_numpy()]]
    quality = _QUALITY[frame["kind"].to_numpy()]
    frame, quality = _settled(frame, quality, days, offset, end_of, totals or {})
    at = pd.Timestamp(block.start_utc)
    made = pd.DataFrame(
        {
            "point_id": frame["point_id"],
            "period_start_utc": at + pd.to_timedelta(frame["column"] * seconds, unit="s"),
            "period_end_utc": at + pd.to_timedelta(frame["end"] * seconds, unit="s"),
            "quantity": str(block.quantity),
            "amount": frame["amount"],
            "quality": quality,
            "version": 1,
        }
    )
    return checked(USAGE, made, "usage")


def _settled(
    frame: pd.DataFrame,
    quality: NDArray[np.int64],
    days: Sequence[tuple[datetime, datetime]],
    offset: NDArray[np.int64],
    end_of: NDArray[np.int64],
    totals: dict[tuple[str, datetime], int],
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Replace the runs of a day that has an exact register total by one row."""
    keys = list(zip(frame["point_id"], (days[d][0] for d in frame["day"]), strict=True))
    incomplete = frame["kind"].to_numpy() != MEASURED
    settled = {key for key, gap in zip(keys, incomplete, strict=True) if gap and key in totals}
    if not settled:
        return frame, quality
    keep = np.array([key not in settled for key in keys])
    number = {start: i for i, (start, _) in enumerate(days)}
    rows = [
        {"point_id": p, "column": offset[number[s]], "end": end_of[number[s]], "amount": totals[p, s], "kind": MEASURED, "day": number[s]}
        for p, s in sorted(settled)
    ]
    whole = np.full(len(rows), code(Flag.VALID | Flag.DERIVED))
    return pd.concat([frame[keep], pd.DataFrame(rows)], ignore_index=True), np.concatenate([quality[keep], whole])
