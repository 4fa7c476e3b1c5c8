"""One simulated device: the words it holds at a time, how it misbehaves, and what was written to it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from city.problems import PenstockError
from city.quantities import Quantity
from meters.maps.register import Register
from meters.maps.registers import DeviceModel, encode, scaled

Image = dict[tuple[str, int], int]  # table, address: word
Behaviour = Literal["ok", "dead", "stuck", "swapped_words"]
_EXPONENTS = range(-3, 8)
_DAY_S = 86_400


class SimulatedDevice(BaseModel):
    """One device of the simulator's specification."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meter: str = Field(description="meter id; its columns are called <meter>.<register>")
    unit: int = Field(ge=0, le=254, description="Modbus unit id; 255 is the simulator's clock")
    base: int = Field(default=0, ge=0, le=65535, description="added to every address of the model")
    model: str = Field(description="register map")
    behaviour: Behaviour = Field(default="ok", description="ok, dead (never answers), stuck (repeats its first value), swapped_words")
    delay_s: float = Field(default=0.0, ge=0, description="it answers so late [s]")
    refuses: tuple[str, ...] = Field(default=(), description="registers that it refuses to read (exception 2)")
    serial: str = Field(default="", description="what it says in the serial number register, where its map has one")
    clock_drift_s_per_day: float = Field(default=0.0, description="its clock gains so much, from the first row on [s]")
    battery_pct_per_day: float = Field(default=0.0, ge=0, description="its battery, full at the first row, loses so much [%]")


class Simulation:
    """A simulated device at work. `columns` are the values of its registers by name, one per row of the table, in their unit."""

    def __init__(self, device: SimulatedDevice, model: DeviceModel, columns: Mapping[str, NDArray[np.float64]], first_s: int) -> None:
        self.device, self.model, self._columns, self._first_s = device, model, columns, first_s
        self._written: Image = {}
        self._image: Image = {}
        self._of: tuple[int, int] | None = None  # row and second that the image was built for
        self._has_clock = any(register.quantity == Quantity.CLOCK_S for register in model.points)

    def lacking(self) -> list[str]:
        """Measured registers whose value nobody gave."""
        own = (Quantity.CLOCK_S, Quantity.BATTERY_PCT)
        return [
            f"{self.device.meter}.{register.name}"
            for register in self.model.points
            if not register.writable and register.default is None and register.quantity not in own and register.name not in self._columns
        ]

    def image(self, row: int, now_s: int) -> Image:
        """Every word it holds, by table and address on the wire; a refused register has none."""
        row = 0 if self.device.behaviour == "stuck" else row
        wanted = (row, now_s if self._has_clock else 0)
        if self._of != wanted:
            self._of, self._image = wanted, self._built(row, now_s)
        return self._image | self._written

    def writable(self) -> set[tuple[str, int]]:
        """Table and address on the wire of every word that may be written."""
        own = (register for register in self.model.points if register.writable)
        return {(register.table, self.device.base + a) for register in own for a in range(register.address, register.end)}

    def write(self, table: str, address: int, words: Sequence[int]) -> None:
        """Keep what is written; a stuck device takes it and changes nothing."""
        if self.device.behaviour != "stuck":
            self._written |= {(table, address + i): word for i, word in enumerate(words)}

    def _built(self, row: int, now_s: int) -> Image:
        image: Image = {}
        exponents = self._exponents(row, now_s)
        for register in self.model.registers:
            if register.name in self.device.refuses:
                continue
            words = self._words(register, row, now_s, exponents)
            if self.device.behaviour == "swapped_words":
                words = words[::-1]
            for place, word in enumerate(words, self.device.base + register.address):  # bit fields of one number share its words
                shared = image.get((register.table, place), 0) if register.bit is not None else 0
                image[register.table, place] = word | shared
        return image

    def _words(self, register: Register, row: int, now_s: int, exponents: Mapping[str, int]) -> tuple[int, ...]:
        if register.name in exponents:
            return encode(register, exponents[register.name])
        if register.serial and self.device.serial:
            return encode(register, self.device.serial if register.type == "string" else int(self.device.serial))
        if register.type == "string":
            return encode(register, "")
        if register.quantity is None:
            return encode(register, scaled(register, register.default or 0))
        return encode(register, self._value(register, row, now_s), exponents.get(register.scale_factor or "", 0))

    def _value(self, register: Register, row: int, now_s: int) -> float | None:
        """The table's value; where it has none, the last one before it, or `not implemented` where the map can say so."""
        column = self._columns.get(register.name)
        if column is None:
            return self._own(register, now_s)
        if np.isfinite(column[row]):
            return float(column[row])
        if not register.is_integer or register.not_implemented:
            return None
        known = column[: row + 1][np.isfinite(column[: row + 1])]
        return float(known[-1]) if len(known) else 0.0

    def _own(self, register: Register, now_s: int) -> float:
        """What a register without a column shows: the device's own clock or battery, its default, or a setpoint nobody wrote."""
        days = (now_s - self._first_s) / _DAY_S
        if register.quantity == Quantity.CLOCK_S:
            return float(round(now_s + days * self.device.clock_drift_s_per_day))
        if register.quantity == Quantity.BATTERY_PCT:
            return max(0.0, 100.0 - days * self.device.battery_pct_per_day)
        if register.default is not None:
            return scaled(register, register.default)
        return min(max(0.0, register.write_min or 0.0), register.write_max or 0.0)

    def _exponents(self, row: int, now_s: int) -> dict[str, int]:
        """Scale factor registers: from their default up, the first power of ten with which every value they scale fits."""
        found: dict[str, int] = {}
        for register in self.model.points:
            if register.scale_factor is None:
                continue
            start = found.get(register.scale_factor, self.model.register(register.scale_factor).default or 0)
            value = self._value(register, row, now_s)
            found[register.scale_factor] = next((e for e in _EXPONENTS if e >= start and _fits(register, value, e)), start)
        return found


def _fits(register: Register, value: float | None, exponent: int) -> bool:
    try:
        encode(register, value, exponent)
    except PenstockError:
        return False
    return True
