"""Register readings to usage: exact differences in the store's integers, and nothing invented where a register is missing.

Rules per interval between two neighbouring grid times: both registers usable -> their difference; the register went down by what
is left of its modulus -> rollover, the difference plus the modulus; it went down otherwise -> reset, usage unknown; one of them
missing or not to be believed -> usage unknown, for the cause that register was given (a gap without one); the meter was exchanged in
between -> what the old one and the new one counted, by `meters.vee.periods`. Over a gap between
two good registers the total is exact even though its course is not: it is returned beside the Block, so that a ledger can post it
and the sum of usage equals the last register minus the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.frames import USAGE, Block, checked
from city.problems import fault
from city.quality import Cause, Flag
from city.quantities import Quantity
from meters.vee.periods import ROLLOVER_SHARE, Histories, in_force, multiplied_all, used

_UNKNOWN = np.iinfo(np.int64).min  # an amount that no register tells


class Differences(NamedTuple):
    """`block`: int64[n, t] usage per interval [1 / scale of the unit]. `gaps`: Usage rows, one per gap with an exact total."""

    block: Block
    gaps: pd.DataFrame


def from_registers(registers: Block, moduli: Mapping[str, int] | None = None, histories: Histories | None = None) -> Differences:
    """Usage from a Block of register readings at t + 1 times, int64 in the stored scale.

    Parameters
    ----------
    moduli : point id -> modulus in the store's integers (`Register.stored_modulus`); a point without one never rolls over
    histories : point id -> its periods, for points with multipliers or exchanges; their moduli stand there

    Raises
    ------
    PenstockError : not a register, or not in the store's integers
    """
    usage = registers.quantity.usage
    if usage is None or registers.values.dtype.kind != "i":
        raise fault("usage", f"{registers.quantity} as {registers.values.dtype}", "a register as int64", "Give counter readings.")
    scaling = _Scaling.of(registers, moduli or {}, histories or {})
    usable = registers.usable()
    amount, cause = scaling.advance(slice(None), registers.values[:, :-1], registers.values[:, 1:])
    both = usable[:, :-1] & usable[:, 1:]
    amount, cause = np.where(both, amount, 0), np.where(both, cause, 0).astype(np.uint16)
    times = registers.times.to_pydatetime()
    for i in scaling.changing:
        for j in np.flatnonzero(both[i]):
            amount[i, j], cause[i, j] = scaling.exact(registers, times, i, int(j), int(j) + 1)
    unknown = amount == _UNKNOWN
    absent = _why_absent(registers.quality, usable)
    quality = np.where(both, np.where(unknown, 0, _worth(registers.quality)) | cause << 8, absent << 8).astype(np.uint16)
    block = Block(registers.ids, registers.start_utc, registers.step, usage, np.where(unknown, 0, amount), quality)
    return Differences(block, _gap_totals(registers, usage, usable, scaling))


def _worth(quality: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Flags of the intervals between neighbours: valid where both were measured, else what was done to either of them."""
    first, last = quality[:, :-1], quality[:, 1:]
    either = (first | last) & np.uint16(0xFF & ~q.VALID)
    return np.where(q.measured(first) & q.measured(last), np.uint16(q.VALID), either)


@dataclass(frozen=True)
class _Scaling:
    """What a block's registers are multiplied by and where they start again: one number per row, [n, 1].

    `changing` are the rows whose device or transformers changed within the block; they are worked out reading by reading.
    """

    modulus: NDArray[np.int64]
    over: NDArray[np.int64]
    under: NDArray[np.int64]
    changing: tuple[int, ...]
    histories: Histories

    @classmethod
    def of(cls, registers: Block, moduli: Mapping[str, int], histories: Histories) -> "_Scaling":
        begin, end = registers.start_utc, registers.end_utc - registers.step
        known = [histories.get(point) for point in registers.ids]
        now = [periods[in_force(periods, begin)] if periods else None for periods in known]
        modulus = [period.modulus if period else moduli.get(point, 0) for period, point in zip(now, registers.ids, strict=True)]
        ratio = [period.multiplier if period else Fraction(1) for period in now]
        over, under = ([one.numerator for one in ratio], [one.denominator for one in ratio])
        changing = [i for i, periods in enumerate(known) if periods and in_force(periods, end) > in_force(periods, begin)]
        return cls(_column(modulus), _column(over), _column(under), tuple(changing), histories)

    def advance(
        self, rows: slice | NDArray[np.intp], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """How much flowed while registers went from `first` to `last` (both [len(rows), t]), `_UNKNOWN` after a reset, and the cause."""
        modulus, over, under = self.modulus[rows], self.over[rows], self.under[rows]
        plain = last - first
        wrapped = plain + modulus
        rolled = (plain < 0) & (wrapped >= 0) & (wrapped <= modulus // ROLLOVER_SHARE)
        cause = np.where(rolled, Cause.ROLLOVER, np.where(plain < 0, Cause.RESET, Cause.NONE)).astype(np.uint16)
        if (over == under).all():
            amount = np.where(rolled, wrapped, plain)
        else:
            amount = multiplied_all(np.where(rolled, last + modulus, last), over, under) - multiplied_all(first, over, under)
        return np.where(cause == Cause.RESET, _UNKNOWN, amount), cause

    def exact(self, registers: Block, times: NDArray[np.object_], row: int, first: int, last: int) -> tuple[int, int]:
        """`advance` between two columns of one changing row."""
        value = registers.values[row]
        amount, cause = used(self.histories[registers.ids[row]], times[first], int(value[first]), times[last], int(value[last]))
        return (_UNKNOWN if amount is None else amount), int(cause)


def _column(numbers: list[int]) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)[:, None]


def _why_absent(quality: NDArray[np.uint16], usable: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Cause of each interval without two usable registers: that of the register at its end, else at its start, else a gap."""
    cause = np.where(usable, 0, quality >> 8).astype(np.uint16)
    found = np.where(cause[:, 1:] > 0, cause[:, 1:], cause[:, :-1])
    return np.where(found > 0, found, np.uint16(Cause.GAP))


def _gap_totals(registers: Block, usage: Quantity, usable: NDArray[np.bool_], scaling: _Scaling) -> pd.DataFrame:
    """One Usage row per pair of measured registers with none between them, unless a reset hides the total; neighbours need none."""
    columns = np.where(usable, np.arange(registers.values.shape[1]), -1)
    before = np.concatenate([np.full((len(usable), 1), -1), np.maximum.accumulate(columns, axis=1)[:, :-1]], axis=1)
    row, last = np.nonzero(usable & (before >= 0) & (before < np.arange(usable.shape[1]) - 1))
    first = before[row, last]
    amount = scaling.advance(row, registers.values[row, first][:, None], registers.values[row, last][:, None])[0][:, 0]
    times = registers.times
    moments = times.to_pydatetime()
    for k in np.flatnonzero(np.isin(row, scaling.changing)):
        amount[k], _ = scaling.exact(registers, moments, int(row[k]), int(first[k]), int(last[k]))
    measured = q.measured(registers.quality)
    exact = (amount != _UNKNOWN) & measured[row, first] & measured[row, last]
    row, first, last, amount = row[exact], first[exact], last[exact], amount[exact]
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
