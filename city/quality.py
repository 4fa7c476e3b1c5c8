"""The 16-bit quality of a reading: IEEE 2030.5 flags in the low byte, one cause in the high byte.

References: IEEE 2030.5-2018, type `QualityFlags` (bit 0 valid .. bit 6 projected). The cause byte is Penstock's own.
"""

from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray


class Flag(IntFlag):
    """IEEE 2030.5 quality flags; a reading that is neither valid nor one of the estimates has no usable value."""

    VALID = 1
    EDITED = 2
    ESTIMATED_LIKE_DAY = 4
    ESTIMATED_LINEAR = 8
    QUESTIONABLE = 16
    DERIVED = 32
    PROJECTED = 64


class Cause(IntEnum):
    """Why a reading is not simply valid: what acquisition met (1..31), what validation found (32..)."""

    NONE = 0
    TIMEOUT = 1
    NO_CONNECTION = 2
    REFUSED = 3  # a Modbus exception reply
    INVALID_REPLY = 4  # wrong transaction, unit, function, length
    NOT_IMPLEMENTED = 5  # the device's own sentinel for "no value"
    OUT_OF_MAP = 6  # decoded, but outside the range of its register map
    OVERRUN = 7  # the slot passed before its turn came
    UNIT_BACKOFF = 8  # not asked: the unit failed before and its pause is not over
    GAP = 32
    LIMIT = 33
    SPIKE = 34
    FLAT = 35
    ROLLOVER = 36
    RESET = 37


VALID = int(Flag.VALID)


def code(flag: int, cause: Cause = Cause.NONE) -> int:
    """Pack flags and cause into the stored integer."""
    return int(flag) | int(cause) << 8


def missing(cause: Cause) -> int:
    """Quality of a reading that has no value."""
    return code(0, cause)


def questionable(cause: Cause) -> int:
    """Quality of a value kept as read that no sum or forecast may use."""
    return code(Flag.QUESTIONABLE, cause)


def usable(quality: NDArray[np.integer]) -> NDArray[np.bool_]:
    """True where a value may enter a sum or a forecast: valid, edited, estimated or derived, and not questionable."""
    q = np.asarray(quality)
    good = Flag.VALID | Flag.EDITED | Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR
    return ((q & int(good)) != 0) & ((q & int(Flag.QUESTIONABLE)) == 0)


def cause_of(quality: int) -> Cause:
    """The cause packed in a stored quality."""
    return Cause(quality >> 8)
