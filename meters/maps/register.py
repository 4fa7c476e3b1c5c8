"""What a device's registers mean, as data: one register, with everything its manual says about it."""

from fractions import Fraction
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from city.problems import PenstockError
from city.quantities import Quantity
from city.units import conversion
from meters.maps import formats
from meters.maps.formats import Kind, Order, Table

_SCALE = (1e-30, 1e30)


class Register(BaseModel):
    """One value of a device: where it lies, how it is written there and what it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="short name; the point is called <meter>.<name>")
    address: int = Field(ge=0, le=65535, description="first register, coil or input, counted from 0 as on the wire")
    type: Kind = Field(description="number format; the digits are bits. bool: a coil or discrete input")
    table: Table = Field(default="holding", description="holding (function 3), input (4), coil (1) or discrete (2)")
    word_order: Order = Field(default="big", description="big: the most significant word comes first")
    byte_order: Order = Field(default="big", description="big: the high byte of a word comes first, as Modbus says; little: swapped")
    length: int | None = Field(default=None, ge=1, le=125, description="length of a string [registers]")
    bit: int | None = Field(default=None, ge=0, le=63, description="lowest bit of a bit field; 0 is the least significant")
    width: int = Field(default=1, ge=1, le=64, description="length of the bit field [bits]")
    quantity: Quantity | None = Field(default=None, description="what it measures; none: a helper such as a scale factor")
    unit: str | None = Field(default=None, description="the vendor's unit, converted exactly; none: the unit of the quantity")
    scale: float = Field(default=1.0, description="`unit` per count; negative where the vendor's sign is the other way round")
    offset: float = Field(default=0.0, description="added after scaling [unit]")
    scale_factor: str | None = Field(default=None, description="register that holds the exponent of ten (SunSpec)")
    not_implemented: tuple[int, ...] = Field(default=(), description="bit patterns that mean `no value`, as unsigned numbers")
    enum: dict[int, str] = Field(default={}, description="what each number means; others are outside the map")
    minimum: float | None = Field(default=None, description="least value the device can mean [unit of the quantity]")
    maximum: float | None = Field(default=None, description="largest value the device can mean [unit of the quantity]")
    resolution: float | None = Field(default=None, gt=0, description="a value closer to zero than this, but not 0, is questionable [unit]")
    modulus: int | None = Field(default=None, gt=1, description="a counter starts again at zero here [counts]")
    serial: bool = Field(default=False, description="holds the device's serial number: a string or an integer")
    expect: int | None = Field(default=None, description="what it always holds; else the device or its map is another one [counts]")
    writable: bool = Field(default=False, description="may be written, within write_min and write_max")
    write_min: float | None = Field(default=None, description="least setpoint the device takes [unit of the quantity]")
    write_max: float | None = Field(default=None, description="largest setpoint the device takes [unit of the quantity]")
    write_function: Literal["multiple", "single"] = Field(
        default="multiple", description="multiple: functions 16 and 15; single: functions 6 and 5, for one word or coil"
    )
    default: int | None = Field(default=None, description="what the simulator answers when its table has no such column [counts]")
    description: str = Field(default="", description="as in the vendor's manual")

    def __hash__(self) -> int:
        return hash((self.name, self.table, self.address))

    @model_validator(mode="after")
    def _consistent(self) -> "Register":
        for wrong, sentence in self._faults():
            if wrong:
                raise ValueError(sentence)
        try:
            _ = self.conversion
        except PenstockError as error:
            raise ValueError(str(error)) from None
        return self

    def _faults(self) -> tuple[tuple[bool, str], ...]:
        text, clock, scaled = self.type == "string", self.type in formats.CLOCKS, self.scale != 1 or self.offset != 0
        low, high = self.write_min, self.write_max
        integer = self.is_integer and self.type != "bool"
        return (
            (self.writable and (low is None or high is None or low > high), "a writable register needs write_min <= write_max"),
            (
                self.writable and (self.table in ("input", "discrete") or self.quantity is None),
                "a writable register lies in the holding or coil table and has a quantity",
            ),
            (
                self.writable and self.scale_factor is not None,
                "a register with a scale factor cannot be written: the device may change the factor in between",
            ),
            (self.writable and self.bit is not None, "a bit field cannot be written: its neighbours may change in between"),
            (self.write_function == "single" and self.words > 1, "function 6 writes one word"),
            (self.address + self.words > 65536, "it ends behind register 65535"),
            (not _SCALE[0] <= abs(self.scale) <= _SCALE[1], f"a scale lies between {_SCALE[0]:g} and {_SCALE[1]:g}, with either sign"),
            (
                self.minimum is not None and self.maximum is not None and self.minimum > self.maximum,
                "minimum is above maximum: nothing could be believed",
            ),
            (
                self.modulus is not None and not (integer and not clock and self.scale > 0),
                "only an integer counter that counts up has a modulus",
            ),
            ((self.type == "bool") != (self.table in formats.BIT_TABLES), "a coil or discrete input is a bool, and a bool is one of them"),
            (text != (self.length is not None), "a string, and only a string, has a length"),
            (text and self.quantity is not None, "a string is no reading and has no quantity"),
            (clock and self.quantity not in (None, Quantity.CLOCK_S), "a date has the quantity clock_s"),
            ((text or clock) and bool(self.not_implemented or self.scale_factor or self.enum), "a string or date is not scaled or an enum"),
            (
                self.bit is not None and (self.type[0] != "u" or self.bit + self.width > formats.bits_of(self.type)),
                "a bit field lies within an unsigned number",
            ),
            (
                any(not 0 <= pattern < 1 << max(formats.bits_of(self.type), 1) for pattern in self.not_implemented),
                "not_implemented holds a pattern that the type cannot send",
            ),
            (bool(self.enum) and (not self.is_integer or scaled), "an enum is an integer without scale and offset"),
            (self.unit is not None and self.quantity is None, "a unit belongs to a quantity"),
            (self.expect is not None and not integer, "only an integer is expected to be the same always"),
            (self.serial and (not (text or integer) or self.bit is not None), "a serial number is a string or a whole integer"),
        )

    @property
    def words(self) -> int:
        """How many registers it takes; 1 for a coil or discrete input."""
        return self.length or formats.words_of(self.type)

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.words

    def shares(self, other: "Register") -> bool:
        """May both lie on the same words? Only as bit fields of the same number."""
        return self.bit is not None and other.bit is not None and (self.address, self.words) == (other.address, other.words)

    @property
    def is_integer(self) -> bool:
        return self.type != "string" and formats.whole(self.type)

    @cached_property
    def conversion(self) -> tuple[Fraction, Fraction]:
        """Units of the quantity per count, and what is added to them: both exact, from the decimal text of scale and offset."""
        factor, shift = conversion(self.unit, self.quantity) if self.unit and self.quantity else (Fraction(1), Fraction(0))
        return Fraction(str(self.scale)) * factor, Fraction(str(self.offset)) * factor + shift

    @property
    def stored_modulus(self) -> int | None:
        """The modulus in the store's integers (see `Quantity.scale`), or None when it never rolls over, as a 64-bit counter never does.

        Of a register with a scale factor it is that for exponent 0. With another exponent a rollover is told as a reset: usage unknown.
        """
        if self.modulus is None or self.quantity is None or self.modulus > formats.EXACT:
            return None
        return int(self.modulus * self.conversion[0] * self.quantity.scale)
