"""One day of pumping in EPANET: what a schedule costs, what it does to tanks and pressures, and single steps from any tank levels.

The schedule enters as one speed pattern per pump, so a day is a plain EPANET run: only controls, rules and the pumps' own speed
patterns are taken out; hydraulic and report step, demand patterns and efficiency curves stay as the file says.

References: Rossman et al. (2020), EPANET 2.2 User Manual, EPA/600/R-20/133, sections 3.1 (energy) and 12 (tanks, time steps).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from networks import engine as en
from networks.pumping.model import pattern_of, scheduled
from networks.pumping.task import Floats, PumpTask

_INSIDE_M = 1e-7

Running = NDArray[np.int8]
"""int8[pumps, steps]: 1 where a pump runs."""


@dataclass(frozen=True)
class Day:
    """What EPANET found at each of its moments, events between the regular steps and the end included.

    `time_s` int[moments]; `level_m` float[moments, tanks]; `pressure_m` float[moments, watched]; `power_kw` float[moments, pumps];
    `inflow_m3_per_h` float[moments, tanks]; `warning`: EPANET's worst code (0 none, 4 a pump outside its curve, 6 negative pressure).
    """

    time_s: NDArray[np.int64]
    level_m: Floats
    pressure_m: Floats
    power_kw: Floats
    inflow_m3_per_h: Floats
    warning: int

    @property
    def hours(self) -> Floats:
        """float[moments]: how long each moment lasts; the last one not at all [h]."""
        return np.diff(self.time_s, append=self.time_s[-1]) / 3600.0


@dataclass(frozen=True)
class Step:
    """One step from given levels: `end_level_m` float[tanks], `cost` of its energy, `pressure_m` float[watched] the least."""

    end_level_m: Floats
    cost: float
    pressure_m: Floats
    warning: int


class PumpDay:
    """An open EPANET project for one task; use it in a `with` block. `solves` counts the hydraulic solves."""

    def __init__(self, task: PumpTask) -> None:
        self.task, self.solves = task, 0
        self._engine = en.Engine(scheduled(task), task.network.name)
        self._repeat = task.step_s // task.pattern_step_s

    def __enter__(self) -> "PumpDay":
        engine, task = self._engine.__enter__(), self.task
        self._pumps, self._tanks = engine.link_index(task.pumps), engine.node_index(task.tanks)
        self._watched = engine.node_index(task.watched)
        self._patterns = [engine.pattern_index(pattern_of(pump)) for pump in task.pumps]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.__exit__(kind, error, trace)

    def _begin(self, duration_s: int, start_s: int, running: Running, level_m: Sequence[float] | Floats) -> None:
        engine, task = self._engine, self.task
        engine.times(duration_s, task.hydraulic_step_s, task.pattern_step_s, start_s, task.report_step_s)
        for pattern, row in zip(self._patterns, running, strict=True):
            engine.set_pattern(pattern, np.repeat(row, self._repeat))
        low, high = task.tank_range_m.T
        beyond = np.asarray(level_m) < low, np.asarray(level_m) > high  # EPANET refuses its own full tank, a rounding beyond the limit
        engine.set_nodes(self._tanks, en.TANK_LEVEL, np.select(beyond, (low + _INSIDE_M, high - _INSIDE_M), level_m))
        engine.start()

    def run(self, running: Running) -> Day:
        """The whole horizon from the task's first levels under a schedule int8[pumps, steps]."""
        engine, task = self._engine, self.task
        self._begin(task.steps * task.step_s, 0, running, task.initial_level_m)
        time, passed, warning = 0, 1, 0
        found: list[tuple[Floats, ...]] = []
        times = []
        while passed > 0:
            warning = max(warning, engine.solve())
            self.solves += 1
            times.append(time)
            found.append(
                (
                    engine.nodes(self._tanks, en.PRESSURE),
                    engine.nodes(self._watched, en.PRESSURE),
                    engine.links(self._pumps, en.ENERGY),
                    engine.nodes(self._tanks, en.DEMAND),
                )
            )
            passed = engine.advance()
            time += passed
        level, pressure, power, inflow = (np.array(part) for part in zip(*found, strict=True))
        return Day(np.array(times), level, pressure, power, inflow, warning)

    def step(self, step: int, level_m: Sequence[float] | Floats, running: Sequence[int] | Running) -> Step:
        """One step of the horizon from given tank levels [m] with the pumps int[pumps] as said."""
        engine, task = self._engine, self.task
        constant = np.repeat(np.asarray(running, dtype=np.int8)[:, None], task.steps, axis=1)
        self._begin(task.step_s, step * task.step_s, constant, level_m)
        time, warning, cost = 0, 0, 0.0
        least = np.full(len(self._watched), np.inf)
        while time < task.step_s:
            warning = max(warning, engine.solve())
            self.solves += 1
            least = np.minimum(least, engine.nodes(self._watched, en.PRESSURE))
            power = engine.links(self._pumps, en.ENERGY)
            passed = engine.advance()
            cost += float(power @ task.price[:, (step * task.step_s + time) // task.pattern_step_s]) * passed / 3600.0
            time += passed
        return Step(engine.nodes(self._tanks, en.PRESSURE), cost, least, warning)

    def age(self, start_h: Floats) -> tuple[Floats, Floats]:
        """Water age of all nodes at the end and at the worst of the day last run, float[nodes] each, from ages at its start [h]."""
        return self._engine.age(range(1, len(start_h) + 1), start_h)

    def node_at(self, nodes: Sequence[str]) -> list[int]:
        """Where nodes stand in what `age` gives."""
        return [index - 1 for index in self._engine.node_index(nodes)]
