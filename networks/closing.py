"""What a burst loses, and who is short of water, with some of the valves of its isolation closed.

One EPANET project serves all sets of closed valves: 0.3 ms each on a hundred pipes. The burst is an emitter (outflow = C p^0.5) whose
C makes it lose its measured size while all valves are open; demand falls with pressure (EPANET 2.2, none at 0 m, all of it from
the service pressure, square root between). The moment stands still: demand, tank levels and pumps are those given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks import engine as en
from networks.network import Network, middle, second_half
from networks.segments import Segments, segments
from networks.supply import Supply

Closed = frozenset[str]
_LEAST_HEAD_M = 1.0  # a burst that was measured had some pressure, whatever the model finds there


@dataclass(frozen=True)
class State:
    """With one set of valves closed: what leaves the burst, customers without water, and what passes each valve.

    A customer without supply counts as one; one who gets half of his water because pressure is low, as a half. The feed of a valve
    is what flows through it towards the burst's side, below zero when it leaves there.
    """

    outflow_m3_per_h: float
    customers: float
    feed_m3_per_h: Mapping[str, float]


class Closing:
    """The valves around one burst, any of them open or closed; use it in a `with` block. Each set of closed valves is solved once."""

    def __init__(
        self,
        network: Network,
        table: pd.DataFrame,
        pipe: str,
        size_m3_per_h: float,
        valves: Sequence[str],
        demand_m3_per_h: Mapping[str, float],
        *,
        customers_per_node: Mapping[str, float] | None = None,
        level_m: Mapping[str, float] | None = None,
        pump_running: Mapping[str, int] | None = None,
        service_m: float = 20.0,
        parts: Segments | None = None,
    ) -> None:
        """`table` is the valve table, `valves` those that will be closed. Raises `PenstockError` for ids the network does not have."""
        network.require("pipes", [pipe], "burst")
        network.require("junctions", demand_m3_per_h, "demand")
        network.require("junctions", customers_per_node or {}, "customers per node")
        self.network, self.pipe, self.size = network, pipe, size_m3_per_h
        self.parts = segments(network, table) if parts is None else parts
        self.valves = tuple(valves)
        start = network.pipes.set_index("id").loc[pipe, "start"]
        self._shut = {
            valve: second_half(link) if link == pipe and node != start else link
            for valve, link, node in zip(table["valve"], table["link"], table["node"], strict=True)
        }
        self._closed_before = set(table.loc[table["state"] == "closed", "valve"])
        self._junctions = list(network.junctions["id"])
        self.table, self._supply = table, Supply(network, table)
        self._is_junction = network.nodes["kind"].eq("junction").to_numpy()
        self._supplied = self._has_supply(frozenset())
        self._demand = np.array([float(demand_m3_per_h.get(name, 0.0)) for name in self._junctions])
        self._customers = np.array([float((customers_per_node or {}).get(name, 0.0)) for name in self._junctions])
        self._level, self._running, self._service_m = dict(level_m or {}), dict(pump_running or {}), service_m
        self._inwards = self._signs(table)
        self._known: dict[tuple[Closed, bool], State] = {}

    def _signs(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """float64[valves]: 1 where flow from the link's start to its end goes towards the burst's side of the valve, else -1."""
        inside = ~self._fed(frozenset(self.valves))
        starts = dict(zip(self.network.links["id"], self.network.links["start"], strict=True))
        place = table.set_index("valve").loc[list(self.valves)]
        into_link = inside[self.parts.link.loc[place["link"]].to_numpy()]
        at_start = place["node"].to_numpy() == place["link"].map(starts).to_numpy()
        return np.where(into_link == at_start, 1.0, -1.0)

    def __enter__(self) -> "Closing":
        shut = sorted({self._shut[valve] for valve in self._closed_before})
        engine = self._engine = en.Engine(self.network.prepared(split=[self.pipe], closed=shut), self.network.name).__enter__()
        engine.pressure_driven(0.0, self._service_m)
        self._nodes, self._hole = engine.node_index(self._junctions), engine.node_index([middle(self.pipe)])
        self._links = engine.link_index(self._shut[valve] for valve in self.valves)
        self._pumps = [pump for pump in self._running if pump not in shut]
        self._stations = engine.link_index(self._pumps)
        engine.set_nodes(self._nodes, en.BASE_DEMAND, self._demand)
        self._check_valves(shut)
        engine.set_nodes(engine.node_index(self._level), en.TANK_LEVEL, self._level.values())
        self._solve(())
        self._unserved = self._missing()  # what is missing without any burst is not its doing
        self._size_burst()
        return self

    def _check_valves(self, shut: Sequence[str]) -> None:
        """Bores of the check valves that an isolation valve shuts, those that are `shut` by now barred for good."""
        links, engine = self.network.links, self._engine
        checked = set(links.loc[(links["kind"] == "pipe") & links["one_way"], "id"])
        always = engine.link_index(checked.intersection(shut))
        engine.set_links(always, en.DIAMETER, [en.BARRED_MM] * len(always))
        own = engine.link_index(sorted(checked.intersection(self._shut[valve] for valve in self.valves) - set(shut)))
        self._bore = dict(zip(own, engine.links(own, en.DIAMETER), strict=True))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.__exit__(kind, error, trace)

    def at(self, closed: Closed, *, repaired: bool = False) -> State:
        """The state with these of `valves` closed, the burst still open or repaired."""
        if (closed, repaired) not in self._known:
            self._engine.set_nodes(self._hole, en.EMITTER, [0.0 if repaired else self._coefficient])
            self._known[closed, repaired] = self._found(closed)
        return self._known[closed, repaired]

    def _found(self, closed: Closed) -> State:
        self._solve(closed)
        out = self._supplied & ~self._has_supply(closed)
        short = np.where(out, 1.0, np.clip(self._missing() - self._unserved, 0.0, 1.0))
        dry = not self._fed(closed)[self.parts.link[self.pipe]]  # by the graph, not by a pressure that means nothing there
        outflow = 0.0 if dry else max(float(self._engine.nodes(self._hole, en.DEMAND)[0]), 0.0)
        feed = self._inwards * self._engine.links(self._links, en.FLOW)
        return State(outflow, float(short @ self._customers), dict(zip(self.valves, feed.tolist(), strict=True)))

    def computed_outflow_m3_per_h(self, closed: Closed) -> float:
        """What EPANET alone says leaves the burst [m3/h], also where the graph knows that nothing can; below zero water enters there."""
        self._engine.set_nodes(self._hole, en.EMITTER, [self._coefficient])
        self._solve(closed)
        return float(self._engine.nodes(self._hole, en.DEMAND)[0])

    def dry_volume_m3(self) -> float:
        """Volume of the pipes that have no supply once all valves are closed [m3]: what must be filled and flushed."""
        lost = self._fed(frozenset()) & ~self._fed(frozenset(self.valves))
        pipes = self.network.links.loc[lost[self.parts.link.loc[self.network.links["id"]].to_numpy()]]
        return float((np.pi / 4 * pipes["diameter_m"] ** 2 * pipes["length_m"]).sum())

    def _has_supply(self, closed: Closed) -> NDArray[np.bool_]:
        """bool[junctions]: which have water, pumps and valves passing it one way, closed links not at all."""
        shut = self.table["valve"].isin(closed | self._closed_before).to_numpy()
        return self._supply.nodes(shut)[self._is_junction]

    def _fed(self, closed: Closed) -> NDArray[np.bool_]:
        """bool[segments]: which have a way to a source, every link conducting both ways: the cautious view of what is dry."""
        through = ~self.parts.valves["valve"].isin(closed | self._closed_before).to_numpy()
        return self.parts.reach(self.parts.node.loc[list(self.network.inlets)].to_numpy(), through)

    def _solve(self, closed: Closed | tuple[()]) -> None:
        engine = self._engine
        engine.start()  # puts every link back to its status in the INP, regulating valves too
        engine.set_links(self._stations, en.STATUS, [self._running[pump] for pump in self._pumps])
        shut = engine.link_index(dict.fromkeys(self._shut[valve] for valve in closed))
        engine.set_links(list(self._bore), en.DIAMETER, [en.BARRED_MM if at in shut else bore for at, bore in self._bore.items()])
        shut = [at for at in shut if at not in self._bore]
        engine.set_links(shut, en.STATUS, [0.0] * len(shut))
        engine.solve()

    def _missing(self) -> NDArray[np.float64]:
        """Part of each junction's demand that pressure does not let through, float64[junctions] [1]."""
        served = self._engine.nodes(self._nodes, en.DEMAND)
        wanted = np.where(self._demand > 0, self._demand, np.inf)
        return np.clip(np.where(self._demand > 0, 1.0 - served / wanted, 0.0), 0.0, 1.0)

    def _size_burst(self) -> None:
        """Find the coefficient of the hole that lets out its measured size now."""
        engine = self._engine
        engine.set_nodes(self._hole, en.BASE_DEMAND, [self.size])
        self._solve(())
        head = max(float(engine.nodes(self._hole, en.PRESSURE)[0]), _LEAST_HEAD_M)
        engine.set_nodes(self._hole, en.BASE_DEMAND, [0.0])
        self._coefficient = self.size / head**0.5
