"""Number formats of registers: which bits a device sends for a number, and back. No scaling, no units: `meters.maps.batch` does those.

References: Modbus Application Protocol V1.1b3, 4.3 (a register is 16 bits, sent high byte first; the order of the words of a
longer number is the vendor's choice); IEEE 754-2019 (f16, f32, f64).
"""

import struct
from calendar import timegm
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from city.quality import Cause

Table = Literal["holding", "input", "coil", "discrete"]
Order = Literal["big", "little"]
Number = Literal[
    "u16", "i16", "u32", "i32", "u48", "i48", "u64", "i64", "f16", "f32", "f64", "bcd16", "bcd32", "bcd48", "bcd64"
]  # fmt: skip
Clock = Literal["date3", "date4", "date6"]
Kind = Literal[Number, Clock, "bool", "string"]

TABLES: tuple[Table, ...] = get_args(Table)
NUMBERS: tuple[str, ...] = get_args(Number)
CLOCKS: tuple[str, ...] = get_args(Clock)
BIT_TABLES = ("coil", "discrete")
EXACT = 2.0**53  # from here on a float64 cannot tell neighbouring integers apart
_FLOATS: dict[str, tuple[Any, Any, str]] = {
    "f16": (np.uint16, np.float16, ">e"),
    "f32": (np.uint32, np.float32, ">f"),
    "f64": (np.uint64, np.float64, ">d"),
}


def bits_of(kind: str) -> int:
    """Width of a number [bits]; a bool has one, text none."""
    return 1 if kind == "bool" else int(kind.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)


def words_of(kind: str) -> int:
    """Registers a number, a bool or a clock takes; the length of a string is its own matter."""
    return int(kind[4:]) if kind in CLOCKS else max(1, bits_of(kind) // 16)


def whole(kind: str) -> bool:
    """Does the format count in integers?"""
    return kind[0] in "uib" or kind in CLOCKS


def joined(words: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """The words [..., w <= 4], most significant first, as one unsigned number [...]."""
    made = words[..., 0].astype(np.uint64)
    for i in range(1, words.shape[-1]):
        made = made << np.uint64(16) | words[..., i]
    return made


def numbers(kind: str, bits: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The numbers that bit patterns mean.

    Returns
    -------
    numbers float64[...], NaN where there is none, and the `Cause` why there is none uint8[...]: NOT_IMPLEMENTED for a NaN on the wire,
    OUT_OF_MAP for an infinity and for a BCD digit above nine. An integer beyond 2^53 is rounded to the nearest float64.
    """
    cause = np.zeros(bits.shape, dtype=np.uint8)
    if kind in _FLOATS:
        pattern, real, _ = _FLOATS[kind]
        with np.errstate(invalid="ignore"):  # a signalling NaN
            made = bits.astype(pattern).view(real).astype(np.float64)
        cause[np.isnan(made)] = Cause.NOT_IMPLEMENTED
        cause[np.isinf(made)] = Cause.OUT_OF_MAP
    elif kind.startswith("bcd"):
        made = _from_bcd(bits, bits_of(kind) // 4)
        eights, ones = np.uint64(0x8888888888888888), np.uint64(0x1111111111111111)
        above_nine = ((bits & eights) >> np.uint64(3)) & ((bits >> np.uint64(2) | bits >> np.uint64(1)) & ones)
        cause[above_nine != 0] = Cause.OUT_OF_MAP
    elif kind[0] == "i":
        unused = np.uint64(64 - bits_of(kind))
        made = ((bits << unused).view(np.int64) >> unused.astype(np.int64)).astype(np.float64)
    else:
        made = bits.astype(np.float64)
    return np.where(cause == 0, made, np.nan), cause


def _from_bcd(bits: NDArray[np.uint64], digits: int) -> NDArray[np.float64]:
    made = np.zeros(bits.shape, dtype=np.uint64)
    for digit in reversed(range(digits)):
        made = made * np.uint64(10) + (bits >> np.uint64(4 * digit) & np.uint64(15))
    return made.astype(np.float64)


def pattern(kind: str, number: float | int) -> int:
    """The bit pattern that means `number`. Raises `OverflowError` when the format cannot hold it."""
    if kind in _FLOATS:
        packed = struct.pack(_FLOATS[kind][2], number)
        return int.from_bytes(packed, "big")
    size, count = bits_of(kind), int(number)
    low, high = (-(1 << size - 1), (1 << size - 1) - 1) if kind[0] == "i" else (0, (1 << size) - 1)
    if kind.startswith("bcd"):
        high = 10 ** (size // 4) - 1
    if not low <= count <= high:
        raise OverflowError(f"{count} is not within {low}..{high}")
    return int(str(count), 16) if kind.startswith("bcd") else count % (1 << size)


def seconds(kind: str, words: NDArray[np.uint16]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """A clock's words [..., w] as seconds since 1970 [...], and OUT_OF_MAP where they are no date.

    date6: year (also counted from 2000), month, day, hour, minute, second, one register each. date3: the same as six bytes.
    date4: year from 2000 (7 bits), month and day (4 and 5 bits), hour and minute (5 and 6 bits), milliseconds: the time
    format of IEC 60870-5-4, as power meters send it.
    """
    w = np.moveaxis(words.astype(np.int64), -1, 0)
    if kind == "date6":
        year, month, day, hour, minute, second = w
    elif kind == "date3":
        year, month, day, hour, minute, second = w[0] >> 8, w[0] & 255, w[1] >> 8, w[1] & 255, w[2] >> 8, w[2] & 255
    else:
        year, month, day, hour, minute, second = w[0] & 127, w[1] >> 8 & 15, w[1] & 31, w[2] >> 8 & 31, w[2] & 63, w[3] // 1000
    year = np.where(year < 100, year + 2000, year)
    good = (year >= 1970) & (year < 2200) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    first = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    start, end = first.astype("M8[D]").astype(np.int64), (first + 1).astype("M8[D]").astype(np.int64)
    good &= (day >= 1) & (day <= end - start)
    made = (((start + day - 1) * 24 + hour) * 60 + minute) * 60 + second
    return np.where(good, made, np.nan), np.where(good, np.uint8(0), np.uint8(Cause.OUT_OF_MAP))


def clock_words(kind: str, second: int) -> tuple[int, ...]:
    """The words a clock shows at `second` [s since 1970]: the inverse of `seconds`. Raises `OverflowError` outside 2000..2099."""
    if not timegm((2000, 1, 1, 0, 0, 0)) <= second < timegm((2100, 1, 1, 0, 0, 0)):
        raise OverflowError("a clock shows 2000 to 2099")
    t = datetime.fromtimestamp(second, UTC)
    if kind == "date6":
        return t.year, t.month, t.day, t.hour, t.minute, t.second
    if kind == "date3":
        return (t.year - 2000) << 8 | t.month, t.day << 8 | t.hour, t.minute << 8 | t.second
    return t.year - 2000, t.month << 8 | t.day, t.hour << 8 | t.minute, t.second * 1000
