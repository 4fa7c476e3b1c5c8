"""What is asked of the pumps of one network: horizon, demand, prices, where the tanks start, and the limits that must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.problems import fault
from networks.network import Network
from networks.pumping.limits import PumpLimits

if TYPE_CHECKING:
    import wntr

Floats = NDArray[np.float64]
_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class PumpTask:
    """A network, its limits and a horizon of `steps` decisions that hold for `step_s` each (0 steps: the duration of the file).

    `demand_m3_per_h` float[steps, junctions], `price_per_kwh` float[steps] and `level_now_m` tank -> level replace what the file says.
    Raises `PenstockError` for unknown ids and for a network without pumps or tanks.
    """

    network: Network
    limits: PumpLimits = field(default_factory=PumpLimits)
    step_s: int = 3600
    steps: int = 0
    demand_m3_per_h: pd.DataFrame | None = None
    price_per_kwh: Floats | None = None
    level_now_m: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        network, limits = self.network, self.limits
        for kind, ids, subject in (
            ("junctions", limits.pressure_m, "pressure limit"),
            ("tanks", [*limits.level_m, *limits.end_level_m, *limits.reserve_m3, *limits.turnover, *self.level_now_m], "tank limit"),
            ("nodes", limits.age_h, "water age limit"),
        ):
            network.require(kind, ids, subject)
        if not len(network.pumps) or not len(network.tanks):
            seen = f"{len(network.pumps)} pumps and {len(network.tanks)} tanks"
            raise fault(f"network {network.name}", seen, "at least one of each", "There is nothing to schedule here.")
        if self.steps == 0:
            given = self.demand_m3_per_h
            object.__setattr__(self, "steps", max(1, int(self._file.options.time.duration) // self.step_s) if given is None else len(given))

    @cached_property
    def _file(self) -> "wntr.network.WaterNetworkModel":
        return self.network.model()

    @cached_property
    def pumps(self) -> tuple[str, ...]:
        return tuple(self.network.pumps["id"])

    @cached_property
    def tanks(self) -> tuple[str, ...]:
        return tuple(self.network.tanks["id"])

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The junctions with a pressure limit."""
        return tuple(self.limits.pressure_m)

    @cached_property
    def least_pressure_m(self) -> Floats:
        return np.array([self.limits.pressure_m[junction] for junction in self.watched])

    @cached_property
    def pattern_step_s(self) -> int:
        """The longest step on which the file's patterns and the schedule are both constant [s]."""
        times = self._file.options.time
        return gcd(int(times.pattern_timestep), int(times.pattern_start), self.step_s)

    @cached_property
    def hydraulic_step_s(self) -> int:
        """EPANET's own step: it takes the least of the file's, the patterns' and the reports' [s]."""
        return min(int(self._file.options.time.hydraulic_timestep), self.pattern_step_s, self.report_step_s)

    @cached_property
    def report_step_s(self) -> int:
        """The file's, at which EPANET solves too: another one would move its moments after a tank fills or a pump switches [s]."""
        return int(self._file.options.time.report_timestep) or self.pattern_step_s

    @cached_property
    def initial_level_m(self) -> Floats:
        """float[tanks]: where the tanks start."""
        table = self.network.tanks.set_index("id")["initial_level_m"]
        return np.array([self.level_now_m.get(tank, table[tank]) for tank in self.tanks], dtype=float)

    @cached_property
    def level_limits_m(self) -> Floats:
        """float[tanks, 2]: least and most level; the fire reserve counts above the lowest usable level."""
        table = self.network.tanks.set_index("id")
        rows = []
        for tank in self.tanks:
            low, high = float(table.loc[tank, "min_level_m"]), float(table.loc[tank, "max_level_m"])
            least, most = self.limits.level_m.get(tank, (low, high))
            grid = np.linspace(low, high, 4097)
            holds, reserve = self.volume_m3(tank, grid) - self.volume_m3(tank, grid[:1]), self.limits.reserve_m3.get(tank, 0.0)
            if reserve > holds[-1]:
                raise fault(f"fire reserve of tank {tank}", f"{reserve:,.0f} m3", f"at most the {holds[-1]:,.0f} m3 it holds", "Lower it.")
            kept = np.interp(reserve, holds, grid)
            rows.append((max(low, least, float(kept)), min(high, most)))
        return np.array(rows)

    @cached_property
    def tank_range_m(self) -> Floats:
        """float[tanks, 2]: where EPANET shuts a tank for being empty or full [m]."""
        return self.network.tanks[["min_level_m", "max_level_m"]].to_numpy(dtype=float)

    @cached_property
    def end_level_m(self) -> Floats:
        """float[tanks]: least levels at the end."""
        return np.array([self.limits.end_level_m.get(tank, start) for tank, start in zip(self.tanks, self.initial_level_m, strict=True)])

    def volume_m3(self, tank: str, level_m: Floats) -> Floats:
        """What a tank holds at these levels [m3]."""
        node = self._file.get_node(tank)
        if node.vol_curve is None:
            return np.pi / 4 * node.diameter**2 * np.asarray(level_m)
        points = np.array(node.vol_curve.points)
        return np.interp(level_m, points[:, 0], points[:, 1])

    @cached_property
    def price(self) -> Floats:
        """float[pumps, pattern steps]: what a kWh costs, as EPANET would count it; 1 where there is no tariff at all: kWh are counted."""
        return self._tariff if self.priced else np.ones_like(self._tariff)

    @property
    def priced(self) -> bool:
        """Is there a tariff?"""
        return bool(self._tariff.any())

    @cached_property
    def _tariff(self) -> Floats:
        count = self.steps * self.step_s // self.pattern_step_s
        if self.price_per_kwh is not None:
            return np.tile(np.repeat(self.price_per_kwh, self.step_s // self.pattern_step_s), (len(self.pumps), 1))
        energy, rows = self._file.options.energy, []
        for name in self.pumps:
            pump = self._file.get_link(name)
            price = pump.energy_price or energy.global_price or 0.0  # EPANET: a pump's own price, where it has one
            pattern = pump.energy_pattern or energy.global_pattern
            rows.append(price * _JOULES_PER_KWH * (self._multipliers(pattern, count) if pattern else np.ones(count)))
        return np.array(rows)

    @property
    def demand_charge_per_kw(self) -> float:
        return float(self._file.options.energy.demand_charge or 0.0)

    def _multipliers(self, pattern: str, count: int) -> Floats:
        """float[count]: a pattern of the file on our pattern steps from the start of the run on."""
        times, values = self._file.options.time, np.asarray(self._file.get_pattern(pattern).multipliers)
        at = (np.arange(count) * self.pattern_step_s + int(times.pattern_start)) // int(times.pattern_timestep)
        return values[at % len(values)]

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Pumps that nothing tells apart: same ends, curve, efficiency and price; indices into `pumps`."""
        found: dict[tuple[object, ...], list[int]] = {}
        for i, name in enumerate(self.pumps):
            pump = self._file.get_link(name)
            curve = pump.pump_curve_name if pump.pump_type == "HEAD" else pump.power
            efficiency = pump.efficiency_curve.name if pump.efficiency_curve is not None else None
            ends = self._behind(pump.start_node_name, name), self._behind(pump.end_node_name, name)
            found.setdefault((*ends, curve, efficiency, pump.base_speed, self.price[i].tobytes()), []).append(i)
        return tuple(map(tuple, found.values()))

    def _behind(self, node: str, pump: str) -> tuple[object, ...]:
        """What a pump's end hangs on: the node, or the pipe of its own that leads on from there."""
        others = [link for link in self._file.get_links_for_node(node) if link != pump]
        pipe = self._file.get_link(others[0]) if len(others) == 1 else None
        end = self._file.get_node(node)
        if pipe is None or pipe.link_type != "Pipe" or end.node_type != "Junction" or any(d.base_value for d in end.demand_timeseries_list):
            return (node,)
        far = pipe.end_node_name if pipe.start_node_name == node else pipe.start_node_name
        return (far, far == pipe.end_node_name, pipe.length, pipe.diameter, pipe.roughness, pipe.minor_loss, pipe.check_valve)
