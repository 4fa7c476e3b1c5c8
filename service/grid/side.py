"""The grid side of a city: its network and which of its meters stand where."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from city.places import Point
from city.problems import Problem, fault
from city.quantities import Quantity
from networks.grid.network import COLUMNS, Network
from networks.grid.reading import load
from networks.grid.topology import head_branches, tree
from service.grid.settings import GridSettings
from service.settings import LoadedCity


@dataclass(frozen=True)
class GridSide:
    """A network with its city. `power` has the point [kW] of each load and feeder that has a meter, and -1 where it feeds in."""

    city: LoadedCity
    settings: GridSettings
    network: Network

    @cached_property
    def digest(self) -> str:
        """Hash of the network: vectors that were stored of another one are not read as of this one."""
        made = hashlib.sha256()
        for name in COLUMNS:
            made.update(getattr(self.network, name).to_csv(index=False).encode())
        return made.hexdigest()

    @cached_property
    def heads(self) -> dict[str, int]:
        """{feeder: row of its head's branch} in the normal state."""
        return head_branches(self.network, self.network.normally_open)

    @cached_property
    def power(self) -> dict[str, tuple[Point, float]]:
        """{load or feeder: (its meter's power point, sign)}; of generation and storage what is fed in is below zero."""
        found = {}
        for name in [*self.heads, *self.network.loads["load"]]:
            meter = self.city.meter.get(self.settings.meters.get(name, name))
            points = [p for p in self.points_of.get(meter.id, ()) if p.quantity == Quantity.POWER_KW] if meter else []
            if meter and points:
                found[name] = points[0], -1.0 if meter.role in ("generation", "storage") else 1.0
        return found

    @cached_property
    def points_of(self) -> dict[str, list[Point]]:
        """{meter: its points}."""
        found: dict[str, list[Point]] = {}
        for point in self.city.points.values():
            found.setdefault(point.meter, []).append(point)
        return found

    @cached_property
    def bus_of(self) -> dict[str, int]:
        """{load or feeder with a meter: row of the bus it measures at}; a head measures at the far end of its branch."""
        loads = self.network.loads.set_index("load")["bus"]
        behind = {int(via): bus for bus, via in enumerate(tree(self.network, self.network.normally_open).via)}
        far = {name: behind[row] for name, row in self.heads.items()}
        return {name: far[name] if name in far else self.network.bus_index[loads[name]] for name in self.power}

    def district(self, bus: int) -> str:
        """Where a bus lies."""
        return str(self.network.buses["district"].iloc[bus])


@lru_cache(maxsize=4)
def grid_side(city: LoadedCity) -> GridSide | None:
    """The city's grid side, read once per loaded city; None without [grid]. Raises `PenstockError` when it is no network."""
    settings = city.settings.grid
    return None if settings is None else GridSide(city, settings, load(city.beside / settings.network))


def required(city: LoadedCity) -> GridSide:
    """The grid side. Raises `PenstockError` for a city without one."""
    found = grid_side(city)
    if found is None:
        raise fault("city.toml: grid", "missing", "a [grid] table with the network's folder", "Describe the network; see docs/grid.md.")
    return found


def problems(side: GridSide) -> list[Problem]:
    """Names in [grid] that the network or the city does not have."""
    grid, network, city = side.settings, side.network, side.city
    loads, switches = set(network.loads["load"]), set(network.switches["switch"])
    found = [_unknown(f"grid.critical.{name}", "load", name) for name in grid.critical if name not in loads]
    found += [_unknown(f"grid.meters.{name}", "load or feeder", name) for name in grid.meters if name not in loads | set(side.heads)]
    found += [_unknown(f"grid.switch_points.{name}", "switch", name) for name in grid.switch_points if name not in switches]
    for name in sorted(loads & set(side.heads)):
        found.append(
            Problem(f"load {name}", "a feeder has the same name", "one name for one thing", "Rename it: one meter cannot be both.")
        )
    for name, point in grid.switch_points.items():
        if point not in city.points or not city.is_command(city.points[point]):
            found.append(_unknown(f"grid.switch_points.{name}", "writable point", point))
    return found


def _unknown(path: str, kind: str, name: str) -> Problem:
    return Problem(path, f"no {kind} '{name}'", f"a {kind} that is there", "Correct the name.")


def float32(values: np.ndarray) -> bytes:
    """A vector as the store keeps it."""
    return np.asarray(values, dtype="<f4").tobytes()
