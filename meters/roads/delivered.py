"""Rows that a file delivered, whatever its format, as Blocks for history or as Readings for the spool.

Rows are a frame with the columns point_id, time_utc [datetime64[us, UTC]], quantity, value [unit of the quantity, NaN: none] and
quality (see `city.quality`), in the order of the file.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from city import quality as q
from city.frames import TIME, Block
from city.problems import fault
from city.quality import Cause
from city.quantities import Quantity

_MOST_CELLS = 1 << 28  # of one Block: two times a thousand years apart must not cost the memory of all that lies between
_US = timedelta(microseconds=1)
_FIRST, _LAST = pd.Timestamp("1970-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")


def single(rows: pd.DataFrame, subject: str) -> pd.DataFrame:
    """The rows without exact repeats, index-free.

    Raises `PenstockError` when a series has two different values at one time, or a time that no meter can mean.
    """
    strange = (rows["time_utc"] < _FIRST) | (rows["time_utc"] >= _LAST)
    if strange.any():
        observed = f"{int(strange.sum())} times like {rows['time_utc'][strange].iloc[0].year}"
        raise fault(f"{subject}, series {rows['point_id'][strange].iloc[0]}", observed, "1970 to 2199", "Check its dates.")
    rows = rows.drop_duplicates(["point_id", "quantity", "time_utc", "value", "quality"], ignore_index=True)
    twice = rows.duplicated(["point_id", "quantity", "time_utc"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise fault(
            f"{subject}, series {row['point_id']}",
            f"two values at {row['time_utc']:%Y-%m-%dT%H:%MZ}",
            "one value per time",
            "Remove one of them.",
        )
    return rows


def as_readings(rows: pd.DataFrame, received_at_utc: datetime) -> pd.DataFrame:
    """The rows as `city.frames.READINGS`: one reading per row, none for what the file does not have."""
    return pd.DataFrame(
        {
            "point_id": rows["point_id"].astype("str"),
            "time_utc": rows["time_utc"],
            "quantity": rows["quantity"].astype("str"),
            "value": rows["value"].astype(float),
            "quality": rows["quality"].astype("int64"),
            "received_at_utc": pd.Series(received_at_utc, index=rows.index, dtype=TIME),
        }
    )


def no_readings() -> pd.DataFrame:
    """Readings without a row."""
    columns = {"point_id": "str", "time_utc": TIME, "quantity": "str", "value": float, "quality": "int64", "received_at_utc": TIME}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})


def as_blocks(rows: pd.DataFrame, step: timedelta, subject: str) -> list[Block]:
    """The rows on a grid, one Block per quantity in the order of the file; a grid time without a row is missing (GAP).

    Period quantities and registers become int64 in the store's scale, instants float32 in the unit of the quantity.
    Raises `PenstockError` for times off the grid.
    """
    return [_block(group, Quantity(str(name)), step, subject) for name, group in rows.groupby("quantity", sort=False)]


def _block(group: pd.DataFrame, quantity: Quantity, step: timedelta, subject: str) -> Block:
    times = pd.DatetimeIndex(group["time_utc"])
    step_us = step // _US
    at_us = np.asarray(times.as_unit("us").asi8)
    off = at_us % step_us != 0
    if off.any():
        raise fault(
            f"{subject}, {quantity}", f"{int(off.sum())} times like {times[off][0]:%Y-%m-%dT%H:%M:%SZ}", f"a grid of {step}", "Set step_s."
        )
    slots = at_us // step_us
    first, columns = int(slots.min()), int(slots.max() - slots.min()) + 1
    row, names = pd.factorize(group["point_id"])
    if len(names) * columns > _MOST_CELLS:
        spans = f"{times.min():%Y-%m-%d} to {times.max():%Y-%m-%d} in steps of {step} for {len(names)} series"
        raise fault(f"{subject}, {quantity}", spans, f"at most {_MOST_CELLS:,} intervals in a file", "Check its dates, or split it.")
    cells = np.full((len(names), columns), np.nan)
    quality = np.full((len(names), columns), q.missing(Cause.GAP), dtype=np.uint16)
    cells[row, slots - first] = group["value"].to_numpy(dtype=float)
    quality[row, slots - first] = group["quality"].to_numpy(dtype=np.uint16)
    exact = quantity.is_period or quantity.is_register
    values = quantity.to_int(cells) if exact else cells.astype(np.float32)
    return Block(tuple(map(str, names)), datetime.fromtimestamp(first * step_us / 1e6, UTC), step, quantity, values, quality)
