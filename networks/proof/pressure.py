"""The second proof of an isolation plan: EPANET, pressure-driven, with its valves shut, at one moment.

One project is kept open for all plans: what is shut and what the burst takes are set, one steady state is solved, everything is put
back. That solve answers both what still leaves the burst and who falls below the service pressure. Junctions the search found cut off
take nothing in it, so a way for water that the search overlooked would show as flow out of the burst, the only taker there.
"""

from collections.abc import Collection, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks import engine as en
from networks.network import Network, middle, second_half
from networks.proof.search import DryProof

SERVICE_M = 20.0
UNBALANCED = 1  # EPANET's warning that it did not converge
Floats = NDArray[np.float64]
_WAYS = ((0.001, 0.0), (0.001, 0.1), (0.01, 0.1))  # accuracy and damping, in turn until EPANET converges
_STILL_M3_PER_H = 0.01
_TRIALS, _MORE = 20, 10  # most plans need ten; then the statuses of pumps and valves that flap are held, and a few more settle it


@dataclass(frozen=True)
class Shut:
    """What EPANET found with the valves shut.

    `burst_m3_per_h` leaves the burst; `nodes` has a row per junction: node, demand_m3_per_h, pressure_before_m, pressure_m,
    served_m3_per_h, state (`served`, `below_service`, `cut_off`, `unfed` when it had no supply before, `no_demand`). Pressures of nodes
    without supply mean nothing and are left out, by what the search found and never by a pressure. `warning` is EPANET's code.
    """

    burst_m3_per_h: float
    nodes: pd.DataFrame
    warning: int
    service_m: float

    @property
    def fallen(self) -> pd.DataFrame:
        """The junctions that had the service pressure and have it no more."""
        return self.nodes[(self.nodes["state"] == "below_service") & (self.nodes["pressure_before_m"] >= self.service_m)]


class Trial:
    """A network in EPANET at one moment (take the busiest hour), in which valves are tried; use it in a `with` block.

    Demand falls with the square root of pressure below `service_m` [m] (EPANET 2.2 PDA, minimum 0). A pipe with a valve at both ends is
    split in the middle, so that a burst in it has a node of its own.
    """

    def __init__(
        self,
        network: Network,
        valves: pd.DataFrame,
        demand_m3_per_h: Mapping[str, float],
        *,
        level_m: Mapping[str, float] | None = None,
        pump_running: Mapping[str, int] | None = None,
        service_m: float = SERVICE_M,
    ) -> None:
        """Raises `PenstockError` for demands, levels and pumps at ids the network does not have."""
        self._level, self._running = dict(level_m or {}), dict(pump_running or {})
        network.require("junctions", demand_m3_per_h, "demand")
        network.require("tanks", self._level, "tank level")
        network.require("pumps", self._running, "pump state")
        self.network, self.service_m = network, service_m
        self.junctions = network.junctions["id"].tolist()
        self._wish = {name: float(demand_m3_per_h.get(name, 0.0)) for name in self.junctions}
        self.demand = np.array(list(self._wish.values()))
        self._places = {valve: (link, node) for valve, link, node in zip(*(valves[c] for c in ("valve", "link", "node")), strict=True)}
        self.closed = set(valves.loc[valves["state"] == "closed", "valve"])
        links = network.links
        self._ends = {name: (start, end) for name, start, end in zip(links["id"], links["start"], links["end"], strict=True)}
        self._suction = dict(zip(network.pumps["id"], network.pumps["start"], strict=True))
        self._regulating = links.loc[(links["kind"] == "valve") & links["one_way"], "id"].tolist()
        self._checked = set(links.loc[(links["kind"] == "pipe") & links["one_way"], "id"])
        barred = {*self._places.values()}
        self._inflows = {name for name, wish in self._wish.items() if wish < 0}
        sources = {*network.sources, *self._inflows}
        self._split = [p for p in network.pipes["id"] if all(end in sources or (p, end) in barred for end in self._ends[p])]
        self._valved = barred

    def __enter__(self) -> "Trial":
        model = self.network.prepared(split=self._split)
        model.options.hydraulic.emitter_exponent = 0.5
        model.options.hydraulic.trials = _TRIALS
        model.options.hydraulic.unbalanced, model.options.hydraulic.unbalanced_value = "CONTINUE", _MORE
        self.engine = engine = en.Engine(model, self.network.name).__enter__()
        engine.pressure_driven(0.0, self.service_m)
        self.node_at = dict(zip(self.junctions, engine.node_index(self.junctions), strict=True))
        names = [*self._ends, *(second_half(pipe) for pipe in self._split)]
        self._link_at = dict(zip(names, engine.link_index(names), strict=True))
        self._nodes = list(self.node_at.values())
        engine.set_nodes(self._nodes, en.BASE_DEMAND, self.demand)
        engine.set_nodes(engine.node_index(self._level), en.TANK_LEVEL, self._level.values())
        self.solve(self.closed)
        self.before_m = engine.nodes(self._nodes, en.PRESSURE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.engine.__exit__(kind, error, trace)

    def _half(self, link: str, node: str) -> str:
        """EPANET's name of the part of a link that touches the node."""
        return second_half(link) if second_half(link) in self._link_at and node != self._ends[link][0] else link

    @contextmanager
    def masked(self, dry: DryProof, without: Collection[str] = ()) -> Iterator[set[str]]:
        """The junctions the search found without supply, which take nothing meanwhile; what comes in at one that is not shut stays."""
        lost = {*dry.cut_off, *dry.unfed}
        quiet = [name for name in lost if self._wish[name] >= 0 or name in without]
        at = [self.node_at[name] for name in quiet]
        self.engine.set_nodes(at, en.BASE_DEMAND, np.zeros(len(at)))
        try:
            yield lost
        finally:
            self.engine.set_nodes(at, en.BASE_DEMAND, [self._wish[name] for name in quiet])

    def solve(
        self, closed: Collection[str], lost: Set[str] = frozenset(), opened: Collection[str] = (), without: Collection[str] = ()
    ) -> int:
        """Solve with just these valves shut, links opened and sources shut at their outlets; returns EPANET's warning code.

        Where junctions have `lost` their supply, pumps are stopped for want of water, as the plan says, and regulating valves held open:
        that conducts both ways, and nothing flaps.
        """
        engine = self.engine
        stopped = [pump for pump, suction in self._suction.items() if suction in lost]
        held = [name for name in self._regulating if lost >= set(self._ends[name])]
        shut = {self._half(*self._places[valve]) for valve in closed}
        shut |= {self._half(link, end) for link, ends in self._ends.items() for end in ends if end in without} if without else set()
        pumps = {pump: on for pump, on in self._running.items() if pump not in shut} | dict.fromkeys(stopped, 0)
        statuses = {**dict.fromkeys([*opened, *held], 1.0), **dict.fromkeys(shut - self._checked, 0.0), **pumps}
        barred = [self._link_at[name] for name in shut & self._checked]
        sizes = engine.links(barred, en.DIAMETER)
        engine.set_links(barred, en.DIAMETER, [en.BARRED_MM] * len(barred))
        try:
            return self._settled({self._link_at[name]: status for name, status in statuses.items()})
        finally:
            engine.set_links(barred, en.DIAMETER, sizes)

    def _settled(self, statuses: Mapping[int, float]) -> int:
        """Solve; where a pump or a valve keeps flapping once more damped, then less accurately. Returns EPANET's warning code."""
        for accuracy, damping in _WAYS:
            self.engine.accuracy(accuracy, damping)
            self.engine.start()  # puts every link back to its status in the INP, regulating valves too
            self.engine.set_links(list(statuses), en.STATUS, statuses.values())
            warning = self.engine.solve()
            if warning != UNBALANCED:
                break
            if self.engine.flow_change() < _STILL_M3_PER_H:  # next to nothing flows anywhere: a share of it is no measure
                return 0
        return warning

    def shut(
        self,
        closed: Collection[str],
        dry: DryProof,
        size_m3_per_h: float = 0.0,
        *,
        reopened: Collection[str] = (),
        opened: Collection[str] = (),
        without: Collection[str] = (),
    ) -> Shut:
        """One steady state with the valves `closed` and those whose state is closed shut; the burst would take its size at the service
        pressure [m3/h]. `dry` is what the search found for the same; the other parameters are as in `Search.prove`."""
        hole = self._hole(dry.pipe)
        at, own = self.engine.node_index([hole])[0], self._wish.get(hole, 0.0)
        with self.masked(dry, without) as lost:
            taken = size_m3_per_h + (0.0 if hole in lost else own)
            self.engine.set_nodes([at], en.BASE_DEMAND, [taken])
            shut = (self.closed | set(closed)) - set(reopened)
            warning = self.solve(shut, lost, opened, without)
            table, left = self._table(dry), float(self.engine.nodes([at], en.DEMAND)[0])
            inflows = sorted(self._inflows - set(without))
            if inflows and left > _STILL_M3_PER_H:  # from a way that is open, or pressed through shut valves?
                with self._overflowing(inflows):
                    warning = self.solve(shut, lost, opened, without)
                    left = float(self.engine.nodes([at], en.DEMAND)[0])
            left *= size_m3_per_h / max(taken, 1e-9)
            self.engine.set_nodes([at], en.BASE_DEMAND, [own])
        return Shut(left, table, warning, self.service_m)

    @contextmanager
    def _overflowing(self, inflows: Collection[str]) -> Iterator[None]:
        """Junctions where a given flow comes in, with an outlet that takes it at the service pressure: without one, water that nobody
        takes would be pressed through shut valves."""
        at = [self.node_at[name] for name in inflows]
        self.engine.set_nodes(at, en.EMITTER, [-self._wish[name] / self.service_m**0.5 for name in inflows])
        try:
            yield
        finally:
            self.engine.set_nodes(at, en.EMITTER, [0.0] * len(at))

    def _hole(self, pipe: str) -> str:
        """A node on the pipe's own side of its valves."""
        if pipe in self._split:
            return middle(pipe)
        ends = (end for end in self._ends[pipe] if end in self.node_at and end not in self._inflows)
        return next(end for end in ends if (pipe, end) not in self._valved)

    def _table(self, dry: DryProof) -> pd.DataFrame:
        pressure, served = self.engine.nodes(self._nodes, en.PRESSURE), self.engine.nodes(self._nodes, en.DEMAND)
        cut, unfed = (np.array([name in part for name in self.junctions]) for part in (set(dry.cut_off), set(dry.unfed)))
        lost = cut | unfed
        state = np.where(self.demand <= 0, "no_demand", np.where(pressure < self.service_m, "below_service", "served"))
        return pd.DataFrame(
            {
                "node": self.junctions,
                "demand_m3_per_h": self.demand,
                "pressure_before_m": np.where(unfed, np.nan, self.before_m),
                "pressure_m": np.where(lost, np.nan, pressure),
                "served_m3_per_h": np.where(lost, 0.0, served),
                "state": np.where(cut, "cut_off", np.where(unfed, "unfed", state)),
            }
        )
