"""A make of device: its registers, its limits, and what the whole map must obey."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from city.problems import fault
from city.quantities import Quantity
from meters.maps import formats
from meters.maps.formats import Table
from meters.maps.register import Register

__all__ = ["DeviceModel", "Register", "Table"]

_SUNSPEC = {f"u{n}": (2**n - 1,) for n in (16, 32, 64)} | {f"i{n}": (2 ** (n - 1),) for n in (16, 32, 64)}


class DeviceModel(BaseModel):
    """The register map of one make of device. `registers` are all of them, templates with a `count` spelled out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="the file's name without .toml")
    description: str = Field(default="", description="which device, and the source of the map")
    max_words: int = Field(default=125, ge=1, le=125, description="most registers per read the device answers; of coils 16 times as many")
    max_gap: int = Field(default=0, ge=0, le=124, description="unused registers a read may span; 0 where the device refuses holes")
    registers: tuple[Register, ...] = Field(description="the map")

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, raw: Any) -> Any:
        """Apply the model's orders and sentinels to every register and expand `count`."""
        if not isinstance(raw, dict) or not isinstance(raw.get("registers"), list):
            return raw
        made = dict(raw)
        orders = {key: made.pop(key) for key in ("word_order", "byte_order") if key in made}
        sentinels = made.pop("sentinels", "none")
        if sentinels not in ("none", "sunspec"):
            raise ValueError(f"sentinels is {sentinels!r}; allowed: none, sunspec")
        made["registers"] = [one for entry in made["registers"] for one in _expanded(entry, orders, sentinels)]
        return made

    @model_validator(mode="after")
    def _consistent(self) -> "DeviceModel":
        if not self.registers:
            raise ValueError("registers is empty; a map has at least one")
        twice = sorted(name for name, count in Counter(register.name for register in self.registers).items() if count > 1)
        if twice:
            raise ValueError(f"registers named twice: {', '.join(twice)}")
        for sentence in (*self._scaling(), *self._overlaps()):
            raise ValueError(sentence)
        if sum(register.serial for register in self.registers) > 1:
            raise ValueError("two registers with serial = true; a device has one serial number")
        return self

    def _scaling(self) -> Iterator[str]:
        for register in self.registers:
            helper = self.by_name.get(register.scale_factor) if register.scale_factor is not None else register
            if helper is None:
                yield f"{register.name}: no register named {register.scale_factor} to scale it"
            elif register.scale_factor is not None and (helper is register or not helper.is_integer or helper.type in formats.CLOCKS):
                yield f"{register.name}: {helper.name} holds no exponent: it is no integer, or what is to be scaled"

    def _overlaps(self) -> Iterator[str]:
        """Two registers share words only where both are bit fields of the same number."""
        for table in formats.TABLES:
            placed = sorted((r for r in self.registers if r.table == table), key=lambda r: (r.address, r.end))
            for one, other in pairwise(placed):
                if other.address < one.end and not one.shares(other):
                    yield f"{one.name} and {other.name} overlap at register {other.address}"

    @cached_property
    def by_name(self) -> dict[str, Register]:
        return {register.name: register for register in self.registers}

    def register(self, name: str) -> Register:
        """The register of that name. Raises `PenstockError` when the model has none."""
        if name not in self.by_name:
            raise fault(f"model {self.name}", f"no register {name}", f"one of {', '.join(list(self.by_name)[:12])}", "Check the spelling.")
        return self.by_name[name]

    @cached_property
    def points(self) -> tuple[Register, ...]:
        """The registers that are measured or commanded, without helpers."""
        return tuple(register for register in self.registers if register.quantity is not None)

    @property
    def identity(self) -> Register | None:
        """The register that holds the serial number (see `registers.text`), or None."""
        return next((register for register in self.registers if register.serial), None)

    @property
    def clock(self) -> Register | None:
        """The point that says what the meter's own clock shows [s since 1970], or None."""
        return next((register for register in self.points if register.quantity is Quantity.CLOCK_S), None)


def _expanded(entry: Any, orders: dict[str, Any], sentinels: str) -> list[Any]:
    if not isinstance(entry, dict):
        return [entry]
    one = {**orders, **entry}
    if sentinels == "sunspec" and "not_implemented" not in one:
        one["not_implemented"] = _SUNSPEC.get(str(one.get("type")), ())
    if "count" not in one:
        return [one]
    kind, name, address = str(one.get("type")), one.get("name"), one.get("address")
    length = formats.words_of(kind) if kind in (*formats.NUMBERS, *formats.CLOCKS) else one.get("length", 1)
    count, stride = one.pop("count"), one.pop("stride", length)
    if not all(isinstance(number, int) for number in (count, stride, address)) or not 1 <= count <= 1000:
        raise ValueError(f"{name}: count {count!r}, stride {stride!r}, address {address!r}; allowed: whole numbers, a count of 1 to 1000")
    return [{**one, "name": f"{name}{i:03d}", "address": address + i * stride} for i in range(count)]
