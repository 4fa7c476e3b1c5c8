"""Pressures, flows and tank levels over time: EPANET, demand-driven, on the city's regular UTC grid.

Pumps follow a given timetable or simple level hysteresis; pipes and valves keep the status of the INP file (its controls, rules
and demand patterns are not used). A pump command holds for a whole step, as a station polled once per step would do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.problems import PenstockError, Problem, fault
from networks import engine as en
from networks.network import Network, middle

_NO_HOLE = 1e-6  # m3/h at 1 m: below this EPANET's emitter overflows to not-a-number


@dataclass(frozen=True, slots=True)
class LevelControl:
    """Pump hysteresis: start below one level of a tank, stop above the other [m above the tank's bottom]."""

    pump: str
    tank: str
    on_below_m: float
    off_above_m: float


@dataclass(frozen=True, slots=True)
class Burst:
    """A hole half way along a pipe from a step on: outflow = coefficient x pressure^0.5 [m3/h, m]."""

    pipe: str
    start_step: int
    coefficient_m3_per_h: float

    @classmethod
    def of_size(cls, pipe: str, start_step: int, flow_m3_per_h: float, pressure_m: float) -> "Burst":
        """The burst that loses `flow_m3_per_h` while the pressure at the hole is `pressure_m`."""
        return cls(pipe, start_step, flow_m3_per_h / pressure_m**0.5)


@dataclass(frozen=True)
class Hydraulics:
    """What EPANET found at the start of every step; each frame is indexed by time, one column per id.

    `pressure_m` has the junctions, `flow_m3_per_h` all links (from start to end positive; of a pipe with a burst the half at its
    start), `level_m` the tanks, `pump_power_kw` and `pump_running` the pumps, `leak_m3_per_h` the pipes with a burst; `warning`
    is EPANET's warning code per step (0 none, 6 negative pressure).
    """

    pressure_m: pd.DataFrame
    flow_m3_per_h: pd.DataFrame
    level_m: pd.DataFrame
    pump_power_kw: pd.DataFrame
    pump_running: pd.DataFrame
    leak_m3_per_h: pd.DataFrame
    warning: pd.Series


def _utc_times(times: pd.Index, step_s: int, subject: str) -> pd.DatetimeIndex:
    if not isinstance(times, pd.DatetimeIndex) or times.tz is None or len(times) == 0:
        raise fault(subject, f"index {type(times).__name__} of {len(times)}", "UTC times", "Index the table by UTC times.")
    if len(times) > 1 and not (np.diff(times.as_unit("s").asi8) == step_s).all():
        raise fault(subject, "uneven or other time steps", f"a step of {step_s} s", "Resample to a regular grid.")
    return times


def _timetable(network: Network, times: pd.DatetimeIndex, pump_on: pd.DataFrame) -> NDArray[np.float64]:
    pumps = list(network.pumps["id"])
    network.require("pumps", pump_on.columns, "pump timetable")
    missing = [pump for pump in pumps if pump not in pump_on.columns]
    if missing or not pump_on.index.equals(times):
        seen = f"no column for pump {', '.join(missing)}" if missing else "other times than the demand"
        raise fault("pump timetable", seen, "one column per pump on the demand's times", "Complete it.")
    return (pump_on[pumps].to_numpy(dtype=float) > 0.5).astype(float)


def _check_controls(network: Network, controls: Sequence[LevelControl]) -> None:
    network.require("pumps", [c.pump for c in controls], "level control")
    network.require("tanks", [c.tank for c in controls], "level control")
    wrong = [
        Problem(
            f"level control of pump {c.pump}", f"on below {c.on_below_m} m, off above {c.off_above_m} m", "on < off", "Swap the levels."
        )
        for c in controls
        if not c.on_below_m < c.off_above_m
    ]
    if wrong:
        raise PenstockError(wrong)


class _Pumps:
    """Decides at every step which pumps run."""

    def __init__(self, network: Network, timetable: NDArray[np.float64] | None, controls: Sequence[LevelControl]) -> None:
        pumps, tanks = list(network.pumps["id"]), list(network.tanks["id"])
        self.timetable = timetable
        self.rules = [(pumps.index(c.pump), tanks.index(c.tank), c.on_below_m, c.off_above_m) for c in controls]
        status = network.links.set_index("id")["open"]
        self.state = np.array([float(status[pump]) for pump in pumps])  # a pump that no control names keeps the INP's status

    def at(self, step: int, level_m: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.timetable is not None:
            return self.timetable[step]
        for pump, tank, low, high in self.rules:
            middle = (low + high) / 2
            if step == 0:
                self.state[pump] = float(level_m[tank] < middle)
            elif level_m[tank] < low:
                self.state[pump] = 1.0
            elif level_m[tank] > high:
                self.state[pump] = 0.0
        return self.state.copy()


def simulate(
    network: Network,
    demand_m3_per_h: pd.DataFrame,
    *,
    initial_level_m: Mapping[str, float] | None = None,
    pump_on: pd.DataFrame | None = None,
    controls: Sequence[LevelControl] = (),
    bursts: Sequence[Burst] = (),
    step_s: int = 900,
) -> Hydraulics:
    """Run the network through the demand's times.

    Parameters
    ----------
    demand_m3_per_h: float[t, junctions], index regular UTC times; a junction without a column takes no water [m3/h]
    initial_level_m: level of tanks at the first time; others start as in the INP [m above bottom]
    pump_on: 0/1 [t, pumps] on the same times; or else `controls`, evaluated at the start of every step
    bursts: holes that open at a step and stay open
    step_s: the step of the times [s]

    Raises `PenstockError` for unknown ids, missing values, uneven times and what EPANET cannot solve; negative pressures are
    reported in `warning`, not raised.
    """
    times = _utc_times(demand_m3_per_h.index, step_s, "demand")
    network.require("junctions", demand_m3_per_h.columns, "demand")
    network.require("pipes", [burst.pipe for burst in bursts], "burst")
    network.require("tanks", initial_level_m or {}, "initial level")
    _check_controls(network, controls)
    for burst in bursts:
        if not 0 <= burst.coefficient_m3_per_h < np.inf:
            raise fault(f"burst on pipe {burst.pipe}", f"coefficient {burst.coefficient_m3_per_h}", "0 or more", "Give its size in m3/h.")
    if not np.isfinite(demand_m3_per_h.to_numpy(dtype=float)).all():
        raise fault("demand", "missing or infinite values", "a finite demand per junction and step", "Fill or drop the gaps first.")
    timetable = None if pump_on is None else _timetable(network, times, pump_on)
    return _run(network, demand_m3_per_h, dict(initial_level_m or {}), _Pumps(network, timetable, controls), bursts, step_s)


def _run(
    network: Network, demand: pd.DataFrame, levels: dict[str, float], pumps: _Pumps, bursts: Sequence[Burst], step_s: int
) -> Hydraulics:
    names = {part: list(getattr(network, part)["id"]) for part in ("junctions", "links", "tanks", "pumps")}
    holes = list(dict.fromkeys(burst.pipe for burst in bursts))
    steps = len(demand)
    found = {part: np.empty((steps, len(names[part]))) for part in ("junctions", "links", "tanks", "pumps")}
    running, leak, warning = np.empty((steps, len(names["pumps"]))), np.empty((steps, len(holes))), np.zeros(steps, dtype=int)
    values = demand.to_numpy(dtype=float)
    with en.Engine(network.prepared(split=holes), network.name) as engine:
        taking, junctions, tanks = (engine.node_index(ids) for ids in (demand.columns, names["junctions"], names["tanks"]))
        mids = engine.node_index(middle(pipe) for pipe in holes)
        links, stations = engine.link_index(names["links"]), engine.link_index(names["pumps"])
        engine.times((steps + 1) * step_s, step_s)
        engine.set_nodes(junctions, en.BASE_DEMAND, np.zeros(len(junctions)))
        start = (
            network.tanks["initial_level_m"].to_numpy()
            if not levels
            else np.array([levels.get(t, initial) for t, initial in zip(names["tanks"], network.tanks["initial_level_m"], strict=True)])
        )
        engine.set_nodes(tanks, en.TANK_LEVEL, start)
        engine.start()
        level = start
        for step in range(steps):
            engine.set_nodes(taking, en.BASE_DEMAND, values[step])
            running[step] = pumps.at(step, level)
            engine.set_links(stations, en.STATUS, running[step])
            opening = [b for b in bursts if (b.start_step == step or step == 0 > b.start_step) and b.coefficient_m3_per_h > _NO_HOLE]
            engine.set_nodes([mids[holes.index(b.pipe)] for b in opening], en.EMITTER, [b.coefficient_m3_per_h for b in opening])
            warning[step] = engine.solve()
            found["junctions"][step] = engine.nodes(junctions, en.PRESSURE)
            found["tanks"][step] = engine.nodes(tanks, en.PRESSURE)
            found["links"][step] = engine.links(links, en.FLOW)
            found["pumps"][step] = engine.links(stations, en.ENERGY)
            leak[step] = engine.nodes(mids, en.DEMAND)
            _advance(engine, step_s)
            level = engine.nodes(tanks, en.PRESSURE)
    frame = {part: pd.DataFrame(table, demand.index, names[part]) for part, table in found.items()}
    return Hydraulics(
        pressure_m=frame["junctions"],
        flow_m3_per_h=frame["links"],
        level_m=frame["tanks"],
        pump_power_kw=frame["pumps"],
        pump_running=pd.DataFrame(running.astype(int), demand.index, names["pumps"]),
        leak_m3_per_h=pd.DataFrame(leak, demand.index, holes),
        warning=pd.Series(warning, demand.index, name="warning"),
    )


def _advance(engine: en.Engine, step_s: int) -> None:
    """Move one step on, solving the moments in between at which EPANET finds a tank full or empty."""
    passed = engine.advance()
    while 0 < passed < step_s:
        engine.solve()
        passed += engine.advance()
