"""What a device's registers mean, as data: the models behind the TOML files in meters/devices/."""

from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from city.problems import fault
from city.quantities import Quantity

Kind = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]

_KINDS: tuple[str, ...] = get_args(Kind)
_WORDS = {kind: int(kind[1:]) // 16 for kind in _KINDS}
_SUNSPEC = {kind: ((1 << int(kind[1:])) - 1 if kind[0] == "u" else 1 << (int(kind[1:]) - 1),) for kind in _KINDS if kind[0] in "ui"}


class Register(BaseModel):
    """One value of a device: where it lies, how it is written there and what it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name; the point is called <meter>.<name>")
    address: int = Field(ge=0, le=65535, description="first register, counted from 0 as on the wire")
    type: Kind = Field(description="number format; the digits are bits")
    table: Literal["holding", "input"] = Field(default="holding", description="holding (function 3) or input (function 4) registers")
    word_order: Literal["big", "little"] = Field(default="big", description="big: the most significant word comes first")
    quantity: Quantity | None = Field(default=None, description="what it measures; none: a helper such as a scale factor")
    scale: float = Field(default=1.0, gt=0, description="units of the quantity per count")
    offset: float = Field(default=0.0, description="added after scaling [unit of the quantity]")
    scale_factor: str | None = Field(default=None, description="register that holds the exponent of ten (SunSpec)")
    not_implemented: tuple[int, ...] = Field(default=(), description="bit patterns that mean `no value`, as unsigned numbers")
    minimum: float | None = Field(default=None, description="least value the device can mean [unit of the quantity]")
    maximum: float | None = Field(default=None, description="largest value the device can mean [unit of the quantity]")
    resolution: float | None = Field(default=None, gt=0, description="a value closer to zero than this, but not zero, is no value [unit]")
    modulus: int | None = Field(default=None, gt=1, description="a counter starts again at zero here [counts]")
    writable: bool = Field(default=False, description="may be written, within write_min and write_max")
    write_min: float | None = Field(default=None, description="least setpoint the device takes [unit of the quantity]")
    write_max: float | None = Field(default=None, description="largest setpoint the device takes [unit of the quantity]")
    default: int | None = Field(default=None, description="what the simulator answers when its table has no such column [counts]")
    description: str = Field(default="", description="as in the vendor's manual")

    @model_validator(mode="after")
    def _consistent(self) -> "Register":
        if self.writable and (self.write_min is None or self.write_max is None or self.write_min > self.write_max):
            raise ValueError("a writable register needs write_min and write_max with write_min <= write_max")
        if self.writable and (self.table == "input" or self.quantity is None):
            raise ValueError("a writable register lies in the holding table and has a quantity")
        if self.writable and self.scale_factor is not None:
            raise ValueError("a register with a scale factor cannot be written: the device may change the factor in between")
        if self.address + self.words > 65536:
            raise ValueError("it ends behind register 65535")
        if self.modulus is not None and not self.is_integer:
            raise ValueError("only an integer counter has a modulus")
        return self

    @property
    def words(self) -> int:
        """How many 16-bit registers it takes."""
        return _WORDS[self.type]

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.words

    @property
    def is_integer(self) -> bool:
        return self.type[0] in "ui"

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """`scale` as numerator and denominator of its decimal text: 0.001 divides by 1000 instead of multiplying by 0.001."""
        exact = Fraction(str(self.scale))
        return exact.numerator, exact.denominator

    @property
    def stored_modulus(self) -> int | None:
        """The modulus in the store's integers (see `Quantity.scale`), or None when it never rolls over."""
        if self.modulus is None or self.quantity is None:
            return None
        over, under = self.ratio
        return self.modulus * over * self.quantity.scale // under


class DeviceModel(BaseModel):
    """The register map of one make of device. `registers` are all of them, templates with a `count` spelled out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="the file's name without .toml")
    description: str = Field(default="", description="which device, and the source of the map")
    max_words: int = Field(default=125, ge=1, le=125, description="most registers per read the device answers")
    max_gap: int = Field(default=0, ge=0, le=124, description="unused registers a read may span; 0 where the device refuses holes")
    registers: tuple[Register, ...] = Field(description="the map")

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, raw: Any) -> Any:
        """Apply the model's word order and sentinels to every register and expand `count`."""
        if not isinstance(raw, dict) or not isinstance(raw.get("registers"), list):
            return raw
        made = dict(raw)
        order, sentinels = made.pop("word_order", "big"), made.pop("sentinels", "none")
        if sentinels not in ("none", "sunspec"):
            raise ValueError(f"sentinels is {sentinels!r}; allowed: none, sunspec")
        made["registers"] = [one for entry in made["registers"] for one in _expanded(entry, order, sentinels)]
        return made

    @model_validator(mode="after")
    def _consistent(self) -> "DeviceModel":
        names = [register.name for register in self.registers]
        if not names:
            raise ValueError("registers is empty; a map has at least one")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"registers named twice: {', '.join(twice)}")
        for register in self.registers:
            if register.scale_factor is not None and register.scale_factor not in names:
                raise ValueError(f"{register.name}: no register named {register.scale_factor} to scale it")
        for table in ("holding", "input"):
            placed = sorted((r for r in self.registers if r.table == table), key=lambda r: r.address)
            for one, other in pairwise(placed):
                if other.address < one.end:
                    raise ValueError(f"{one.name} and {other.name} overlap at register {other.address}")
        return self

    @cached_property
    def by_name(self) -> dict[str, Register]:
        return {register.name: register for register in self.registers}

    def register(self, name: str) -> Register:
        """The register of that name. Raises `PenstockError` when the model has none."""
        if name not in self.by_name:
            raise fault(f"model {self.name}", f"no register {name}", f"one of {', '.join(list(self.by_name)[:12])}", "Check the spelling.")
        return self.by_name[name]

    @property
    def points(self) -> tuple[Register, ...]:
        """The registers that are measured or commanded, without helpers."""
        return tuple(register for register in self.registers if register.quantity is not None)


def _expanded(entry: Any, order: str, sentinels: str) -> list[Any]:
    if not isinstance(entry, dict):
        return [entry]
    one = {"word_order": order, **entry}
    if sentinels == "sunspec" and "not_implemented" not in one:
        one["not_implemented"] = _SUNSPEC.get(str(one.get("type")), ())
    if "count" not in one:
        return [one]
    count, stride = one.pop("count"), one.pop("stride", _WORDS.get(str(one.get("type")), 1))
    if not isinstance(count, int) or not 1 <= count <= 1000:
        raise ValueError(f"{one.get('name')}: count is {count!r}; allowed: 1 to 1000")
    return [{**one, "name": f"{one['name']}{i:03d}", "address": one["address"] + i * stride} for i in range(count)]
