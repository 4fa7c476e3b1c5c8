"""What simulated devices answer: a table of values over time, the register maps, and how each device misbehaves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from city.problems import PenstockError, Problem, fault
from meters.registers import DeviceModel, Register, encode, load_model, scaled

Image = dict[tuple[str, int], int]  # table, address: word
Behaviour = Literal["ok", "dead", "stuck", "swapped_words"]
_EXPONENTS = range(-3, 8)


class SimulatedDevice(BaseModel):
    """One device of the simulator's specification."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meter: str = Field(description="meter id; its columns are called <meter>.<register>")
    unit: int = Field(ge=0, le=254, description="Modbus unit id; 255 is the simulator's clock")
    model: str = Field(description="register map")
    behaviour: Behaviour = Field(default="ok", description="ok, dead (never answers), stuck (repeats its first value), swapped_words")


class Spec(BaseModel):
    """The simulator's specification file (JSON)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: Path = Field(description="Parquet file: time_utc and one column per point, in the unit of its quantity")
    devices: tuple[SimulatedDevice, ...] = Field(description="what is on the line")
    models: tuple[Path, ...] = Field(default=(), description="folders with further register maps")


def read_spec(path: Path) -> Spec:
    """The specification at `path`; relative paths in it count from its folder. Raises `PenstockError` with every fault."""
    try:
        spec = Spec.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise fault(str(path), str(error.strerror), "a JSON file", "Check the path.") from None
    except ValidationError as error:
        raise PenstockError(
            Problem(f"{path} {'.'.join(map(str, one['loc']))}", one["msg"], "see docs/meters.md", "Correct the file.")
            for one in error.errors()
        ) from None
    units = [device.unit for device in spec.devices]
    if len(set(units)) < len(units):
        twice = sorted({unit for unit in units if units.count(unit) > 1})
        raise fault(str(path), f"units {twice} twice", "one device per unit", "Give each device its own unit.")
    return spec.model_copy(update={"values": path.parent / spec.values, "models": tuple(path.parent / folder for folder in spec.models)})


class Devices:
    """All simulated devices: which words each holds at a given time."""

    def __init__(self, spec: Spec) -> None:
        self.models = {device.unit: load_model(device.model, spec.models) for device in spec.devices}
        self.devices = {device.unit: device for device in spec.devices}
        table = pd.read_parquet(spec.values).sort_values("time_utc", ignore_index=True)
        if not len(table) or table["time_utc"].dt.tz is None:
            raise fault(str(spec.values), "no rows or naive times", "rows with time_utc in UTC", "Write the table again.")
        self.times_s = table["time_utc"].dt.as_unit("s").astype(np.int64).to_numpy()
        self._columns = {str(name): table[name].to_numpy(dtype=float) for name in table.columns if name != "time_utc"}
        self._written: dict[tuple[int, int], int] = {}  # unit, address: word
        self._images: dict[int, tuple[int, Image]] = {}
        self._check(str(spec.values))

    def _check(self, subject: str) -> None:
        """Every measured register needs a column: a value that nobody gave would be an invented one."""
        lacking = [
            f"{self.devices[unit].meter}.{register.name}"
            for unit, model in self.models.items()
            for register in model.points
            if not register.writable and register.default is None and f"{self.devices[unit].meter}.{register.name}" not in self._columns
        ]
        if lacking:
            raise fault(subject, f"no column {', '.join(lacking[:12])}", "one per measured register", f"Add {len(lacking)} columns.")

    @property
    def first_utc(self) -> datetime:
        return datetime.fromtimestamp(int(self.times_s[0]), UTC)

    def image(self, unit: int, now_s: int) -> Image:
        """The words of all registers of `unit` at `now_s` [s since 1970]: those of the last row at or before it."""
        row = max(int(np.searchsorted(self.times_s, now_s, side="right")) - 1, 0)
        if self.devices[unit].behaviour == "stuck":
            row = 0
        if unit not in self._images or self._images[unit][0] != row:
            self._images[unit] = (row, self._built(unit, row))
        return self._images[unit][1]

    def write(self, unit: int, address: int, words: list[int]) -> bool:
        """Take a write when it covers writable registers only; a stuck device takes it and changes nothing."""
        writable = {a for r in self.models[unit].points if r.writable for a in range(r.address, r.end)}
        if not set(range(address, address + len(words))) <= writable:
            return False
        if self.devices[unit].behaviour != "stuck":
            self._written |= {(unit, address + i): word for i, word in enumerate(words)}
            self._images.pop(unit, None)
        return True

    def _built(self, unit: int, row: int) -> Image:
        model, image = self.models[unit], dict[tuple[str, int], int]()
        exponents = self._exponents(unit, model, row)
        for register in model.registers:
            if register.name in exponents:
                words = encode(register, exponents[register.name])
            elif register.quantity is None:
                words = encode(register, "" if register.type == "string" else scaled(register, register.default or 0))
            else:
                words = encode(register, self._value(unit, register, row), exponents.get(register.scale_factor or "", 0))
            if self.devices[unit].behaviour == "swapped_words":
                words = words[::-1]
            for place, word in enumerate(words, register.address):  # bit fields of one number share its words
                shared = image.get((register.table, place), 0) if register.bit is not None else 0
                image[register.table, place] = word | shared
        return image | {("holding", address): word for (owner, address), word in self._written.items() if owner == unit}

    def _value(self, unit: int, register: Register, row: int) -> float | None:
        """The table's value; where it has none, the last one before it, or `not implemented` where the map can say so."""
        column = self._columns.get(f"{self.devices[unit].meter}.{register.name}")
        if column is None:
            if register.default is not None:
                return scaled(register, register.default)
            return min(max(0.0, register.write_min or 0.0), register.write_max or 0.0)
        if np.isfinite(column[row]):
            return float(column[row])
        if not register.is_integer or register.not_implemented:
            return None
        known = column[: row + 1][np.isfinite(column[: row + 1])]
        return float(known[-1]) if len(known) else 0.0

    def _exponents(self, unit: int, model: DeviceModel, row: int) -> dict[str, int]:
        """Scale factor registers: from their default up, the first power of ten with which every value they scale fits."""
        found: dict[str, int] = {}
        for register in model.points:
            if register.scale_factor is None:
                continue
            start = found.get(register.scale_factor, model.register(register.scale_factor).default or 0)
            value = self._value(unit, register, row)
            found[register.scale_factor] = next((e for e in _EXPONENTS if e >= start and _fits(register, value, e)), start)
        return found


def _fits(register: Register, value: float | None, exponent: int) -> bool:
    try:
        encode(register, value, exponent)
    except PenstockError:
        return False
    return True
