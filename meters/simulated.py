"""What simulated devices answer: a table of values over time, the register maps, and all devices on their units."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from city.problems import PenstockError, Problem, fault
from meters.maps.registers import load_model
from meters.simulated_device import Image, SimulatedDevice, Simulation


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
            Problem(f"{path} {'.'.join(map(str, one['loc']))}", one["msg"], "see docs/simulator.md", "Correct the file.")
            for one in error.errors()
        ) from None
    places = [(device.unit, device.base) for device in spec.devices]
    if len(set(places)) < len(places):
        twice = sorted({unit for unit, base in places if places.count((unit, base)) > 1})
        raise fault(str(path), f"units {twice} twice", "one device per unit and base", "Give each device its own unit or base.")
    return spec.model_copy(update={"values": path.parent / spec.values, "models": tuple(path.parent / folder for folder in spec.models)})


class Devices:
    """All simulated devices, by the unit they answer for; several on one unit lie side by side by their base."""

    def __init__(self, spec: Spec) -> None:
        table = pd.read_parquet(spec.values).sort_values("time_utc", ignore_index=True)
        if not len(table) or table["time_utc"].dt.tz is None:
            raise fault(str(spec.values), "no rows or naive times", "rows with time_utc in UTC", "Write the table again.")
        self._times_s = table["time_utc"].dt.as_unit("s").astype(np.int64).to_numpy()
        columns: dict[str, dict[str, np.ndarray]] = {}
        for name in (str(name) for name in table.columns if name != "time_utc"):
            columns.setdefault(name.rpartition(".")[0], {})[name.rpartition(".")[2]] = table[name].to_numpy(dtype=float)
        self._units: dict[int, list[Simulation]] = {}
        for device in spec.devices:
            made = Simulation(device, load_model(device.model, spec.models), columns.get(device.meter, {}), int(self._times_s[0]))
            self._units.setdefault(device.unit, []).append(made)
        lacking = [name for unit in self._units.values() for device in unit for name in device.lacking()]
        if lacking:  # a value that nobody gave would be an invented one
            raise fault(
                str(spec.values), f"no column {', '.join(lacking[:12])}", "one per measured register", f"Add {len(lacking)} columns."
            )

    @property
    def first_utc(self) -> datetime:
        return datetime.fromtimestamp(int(self._times_s[0]), UTC)

    def __contains__(self, unit: int) -> bool:
        return unit in self._units

    def is_dead(self, unit: int) -> bool:
        return any(device.device.behaviour == "dead" for device in self._units[unit])

    def delay_s(self, unit: int) -> float:
        """How late a unit answers [s]."""
        return max(device.device.delay_s for device in self._units[unit])

    def read(self, unit: int, table: str, address: int, count: int, now_s: int) -> list[int] | None:
        """The words of a unit at `now_s` [s since 1970], by the last row at or before it; None where it has none to give.

        A read may span addresses without a register only where the map says that the device allows it.
        """
        row = max(int(np.searchsorted(self._times_s, now_s, side="right")) - 1, 0)
        image: Image = {}
        for device in self._units[unit]:
            image |= device.image(row, now_s)
        found = [image.get((table, a)) for a in range(address, address + count)]
        holes = any(device.model.max_gap == 0 for device in self._units[unit])
        if found[0] is None or found[-1] is None or (holes and None in found) or self._refused(unit, table, address, count):
            return None
        return [word or 0 for word in found]

    def write(self, unit: int, table: str, address: int, words: Sequence[int]) -> bool:
        """Take a write when it covers writable words of one device only."""
        for device in self._units[unit]:
            if {(table, a) for a in range(address, address + len(words))} <= device.writable():
                device.write(table, address, words)
                return True
        return False

    def _refused(self, unit: int, table: str, address: int, count: int) -> bool:
        """Does the read touch a register that the device refuses?"""
        return any(
            register.name in one.device.refuses
            and register.table == table
            and address < one.device.base + register.end
            and one.device.base + register.address < address + count
            for one in self._units[unit]
            for register in one.model.registers
        )
