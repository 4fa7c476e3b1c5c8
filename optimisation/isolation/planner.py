"""The least valves that part a pipe from every source, and what closing them costs.

The plan is exact on the graph of segments: the burst's segment, grown over every valve that cannot be turned, is bounded by
working valves; of these only the ones behind which there is still a source must be closed. For that every link conducts, whatever its
status or direction; for who has supply they do not. No solver is needed for the least set around a segment; `fewest` trades more lost
water against fewer valves.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.network import Network
from networks.segments import Segments, segments
from networks.supply import Bools, Supply
from optimisation.isolation.plan import Alternative, IsolationPlan


@dataclass(frozen=True)
class Cut:
    """The valves around a core of segments: `needed` have a source behind them, `spare` have none; bool[segments], bool[valves] x 2."""

    core: Bools
    needed: Bools
    spare: Bools


class Planner:
    """One network with its valves and customers, made once; each plan is then a few searches on its segments and nodes."""

    def __init__(
        self,
        network: Network,
        valves: pd.DataFrame,
        *,
        customers_per_node: Mapping[str, float] | None = None,
        critical: Mapping[str, str] | None = None,
        demand_m3_per_h: Mapping[str, float] | None = None,
        hydrants: Collection[str] = (),
        turned_since: date | None = None,
        parts: Segments | None = None,
    ) -> None:
        """
        Parameters
        ----------
        valves: table valve, link, node, state and, where known, exercised (see `networks.valves`)
        customers_per_node: junction -> customers [1]; critical: junction -> name (hospital, dialysis, fire station)
        demand_m3_per_h: junction -> demand; base demand of the INP when left out [m3/h]
        hydrants: junctions with a hydrant
        turned_since: a valve to close that was last turned before this day is told as unsure
        parts: `segments(network, valves)` when already made

        Raises `PenstockError` for customers, critical customers or hydrants at junctions the network does not have.
        """
        network.require("junctions", customers_per_node or {}, "customers per node")
        network.require("junctions", critical or {}, "critical customers")
        network.require("junctions", hydrants, "hydrants")
        self.network, self.critical = network, dict(critical or {})
        self.parts = segments(network, valves) if parts is None else parts
        self.supply = Supply(network, valves)
        self._valves(valves, turned_since)
        nodes, links = network.nodes, network.links
        self.node_ids, self.link_ids = nodes["id"].to_numpy(dtype=object), links["id"].to_numpy(dtype=object)
        self.junction, self.pump = nodes["kind"].eq("junction").to_numpy(), links["kind"].eq("pump").to_numpy()
        self.hydrant, self.length = np.isin(self.node_ids, list(hydrants)), links["length_m"].to_numpy()
        base = network.junctions.set_index("id")["base_demand_m3_per_h"].to_dict()
        self.demand = np.maximum(self._per_node(base if demand_m3_per_h is None else demand_m3_per_h), 0.0)  # an inflow is none
        self.customers = self._per_node(customers_per_node or {})
        self.node_segment, self.link_segment = self.parts.node.to_numpy(), self.parts.link.to_numpy()
        self.pipe_segment = dict(zip(self.link_ids[links["kind"].eq("pipe")], self.link_segment[links["kind"].eq("pipe")], strict=True))
        self.source_segment = self.node_segment[self.supply.sources]
        self.wet_before = self.supply.nodes(self.closed)
        self.link_wet_before = self.supply.links(self.wet_before, self.closed)

    def _valves(self, valves: pd.DataFrame, turned_since: date | None) -> None:
        self.names = valves["valve"].to_numpy(dtype=object)
        self.stuck, self.closed = valves["state"].eq("stuck").to_numpy(), valves["state"].eq("closed").to_numpy()
        self.unsure = dict.fromkeys(valves.loc[valves["state"] == "unknown", "valve"], "its state is unknown")
        if turned_since is not None and "exercised" in valves:
            old = valves[valves["exercised"] < pd.Timestamp(turned_since)]
            self.unsure |= {valve: f"last turned {day:%Y-%m-%d}" for valve, day in zip(old["valve"], old["exercised"], strict=True)}

    def _per_node(self, amounts: Mapping[str, float]) -> NDArray[np.float64]:
        return np.array([float(amounts.get(name, 0.0)) for name in self.node_ids])

    def plan(self, pipe: str, stuck: Collection[str] = ()) -> IsolationPlan:
        """The least valves that part `pipe` from every source, when those in `stuck` do not turn either (or are missing).

        Raises `PenstockError` when the network has no such pipe.
        """
        if pipe not in self.pipe_segment:
            self.network.require("pipes", [pipe], "burst")
        blocked = self.blocked(stuck)
        joined = self.parts.joined(blocked)
        return self.told(pipe, joined == joined[self.pipe_segment[pipe]], self.closed & ~blocked, joined)

    def blocked(self, stuck: Collection[str]) -> Bools:
        """bool[valves] that cannot be turned: those of the table and these."""
        return self.stuck | np.isin(self.names, list(stuck)) if stuck else self.stuck

    def around(self, core: Bools, closed: Bools) -> Cut:
        """The working valves around a core bool[segments], when those in `closed` bool[valves] are shut already."""
        sides = self.parts.sides
        inside = core[sides[:, 0]].astype(np.int8) + core[sides[:, 1]]
        boundary = (inside == 1) & ~closed
        feeding = self.parts.reach(self.source_segment[~core[self.source_segment]], ~closed & (inside == 0))
        behind = feeding[sides[:, 0]] | feeding[sides[:, 1]]
        return Cut(core, boundary & behind, boundary & ~behind)

    def _next_ring(self, cut: Cut, closed: Bools, joined: NDArray[np.int64]) -> dict[str, tuple[str, ...]]:
        """For each valve to close: what else to close when it does not turn, the core grown over it."""
        ring = {}
        for at in np.flatnonzero(cut.needed):
            a, b = joined[self.parts.sides[at]]
            wider = self.around(cut.core | (joined == a) | (joined == b), closed)
            ring[str(self.names[at])] = self._named(wider.needed & ~cut.needed)
        return ring

    def _named(self, chosen: Bools) -> tuple[str, ...]:
        return tuple(map(str, self.names[chosen]))

    def told(self, pipe: str, core: Bools, closed: Bools, joined: NDArray[np.int64]) -> IsolationPlan:
        """The plan that cuts the segments `core` bool[segments]; `closed` valves are shut already, stuck ones make segments `joined`."""
        cut = self.around(core, closed)
        sources = self.supply.sources[cut.core[self.source_segment]]
        shut = closed | cut.needed
        wet = self.supply.nodes(shut, without=sources)
        lost = self.wet_before & ~wet & self.junction
        own = cut.core[self.node_segment]
        dry = cut.core[self.link_segment] | (self.link_wet_before & ~self.supply.links(wet, shut))
        cut_off = set(self.node_ids[lost])
        to_close = self._named(cut.needed)
        return IsolationPlan(
            pipe=pipe,
            valves_to_close=to_close,
            valves_to_spare=self._named(cut.spare),
            customers=float(self.customers[lost].sum()),
            critical={node: name for node, name in self.critical.items() if node in cut_off},
            demand_m3_per_h=float(self.demand[lost].sum()),
            length_m=float(self.length[dry].sum()),
            nodes_cut=tuple(self.node_ids[lost & own]),
            unintended=tuple(self.node_ids[lost & ~own]),
            pumps_inside=tuple(self.link_ids[dry & self.pump]),
            sources_inside=tuple(self.node_ids[sources]),
            next_ring=self._next_ring(cut, closed, joined),
            unsure={valve: self.unsure[valve] for valve in to_close if valve in self.unsure},
            alternatives=self._alternatives(cut, closed, wet, lost & ~own),
            hydrants_lost=tuple(self.node_ids[lost & self.hydrant]),
        )

    def _alternatives(self, cut: Cut, closed: Bools, wet: Bools, dead: Bools) -> tuple[Alternative, ...]:
        """Closed valves and links that give supply again to some of the `dead` nodes when opened, the best first."""
        if not dead.any():
            return ()
        sources = self.supply.sources[cut.core[self.source_segment]]
        found = []
        for kind, at in self._openers(closed | cut.needed, closed, wet):
            still, opened = closed, [at]
            if kind == "valve":
                still, opened = closed.copy(), []
                still[at] = False
            wider = self.around(cut.core, still)
            again = dead & self.supply.nodes(still | wider.needed, opened, sources)
            if again.any():
                name = str((self.names if kind == "valve" else self.link_ids)[at])
                close, nodes = self._named(wider.needed & ~cut.needed), tuple(self.node_ids[again])
                found.append(Alternative(kind, name, close, nodes, float(self.customers[again].sum())))
        return tuple(sorted(found, key=lambda way: (-way.customers, -len(way.nodes), way.open)))

    def _openers(self, shut: Bools, closed: Bools, wet: Bools) -> Iterator[tuple[Literal["valve", "link"], int]]:
        """Closed valves, then links closed in the INP, with water on one side only."""
        supply = self.supply
        node = np.where(supply.at_start, supply.start[supply.valve_link], supply.end[supply.valve_link])
        valves = closed & (wet[node] != supply.links(wet, shut)[supply.valve_link])
        yield from (("valve", int(at)) for at in np.flatnonzero(valves))
        links = ~supply.usable & (wet[supply.start] != wet[supply.end])
        links[supply.valve_link[shut]] = False
        yield from (("link", int(at)) for at in np.flatnonzero(links))


def plan_isolation(
    network: Network,
    valves: pd.DataFrame,
    pipe: str,
    *,
    customers_per_node: Mapping[str, float] | None = None,
    critical: Mapping[str, str] | None = None,
    stuck: Collection[str] = (),
    demand_m3_per_h: Mapping[str, float] | None = None,
    hydrants: Collection[str] = (),
    turned_since: date | None = None,
    parts: Segments | None = None,
) -> IsolationPlan:
    """One plan for one burst; for many, make a `Planner` once. Parameters and errors as there."""
    planner = Planner(
        network,
        valves,
        customers_per_node=customers_per_node,
        critical=critical,
        demand_m3_per_h=demand_m3_per_h,
        hydrants=hydrants,
        turned_since=turned_since,
        parts=parts,
    )
    return planner.plan(pipe, stuck)
