"""Stretches of a validated day that ask for a person: neighbouring intervals of which one thing was made.

Reference: IEEE 2030.5-2018, `QualityFlags`; the causes are Penstock's own, docs/validation.md.
"""

import hashlib
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from city.quality import Cause, Flag

Made = Literal["line", "like_day", "as_read", "refused", "nothing"]

_NOTHING_TO_ASK = (Cause.NONE, Cause.ROLLOVER, Cause.EXCHANGE)  # the register went on counting


class Stretch(NamedTuple):
    """Intervals first to first + steps - 1 of a day: why most of them are asked about, and what was made of them.

    `made` is how the value came about: a `line`, a `like_day`, `as_read` with a warning; or `refused`: kept as read, used by nobody;
    or `nothing`: no value. `register_sum`: the estimates add up to what the register counted.
    """

    first: int
    steps: int
    cause: Cause
    made: Made
    register_sum: bool


def asked(quality: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """bool[t]: intervals with a cause, that no person has edited."""
    cause = quality >> 8
    some: NDArray[np.bool_] = cause != 0
    if some.any():
        some &= ~np.isin(cause, _NOTHING_TO_ASK) & ((quality & int(Flag.EDITED)) == 0)
    return some


def stretches(quality: NDArray[np.uint16]) -> list[Stretch]:
    """The stretches of a day, in order."""
    places = np.flatnonzero(asked(quality))
    if not places.size:
        return []
    flags = quality[places].astype(np.int64) & 0xFF
    breaks = np.flatnonzero((np.diff(places) != 1) | (np.diff(flags) != 0)) + 1
    return [_told(part, quality[part]) for part in np.split(places, breaks)]


def _told(places: NDArray[np.intp], quality: NDArray[np.uint16]) -> Stretch:
    flags, causes = int(quality[0]) & 0xFF, np.bincount(quality >> 8)
    made: Made = next((word for flag, word in _MADE if flags & int(flag)), "nothing")
    return Stretch(int(places[0]), len(places), Cause(int(causes.argmax())), made, bool(flags & int(Flag.DERIVED)))


_MADE: tuple[tuple[Flag, Made], ...] = (
    (Flag.QUESTIONABLE, "refused"),
    (Flag.ESTIMATED_LINEAR, "line"),
    (Flag.ESTIMATED_LIKE_DAY, "like_day"),
    (Flag.VALID, "as_read"),
)


def digest(values: NDArray[np.int64], quality: NDArray[np.uint16]) -> str:
    """The SHA-256 [hex] of a stretch's values and quality: what a person settles, and nothing else."""
    said = np.ascontiguousarray(values, "<i8").tobytes() + np.ascontiguousarray(quality, "<u2").tobytes()
    return hashlib.sha256(said).hexdigest()
