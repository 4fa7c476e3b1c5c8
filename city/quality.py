"""The 16-bit quality of a reading: IEEE 2030.5 flags in the low byte, one cause in the high byte.

References: IEEE 2030.5-2018, type `QualityFlags` (bit 0 valid .. bit 6 projected). The cause byte is Penstock's own.
"""

import numpy as np
from numpy.typing import NDArray

from city.causes import ANSWERED, Cause, Flag

__all__ = ["ANSWERED", "VALID", "Cause", "Flag", "cause_of", "code", "measured", "missing", "missing_of", "questionable", "usable"]

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
