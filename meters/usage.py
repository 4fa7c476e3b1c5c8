"""Register readings to usage: exact differences in the store's integers, and nothing invented where a register is missing.

Rules per interval between two neighbouring grid times: both registers usable -> their difference; the register went down by what
is left of its modulus -> rollover, the difference plus the modulus; it went down otherwise -> reset, usage unknown; one of them
missing or not to be believed -> usage unknown, for the cause that register was given (a gap without one). Over a gap between
two good registers the total is exact even though its course is not: it is returned beside the Block, so that a ledger can post it
and the sum of usage equals the last register minus the first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.clock import as_utc, ceil, floor
from city.frames import USAGE, Block, checked
from city.problems import fault
from city.quality import Cause, Flag
from city.quantities import Quantity

_ROLLOVER_SHARE = 10  # of its modulus a register may advance in one interval (or gap) and still be believed to have rolled over


class Differences(NamedTuple):
    """`block`: int64[n, t] usage per interval [1 / scale of the unit]. `gaps`: Usage rows, one per gap with an exact total."""

    block: Block
    gaps: pd.DataFrame


def differences(
    readings: pd.DataFrame,
    step: timedelta,
    moduli: Mapping[str, int] | None = None,
    start_utc: datetime | None = None,
    end_utc: datetime | None = None,
) -> Differences:
    """Usage from Readings of one register quantity.

    Parameters
    ----------
    readings : columns point_id, time_utc, quantity, value, quality; readings between grid times are not needed and ignored
    step : length of an interval
    moduli : point id -> modulus in the store's integers (`Register.stored_modulus`); a point without one never rolls over
    start_utc, end_utc : the grid's ends; by default the first and last grid time that the readings span

    Raises
    ------
    PenstockError : several quantities, not a register, a point read twice at one time, ends off the grid
    """
    quantity = _register_quantity(readings)
    times = pd.DatetimeIndex(readings["time_utc"])
    start = as_utc(start_utc) if start_utc else ceil(times.min().to_pydatetime(), step)
    end = as_utc(end_utc) if end_utc else floor(times.max().to_pydatetime(), step)
    if (end - start) % step or end <= start or floor(start, step) != start:
        raise fault("usage", f"{start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}", f"at least one step of {step} on the grid", "Widen it.")
    ids, stored, quality = _on_grid(readings, quantity, start, step, (end - start) // step + 1)
    return from_registers(Block(ids, start, step, quantity, stored, quality), moduli)


def from_registers(registers: Block, moduli: Mapping[str, int] | None = None) -> Differences:
    """Usage from a Block of register readings at t + 1 times, int64 in the stored scale; see `differences`."""
    usage = registers.quantity.usage
    if usage is None or registers.values.dtype.kind != "i":
        raise fault("usage", f"{registers.quantity} as {registers.values.dtype}", "a register as int64", "Give counter readings.")
    modulus = np.array([(moduli or {}).get(point, 0) for point in registers.ids], dtype=np.int64)[:, None]
    usable = registers.usable()
    amount, cause = _advance(registers.values[:, :-1], registers.values[:, 1:], modulus)
    both = usable[:, :-1] & usable[:, 1:]
    known = both & (cause != Cause.RESET)
    absent = _why_absent(registers.quality, usable)
    quality = np.where(both, np.where(cause == Cause.RESET, 0, q.VALID) | cause << 8, absent << 8).astype(np.uint16)
    block = Block(registers.ids, registers.start_utc, registers.step, usage, np.where(known, amount, 0), quality)
    return Differences(block, _gap_totals(registers, usage, usable, modulus))


def _why_absent(quality: NDArray[np.uint16], usable: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Cause of each interval without two usable registers: that of the register at its end, else at its start, else a gap."""
    cause = np.where(usable, 0, quality >> 8).astype(np.uint16)
    found = np.where(cause[:, 1:] > 0, cause[:, 1:], cause[:, :-1])
    return np.where(found > 0, found, np.uint16(Cause.GAP))


def _register_quantity(readings: pd.DataFrame) -> Quantity:
    found = sorted(set(readings["quantity"]))
    if len(found) != 1 or not Quantity(found[0]).is_register:
        raise fault("usage", f"quantities {', '.join(found) or 'none'}", "readings of one register quantity", "Select them first.")
    return Quantity(found[0])


def _on_grid(
    readings: pd.DataFrame, quantity: Quantity, start: datetime, step: timedelta, columns: int
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.uint16]]:
    """Register readings as [n, t + 1]: those exactly on the grid; a time without a reading is a gap."""
    names, row = np.unique(readings["point_id"].to_numpy(dtype=object), return_inverse=True)
    step_us = step // timedelta(microseconds=1)
    since_us = (pd.DatetimeIndex(readings["time_utc"]) - pd.Timestamp(start)) // pd.Timedelta(microseconds=1)
    since = np.asarray(since_us, dtype=np.int64)
    column, off = since // step_us, since % step_us
    here = (off == 0) & (column >= 0) & (column < columns)
    row, column = row[here], column[here]
    place = row * columns + column
    if len(np.unique(place)) < len(place):
        values, number = np.unique(place, return_counts=True)
        twice = names[values[number > 1] // columns]
        raise fault("usage", f"{twice[0]} is read twice at one time", "one reading per point and time", "Keep the latest version only.")
    stored = np.zeros((len(names), columns), dtype=np.int64)
    quality = np.full((len(names), columns), q.missing(Cause.GAP), dtype=np.uint16)
    stored[row, column] = quantity.to_int(readings["value"].to_numpy(dtype=float)[here])
    quality[row, column] = readings["quality"].to_numpy(dtype=np.uint16)[here]
    return tuple(map(str, names)), stored, quality


def _advance(first: NDArray[np.int64], last: NDArray[np.int64], modulus: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """How far a register went from `first` to `last`, and the cause when it is not simply the difference."""
    plain = last - first
    wrapped = plain + modulus
    rolled = (plain < 0) & (wrapped >= 0) & (wrapped <= modulus // _ROLLOVER_SHARE)
    cause = np.where(rolled, Cause.ROLLOVER, np.where(plain < 0, Cause.RESET, Cause.NONE)).astype(np.uint16)
    return np.where(rolled, wrapped, plain), cause


def _gap_totals(registers: Block, usage: Quantity, usable: NDArray[np.bool_], modulus: NDArray[np.int64]) -> pd.DataFrame:
    """One Usage row per pair of usable registers that are not neighbours, unless a reset between them hides the total."""
    columns = np.where(usable, np.arange(registers.values.shape[1]), -1)
    before = np.concatenate([np.full((len(usable), 1), -1), np.maximum.accumulate(columns, axis=1)[:, :-1]], axis=1)
    row, last = np.nonzero(usable & (before >= 0) & (before < np.arange(usable.shape[1]) - 1))
    first = before[row, last]
    amount, cause = _advance(registers.values[row, first], registers.values[row, last], modulus[row, 0])
    exact = cause != Cause.RESET
    row, first, last, amount = row[exact], first[exact], last[exact], amount[exact]
    times = registers.times
    frame = pd.DataFrame(
        {
            "point_id": pd.array([registers.ids[i] for i in row], dtype="str"),
            "period_start_utc": times[first],
            "period_end_utc": times[last],
            "quantity": pd.array([str(usage)] * len(row), dtype="str"),
            "amount": amount,
            "quality": q.code(Flag.VALID | Flag.DERIVED, Cause.GAP),
            "version": 1,
        }
    )
    return checked(USAGE, frame, "totals of gaps")
