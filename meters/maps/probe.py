"""Commissioning: what a device sends, what the map makes of it, and what it would mean in other formats and orders. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from city import quality as q
from city.problems import fault
from city.quality import VALID, Cause
from meters.links.link import Link, LinkFault
from meters.maps import formats
from meters.maps.formats import Table
from meters.maps.model import DeviceModel
from meters.maps.register import Register
from meters.maps.registers import decode, scaled, text

ORDERS: dict[str, tuple[str, str]] = {  # letters of the bytes on the wire, most significant first: A. Values: word order, byte order
    "ABCD": ("big", "big"),
    "CDAB": ("little", "big"),
    "BADC": ("big", "little"),
    "DCBA": ("little", "little"),
}
_UNREACHED = (Cause.TIMEOUT, Cause.NO_CONNECTION)
_SENT = (1e-6, 1e12)  # a float closer to zero than this, but not zero, or further from it, is not what a meter sends


@dataclass(frozen=True)
class Seen:
    """One register of a map as the device answered it. `fits`: the orders other than the map's that give a value within the map."""

    register: Register
    words: tuple[int, ...]
    shown: str
    quality: int
    fits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One format laid over some words: the number in each order (None: no number), and the orders whose number is plausible."""

    address: int
    kind: str
    numbers: dict[str, float | None]
    plausible: tuple[str, ...]


async def read_map(link: Link, unit: int, model: DeviceModel, base: int = 0) -> list[Seen]:
    """Every register of `model`, each read alone, so that one that the device refuses does not hide its neighbours.

    Raises `PenstockError` as soon as the device is silent: nothing else would come either.
    """
    words: dict[str, tuple[int, ...]] = {}
    causes: dict[str, Cause] = {}
    for register in model.registers:
        try:
            words[register.name] = await read_words(link, unit, register.table, base + register.address, register.words)
        except LinkFault as failure:
            causes[register.name] = failure.cause
    return [_seen(model, register, words, causes) for register in model.registers]


async def read_words(link: Link, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
    """The bare words. Raises `PenstockError` when the device is silent or cannot be reached, `LinkFault` when it says no."""
    try:
        return tuple(int(word) for word in await link.read(unit, table, address, count))
    except LinkFault as failure:
        if failure.cause not in _UNREACHED:
            raise
        remedy = "Check power, wiring, unit id and speed; does `penstock poll` hold the line?"
        raise fault(f"unit {unit} of link {link.config.id}", f"{failure}", "an answer, also an exception", remedy) from None


def _seen(model: DeviceModel, register: Register, words: dict[str, tuple[int, ...]], causes: dict[str, Cause]) -> Seen:
    cause = causes.get(register.name) or causes.get(register.scale_factor or "")
    if cause is not None:
        return Seen(register, words.get(register.name, ()), "", q.missing(cause))
    read = words[register.name]
    if register.type == "string":
        return Seen(register, read, text(register, read), VALID)
    exponent = None
    if register.scale_factor is not None:
        exponent = decode(model.register(register.scale_factor), words[register.scale_factor])[0]
    factor = 0 if register.scale_factor is None else None if exponent is None else int(exponent)
    value, quality = decode(register, read, factor)
    shown = text(register, read) if register.serial else "" if value is None else f"{value:.10g}"
    if register.expect is not None and value != scaled(register, register.expect):
        return Seen(register, read, shown, q.questionable(Cause.WRONG_METER))
    orders = orders_that_fit(register, read, factor) if q.cause_of(quality) is Cause.OUT_OF_MAP else ()
    return Seen(register, read, shown, quality, orders)


def orders_that_fit(register: Register, words: Sequence[int], exponent: int | None = 0) -> tuple[str, ...]:
    """The orders in which `words` mean a value that the map believes."""
    if register.type not in formats.NUMBERS:
        return ()
    return tuple(order for order in ORDERS if decode(in_order(register, order), words, exponent)[1] == VALID)


def in_order(register: Register, order: str) -> Register:
    """The same register with its bytes sent as `order` says, one of ORDERS."""
    words, swap = ORDERS[order]
    return register.model_copy(update={"word_order": words, "byte_order": swap})


def suggestion(seen: Sequence[Seen]) -> str | None:
    """The order that would bring every doubtful register into its range, in a sentence; None when nothing is doubtful or none does.

    Zeros look the same in every order and say nothing. A register without a range cannot speak for or against an order.
    """
    doubtful = [one for one in seen if one.fits]
    common = [order for order in ORDERS if doubtful and all(order in one.fits for one in doubtful)]
    if not common:
        return None
    right = [one for one in seen if one.quality == VALID and any(one.words) and _has_range(one.register)]
    whole = [order for order in common if all(order in orders_that_fit(one.register, one.words) for one in right)]
    order, *others = whole or common
    words, swap = ORDERS[order]
    also = f" (so does {', '.join(others)})" if others else ""
    where = "in the whole map" if whole else "for these registers; the others are right as they are"
    names = ", ".join(one.register.name for one in doubtful)
    return f'{names}: order {order} fits{also}. Set word_order = "{words}" and byte_order = "{swap}" {where}.'


def _has_range(register: Register) -> bool:
    limits = (register.minimum, register.maximum, register.resolution)
    return register.type in formats.NUMBERS and register.scale_factor is None and (limits != (None, None, None) or bool(register.enum))


def readings(address: int, words: Sequence[int], register: Register | None = None) -> list[Reading]:
    """Every format at every place in `words` (which begin at `address`), in all four orders.

    With a `register` only at its place, with its scale and unit; plausible is then what lies within its map. Without one a number is
    plausible when it is not a float that no meter sends.
    """
    made = []
    for kind in formats.NUMBERS:
        size = formats.words_of(kind)
        if register is not None and size == register.words:
            made.append(_reading(register, kind, words))
        elif register is None:
            for start in range(len(words) - size + 1):
                here = Register(name="probe", address=address + start, type="u16")
                made.append(_reading(here, kind, words[start : start + size]))
    return sorted((one for one in made if any(value is not None for value in one.numbers.values())), key=lambda one: one.address)


def _reading(register: Register, kind: str, words: Sequence[int]) -> Reading:
    bare: dict[str, Any] = {"type": kind, "not_implemented": (), "enum": {}, "bit": None}
    shaped = register if kind == register.type else register.model_copy(update=bare)
    orders = ORDERS if len(words) > 1 else ("ABCD", "BADC")  # of one word only the bytes can be turned
    read = {order: decode(in_order(shaped, order), words) for order in orders}
    plausible = tuple(o for o, (value, quality) in read.items() if quality == VALID and value is not None and _sent(kind, value))
    return Reading(register.address, kind, {order: value for order, (value, _) in read.items()}, plausible)


def _sent(kind: str, value: float) -> bool:
    return kind[0] != "f" or value == 0 or _SENT[0] <= abs(value) <= _SENT[1]
