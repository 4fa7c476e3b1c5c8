"""Register maps from files, and one register's words to a value and back. `meters.maps.batch` decodes many devices at once.

References: Modbus Application Protocol V1.1b3, 4.3 (data are big-endian); SunSpec Device Information Model Specification 1.1.
"""

import math
import re
import struct
import tomllib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from city.problems import PenstockError, Problem, fault
from meters.maps import formats
from meters.maps.batch import Layout
from meters.maps.model import DeviceModel
from meters.maps.register import Register

__all__ = ["DeviceModel", "Register", "decode", "encode", "load_model", "same_serial", "scaled", "text"]

Words = Sequence[int] | NDArray[np.uint16]
SHIPPED = Path(__file__).parent.parent / "devices"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")  # of a model, and of its file


def load_model(name: str, folders: Iterable[Path | str] = ()) -> DeviceModel:
    """The register map `name`.toml from the first of `folders` that has it, else the one that ships with Penstock.

    Raises `PenstockError`: no such file, not TOML, or one problem per fault in the map.
    """
    searched = [*map(Path, folders), SHIPPED]
    known = sorted({path.stem for folder in searched for path in folder.glob("*.toml")})
    if not NAME.fullmatch(name) or name not in known:
        raise fault(f"device model '{name}'", "not found", f"one of {', '.join(known)}", "Put <name>.toml into a model folder.")
    path = next(folder / f"{name}.toml" for folder in searched if (folder / f"{name}.toml").is_file())
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:  # TOML, its brackets and digits, UTF-8; a file that may not be read
        raise fault(str(path), str(error), "TOML in UTF-8", "Correct the file.") from None
    try:
        return DeviceModel.model_validate({**raw, "name": name})
    except ValidationError as error:
        raise PenstockError(
            Problem(f"{path} {'.'.join(map(str, one['loc']))}".strip(), one["msg"], "see docs/maps.md", "Correct the register map.")
            for one in error.errors()
        ) from None


def decode(register: Register, words: Words, exponent: int | None = 0) -> tuple[float | None, int]:
    """The value in `words` and its quality (see `city.quality`): `Layout.decode` for one register of one device.

    Parameters
    ----------
    words : as many 16-bit registers as the type takes, in the order of the wire; 0 or 1 for a coil or discrete input
    exponent : of ten, from the register's scale-factor register; None when that register says "not implemented"

    Returns
    -------
    value [unit of the quantity], None where the device has none; a value outside the map's range is kept as read and
    questionable, because the raw value is evidence (of a wrong map, swapped words or a broken device).
    """
    _check(register, words)
    layout = Layout.of(register)
    exponents = np.full((1, 1), math.nan if exponent is None else float(exponent))
    counts, causes = layout.counts(np.array([words], dtype=np.uint16))
    values, quality = layout.valued(counts, causes, exponents)
    value = float(values[0, 0])
    return None if math.isnan(value) else value, int(quality[0, 0])


def text(register: Register, words: Words) -> str:
    """What a string or an integer register says, as printable text: a serial number to the last digit. "" where the device has none."""
    _check(register, words)
    ordered = _wire(register, words)
    if register.type == "string":
        packed = struct.pack(f">{len(ordered)}H", *ordered)
        said = packed.split(b"\0", 1)[0].decode("utf-8", errors="replace")
        return "".join(letter for letter in said if letter.isprintable()).strip()
    if decode(register, words)[0] is None:
        return ""
    bits = int.from_bytes(struct.pack(f">{len(ordered)}H", *ordered), "big")
    if register.type.startswith("bcd"):
        return f"{bits:x}"
    size = formats.bits_of(register.type)
    return str(bits - (1 << size) if register.type[0] == "i" and bits >> size - 1 else bits)


def same_serial(one: str, other: str) -> bool:
    """Are these the same serial number? Case, spaces and leading zeros do not count: a number register has none of them."""
    return one.strip().lstrip("0").casefold() == other.strip().lstrip("0").casefold()


def scaled(register: Register, raw: float | int, exponent: int = 0) -> float:
    """Counts to the unit of the quantity."""
    ratio, shift = register.conversion
    return float(Fraction(raw) * ratio * Fraction(10) ** exponent + shift)


def encode(register: Register, value: float | int | str | None, exponent: int = 0) -> tuple[int, ...]:
    """The words that mean `value` [unit of the quantity], rounded to the nearest count; None is the "not implemented" pattern.

    A string register takes text. A bit field's words are zero around it. A counter with a modulus is wrapped.
    Raises `PenstockError` when the value does not fit the type.
    """
    if isinstance(value, str):
        return _text_words(register, value)
    if register.type == "string":
        raise fault(f"register {register.name}", f"value {value}", "text", "A string register takes text.")
    if value is None or not math.isfinite(value):
        return _wire(register, _nothing(register))
    ratio, shift = register.conversion
    same = ratio == 1 and shift == 0 and exponent == 0
    exact = value if same else (Fraction(value) - shift) / (ratio * Fraction(10) ** exponent)
    counts = round(exact) if register.is_integer else exact
    try:
        return _counted(register, counts % register.modulus if register.modulus is not None else counts)
    except (struct.error, OverflowError):
        raise fault(f"register {register.name}", f"value {value:g}", f"what fits {register.type}", "Check scale and unit.") from None


def _counted(register: Register, counts: Fraction | float) -> tuple[int, ...]:
    """The words that hold `counts`. Raises `OverflowError` or `struct.error` when the type cannot."""
    if register.type in formats.CLOCKS:
        return _wire(register, formats.clock_words(register.type, int(counts)))
    kind = register.type if register.bit is None else f"u{register.width}"
    bits = formats.pattern(kind, int(counts) if register.is_integer else float(counts)) << (register.bit or 0)
    return _wire(register, _words(register, bits))


def _nothing(register: Register) -> tuple[int, ...]:
    if register.not_implemented:
        return _words(register, register.not_implemented[0])
    if not register.is_integer:
        return _words(register, formats.pattern(register.type, math.nan))
    if register.type in formats.CLOCKS or register.type.startswith("bcd"):
        return (0xFFFF,) * register.words
    raise fault(f"register {register.name}", "no value", "a number", "The map has no pattern for `not implemented`.")


def _words(register: Register, bits: int) -> tuple[int, ...]:
    return tuple(bits >> 16 * i & 0xFFFF for i in reversed(range(register.words)))


def _wire(register: Register, words: Words) -> tuple[int, ...]:
    """Words, most significant first, in the order of the wire, and back: it is its own inverse."""
    turned = tuple(int(word) for word in words)
    if register.word_order == "little" and register.type in formats.NUMBERS:
        turned = turned[::-1]
    swap = register.byte_order == "little" and register.type != "bool"
    return tuple((word & 0xFF) << 8 | word >> 8 for word in turned) if swap else turned


def _text_words(register: Register, value: str) -> tuple[int, ...]:
    packed = value.encode("utf-8")
    if register.type != "string" or len(packed) > 2 * register.words:
        allowed = f"up to {2 * register.words} bytes" if register.type == "string" else "a number"
        raise fault(f"register {register.name}", f"text {value!r}", allowed, "Correct the text.")
    return _wire(register, struct.unpack(f">{register.words}H", packed.ljust(2 * register.words, b"\0")))


def _check(register: Register, words: Words) -> None:
    most = 1 if register.type == "bool" else 0xFFFF
    if len(words) != register.words or not all(0 <= word <= most for word in words):
        raise fault(f"register {register.name}", f"{len(words)} words", f"{register.words} words up to {most}", "Read the whole register.")
