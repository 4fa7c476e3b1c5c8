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
    REFUSED = 3  # a Modbus exception reply: the device does not have this function, address or value
    INVALID_REPLY = 4  # wrong in a way that has no word of its own below
    NOT_IMPLEMENTED = 5  # the device's own sentinel for "no value"
    OUT_OF_MAP = 6  # decoded, but outside the range of its register map
    OVERRUN = 7  # the slot passed before its turn came
    UNIT_BACKOFF = 8  # not asked: the unit failed before and its pause is not over
    WRONG_METER = 9  # the device says another serial number than city.toml
    CLOCK = 10  # the clock it was read by, or its own, was not to be trusted
    WRONG_TRANSACTION = 11
    WRONG_PROTOCOL = 12
    WRONG_UNIT = 13
    WRONG_FUNCTION = 14
    WRONG_LENGTH = 15
    WRONG_BYTE_COUNT = 16
    WRONG_REGISTER_COUNT = 17
    STALE = 18  # the reply to an earlier request
    DUPLICATE = 19  # the same reply once more
    DRIP = 20  # bytes kept coming, too slowly for the deadline
    TRUNCATED = 21
    OVERSIZE = 22  # bytes behind the end of the frame
    GARBAGE = 23
    WRONG_CHECKSUM = 24
    DEVICE_BUSY = 25  # exceptions 5 and 6
    DEVICE_FAILURE = 26  # exceptions 4 and 8
    GATEWAY = 27  # exceptions 10 and 11: the gateway has no path to the unit, or the unit does not answer it
    GAP = 32
    LIMIT = 33
    SPIKE = 34
    FLAT = 35
    ROLLOVER = 36
    RESET = 37
    EXCHANGE = 38  # the meter was exchanged within the interval
    SUM_CHECK = 39  # intervals and register disagree
    HIGH_USAGE = 40
    LOW_USAGE = 41
    NEGATIVE = 42
    REVERSE_FLOW = 43
    NIGHT_MINIMUM = 44
    TIME_TOLERANCE = 45  # read too far from its time


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


def measured(quality: NDArray[np.integer]) -> NDArray[np.bool_]:
    """True where a value is what a meter showed, checked or accepted by a person: no estimate, no value that somebody wrote."""
    q = np.asarray(quality)
    other = Flag.ESTIMATED_LIKE_DAY | Flag.ESTIMATED_LINEAR | Flag.QUESTIONABLE | Flag.PROJECTED
    return ((q & int(Flag.VALID)) != 0) & ((q & int(other)) == 0)


def missing_of(quality: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The qualities of missing values with the same causes; a gap where there was none, and 0 (never heard of) stays 0."""
    cause = np.where(quality >> 8 > 0, quality >> 8, np.where(quality > 0, np.uint16(Cause.GAP), np.uint16(0)))
    return (cause << 8).astype(np.uint16)


def cause_of(quality: int) -> Cause:
    """The cause packed in a stored quality."""
    return Cause(quality >> 8)
