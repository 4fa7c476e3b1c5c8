"""Words on the wire to numbers and back, by the register map of the device.

References: Modbus Application Protocol V1.1b3, 4.3 (a register is 16 bits, sent high byte first; the order of the words of
a longer number is the vendor's choice); SunSpec Device Information Model Specification 1.1 (scale factors, "not implemented").
"""

import math
import re
import struct
import tomllib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from pydantic import ValidationError

from city import quality as q
from city.problems import PenstockError, Problem, fault
from city.quality import Cause
from meters.maps import DeviceModel, Register

__all__ = ["DeviceModel", "Register", "decode", "encode", "load_model", "scaled", "within_map"]

SHIPPED = Path(__file__).parent / "devices"
_CODE = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}
_LARGEST_EXPONENT = 10  # SunSpec: scale factors run from -10 to 10


def load_model(name: str, folders: Iterable[Path | str] = ()) -> DeviceModel:
    """The register map `name`.toml from the first of `folders` that has it, else the one that ships with Penstock.

    Raises `PenstockError`: no such file, not TOML, or one problem per fault in the map.
    """
    searched = [*map(Path, folders), SHIPPED]
    known = sorted({path.stem for folder in searched for path in folder.glob("*.toml")})
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name not in known:
        raise fault(f"device model '{name}'", "not found", f"one of {', '.join(known)}", "Put <name>.toml into a model folder.")
    path = next(folder / f"{name}.toml" for folder in searched if (folder / f"{name}.toml").is_file())
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise fault(str(path), str(error), "TOML in UTF-8", "Correct the file.") from None
    try:
        return DeviceModel.model_validate({"name": name, **raw})
    except ValidationError as error:
        raise PenstockError(
            Problem(f"{path} {'.'.join(map(str, one['loc']))}".strip(), one["msg"], "see docs/meters.md", "Correct the register map.")
            for one in error.errors()
        ) from None


def decode(register: Register, words: Sequence[int], exponent: int | None = 0) -> tuple[float | int | None, int]:
    """The value in `words` and its quality (see `city.quality`).

    Parameters
    ----------
    words : as many 16-bit registers as the type takes, in the order of the wire
    exponent : of ten, from the register's scale-factor register; None when that register says "not implemented"

    Returns
    -------
    value [unit of the quantity], None where the device has none; a value outside the map's range is kept as read and
    questionable, because the raw value is evidence (of a wrong map, swapped words or a broken device).
    """
    if len(words) != register.words or not all(0 <= word <= 0xFFFF for word in words):
        raise fault(f"register {register.name}", f"{len(words)} words", f"{register.words} words of 16 bits", "Read the whole register.")
    ordered = words if register.word_order == "big" else tuple(reversed(words))
    packed = struct.pack(f">{len(ordered)}H", *ordered)
    if int.from_bytes(packed, "big") in register.not_implemented or exponent is None:
        return None, q.missing(Cause.NOT_IMPLEMENTED)
    (raw,) = struct.unpack(">" + _CODE[register.type], packed)
    if not register.is_integer and not math.isfinite(raw):
        return None, q.missing(Cause.NOT_IMPLEMENTED if math.isnan(raw) else Cause.OUT_OF_MAP)
    if abs(exponent) > _LARGEST_EXPONENT:
        return None, q.missing(Cause.OUT_OF_MAP)
    value = scaled(register, raw, exponent)
    return value, q.VALID if within_map(register, value) else q.questionable(Cause.OUT_OF_MAP)


def scaled(register: Register, raw: float | int, exponent: int = 0) -> float | int:
    """Counts to the unit of the quantity; an integer stays one where nothing scales it."""
    over, under = register.ratio
    if over == under == 1 and exponent == 0 and register.offset == 0:
        return raw
    over, under = (over * 10**exponent, under) if exponent >= 0 else (over, under * 10**-exponent)
    return raw * over / under + register.offset


def within_map(register: Register, value: float | int) -> bool:
    """May the device mean this value?"""
    low = register.minimum is None or value >= register.minimum
    high = register.maximum is None or value <= register.maximum
    clear = register.resolution is None or value == 0 or abs(value) >= register.resolution
    return low and high and clear


def encode(register: Register, value: float | int | None, exponent: int = 0) -> tuple[int, ...]:
    """The words that mean `value` [unit of the quantity], rounded to the nearest count; None is the "not implemented" pattern.

    Raises `PenstockError` when the value does not fit the type. A counter with a modulus is wrapped.
    """
    if value is None or not math.isfinite(value):
        return _in_order(register, _nothing(register))
    over, under = register.ratio
    over, under = (over * 10**exponent, under) if exponent >= 0 else (over, under * 10**-exponent)
    if register.is_integer:
        counts = round((Fraction(value) - Fraction(register.offset)) * under / over)
        counts = counts % register.modulus if register.modulus is not None else counts
    else:
        counts = (value - register.offset) * under / over
    try:
        packed = struct.pack(">" + _CODE[register.type], counts)
    except (struct.error, OverflowError):
        raise fault(f"register {register.name}", f"value {value:g}", f"what fits {register.type}", "Check scale and unit.") from None
    return _in_order(register, packed)


def _nothing(register: Register) -> bytes:
    if not register.is_integer:
        return struct.pack(">" + _CODE[register.type], math.nan)
    if not register.not_implemented:
        raise fault(f"register {register.name}", "no value", "a number", "The map has no pattern for `not implemented`.")
    return register.not_implemented[0].to_bytes(2 * register.words, "big")


def _in_order(register: Register, packed: bytes) -> tuple[int, ...]:
    words = struct.unpack(f">{len(packed) // 2}H", packed)
    return words if register.word_order == "big" else words[::-1]
