"""What other tools' maps say, in words of our own, before it becomes TOML. Whatever has no such word goes into `left`, as a sentence."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from city.problems import fault

ORDERS = {  # as most tools write them: the order in which the bytes of a long number, most significant first, come over the wire
    "ABCD": ("big", "big"),
    "CDAB": ("little", "big"),
    "BADC": ("big", "little"),
    "DCBA": ("little", "little"),
}
_LONGEST_S = 30


@dataclass
class Found:
    """One register of a foreign map. `kind` is one of our number formats."""

    name: str
    address: int
    kind: str
    table: str = "holding"
    word_order: str = "big"
    byte_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    length: int | None = None
    bit: int | None = None
    width: int = 1
    not_implemented: tuple[int, ...] = ()


@dataclass
class Link:
    """How a foreign map reaches its devices."""

    url: str
    keys: dict[str, Any] = field(default_factory=dict)  # further keys of a [[links]] entry


@dataclass
class Device:
    """One unit behind a link."""

    name: str
    link: Link
    unit: int
    registers: list[Found] = field(default_factory=list)


@dataclass
class Imported:
    """Everything a file held: what could be carried over and, sentence by sentence, what could not."""

    tool: str
    devices: list[Device] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    steering: set[str] = field(default_factory=set)  # keys met that only steer the other tool

    def leave(self, where: str, what: str) -> None:
        self.left.append(f"{where}: {what}")

    def leave_keys(self, where: str, entry: Mapping[str, Any], used: Collection[str], meaningless: Collection[str] = ()) -> None:
        """Tell every key of `entry` that was not used; those that only steer the other tool once, all together, without their values."""
        for key, value in entry.items():
            if key in used:
                continue
            if key in meaningless:
                self.steering.add(key)
                continue
            shown = str(value) if len(str(value)) <= 60 else f"{str(value)[:57]}..."
            self.leave(where, f"{key} = {shown} was not carried over")

    def device(self, name: str, link: Link, unit: int) -> Device:
        """The device of that unit behind that link, made when it is not there yet."""
        for one in self.devices:
            if (one.link.url, one.unit) == (link.url, unit):
                return one
        self.devices.append(Device(name, link, unit))
        return self.devices[-1]


def tables(value: Any) -> list[dict[str, Any]]:
    """The tables in a list, or in what should have been one; anything else is none."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def number(value: Any, default: float) -> float:
    """A number, where there is one. Raises `PenstockError` for anything else."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fault(f"value {value!r}", "no number", "a number", "Write it as one.")
    return float(value)


def whole(value: Any, default: int | None = None) -> int:
    """A whole number; text such as 0x10 counts. Raises `PenstockError` for anything else."""
    try:
        if value is None and default is not None:
            return default
        if isinstance(value, str):
            return int(value, 0)
        if not isinstance(value, bool) and int(value) == value:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise fault(f"value {value!r}", "no whole number", "a whole number", "Write it as one.")


def serial(device: str, baud: Any, parity: Any, stop_bits: Any) -> Link:
    """A serial line."""
    parities: dict[str, Literal["even", "odd", "none"]] = {"E": "even", "O": "odd", "N": "none"}
    keys = {"baud": whole(baud, 9600), "parity": parities.get(str(parity or "N").upper()[:1], "none"), "stop_bits": whole(stop_bits, 1)}
    return Link(f"serial://{device}", keys)


def timeout(entry: Mapping[str, Any], made: Imported, where: str) -> dict[str, float]:
    """The `timeout` of a link [s] as our key; one that we would not wait for is told."""
    told = entry.get("timeout")
    if isinstance(told, int | float) and 0 < told <= _LONGEST_S:
        return {"timeout_s": float(told)}
    if told is not None:
        made.leave(where, f"timeout = {told} was not carried over; allowed: up to {_LONGEST_S} s")
    return {}
