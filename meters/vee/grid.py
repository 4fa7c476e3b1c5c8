"""Readings row by row onto the grid of their step."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.frames import Block
from city.quality import Cause
from city.quantities import Quantity


def on_grid(
    readings: pd.DataFrame, ids: Sequence[str], quantity: Quantity, start: datetime, end: datetime, step: timedelta
) -> tuple[Block, NDArray[np.float64]]:
    """Readings of the points `ids`, all of one quantity, as int64[n, t] over [start, end), and how late each was received [s].

    Readings off the grid are left out; a time without a reading is a gap. Where a point is read twice at one time, the last row counts.
    """
    shape = (len(ids), int((end - start) / step))
    values, quality = np.zeros(shape, np.int64), np.full(shape, q.missing(Cause.GAP), np.uint16)
    off_s = np.full(shape, np.nan)
    if len(readings):
        row_of = {name: i for i, name in enumerate(ids)}
        codes, names = pd.factorize(readings["point_id"])
        row = np.array([row_of[name] for name in names])[codes]
        time = readings["time_utc"].to_numpy(dtype="datetime64[us]")
        since = (time - np.datetime64(start.replace(tzinfo=None), "us")).astype(np.int64)
        column, rest = np.divmod(since, step // timedelta(microseconds=1))
        here = (rest == 0) & (column >= 0) & (column < shape[1])
        at = row[here], column[here]
        value, given = readings["value"].to_numpy(dtype=float)[here], readings["quality"].to_numpy(dtype=np.uint16)[here]
        held = np.abs(value) * quantity.scale < 2**62  # no number, or none that the store's integers hold, is no register of zero
        values[at] = quantity.to_int(np.where(held, value, 0.0))
        quality[at] = np.where(held, given, q.missing_of(given))
        off_s[at] = ((readings["received_at_utc"].to_numpy(dtype="datetime64[us]") - time).astype(np.int64) / 1e6)[here]
    return Block(tuple(ids), start, step, quantity, values, quality), off_s
