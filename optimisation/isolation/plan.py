"""Which valves to close around a burst, who loses water by it, and what to do when a valve does not turn.

The plan is exact on the graph of segments: the burst's segment, grown over every valve that cannot be turned, is bounded by
working valves; of these only the ones behind which there is still a source must be closed. No solver is needed for the least
set around a segment; trading more valves against fewer customers over several segments is a later matter.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.network import Network
from networks.segments import Segments, segments


@dataclass(frozen=True)
class IsolationPlan:
    """Valves to close for one pipe and what that costs.

    `valves_to_close` is the least set; `valves_to_spare` bound the dry part towards areas without any source: closing them too
    keeps those areas from draining. `nodes_cut` are the junctions in the isolated segment, `unintended` those outside it that
    lose their only supply. `customers`, `critical` and `demand_m3_per_h` count both. `length_m` is the pipe without supply.
    `next_ring` says per valve what to close in its place, and what more, when it turns out stuck. `sources_inside` (tanks,
    reservoirs) cannot be shut off by valves: with any of them the plan does not isolate the burst.
    """

    pipe: str
    valves_to_close: tuple[str, ...]
    valves_to_spare: tuple[str, ...]
    customers: float
    critical: dict[str, str]
    demand_m3_per_h: float
    length_m: float
    nodes_cut: tuple[str, ...]
    unintended: tuple[str, ...]
    pumps_inside: tuple[str, ...]
    sources_inside: tuple[str, ...]
    next_ring: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def isolates(self) -> bool:
        """Does closing the valves leave the burst without any source?"""
        return not self.sources_inside

    @property
    def sentence(self) -> str:
        """The plan in words for the operator."""
        if not self.isolates:
            inside = ", ".join(self.sources_inside)
            return f"Pipe {self.pipe} cannot be isolated by valves: {inside} is in the same segment; shut it at its own outlet first."
        told = [
            f"Close {', '.join(self.valves_to_close) or 'no valve'} to isolate pipe {self.pipe}: {self.customers:.0f} customers and "
            f"{self.demand_m3_per_h:.1f} m3/h lose water over {self.length_m / 1000:.2f} km"
        ]
        if self.unintended:
            told.append(f"of these {len(self.unintended)} nodes outside the segment ({', '.join(self.unintended[:6])})")
        if self.critical:
            told.append("critical: " + ", ".join(f"{name} ({node})" for node, name in self.critical.items()))
        if self.pumps_inside:
            told.append(f"stop pump {', '.join(self.pumps_inside)} first")
        return "; ".join(told) + "."


def plan_isolation(
    network: Network,
    valves: pd.DataFrame,
    pipe: str,
    *,
    customers_per_node: Mapping[str, float] | None = None,
    critical: Mapping[str, str] | None = None,
    stuck: Collection[str] = (),
    demand_m3_per_h: Mapping[str, float] | None = None,
    parts: Segments | None = None,
) -> IsolationPlan:
    """The least valves that part `pipe` from every source, given the valves that are `stuck` (with those whose state is stuck).

    Parameters
    ----------
    valves: table valve, link, node, state (see `networks.valves`)
    customers_per_node: junction -> customers [1]; critical: junction -> name (hospital, dialysis, fire station)
    demand_m3_per_h: junction -> demand; base demand of the INP when left out [m3/h]
    parts: `segments(network, valves)` when already made

    Raises `PenstockError` for an unknown pipe or for customers at unknown junctions.
    """
    network.require("pipes", [pipe], "burst")
    network.require("junctions", customers_per_node or {}, "customers per node")
    network.require("junctions", critical or {}, "critical customers")
    parts = segments(network, valves) if parts is None else parts
    names = parts.valves["valve"].to_numpy()
    blocked = parts.valves["state"].eq("stuck").to_numpy() | np.isin(names, list(stuck))
    cut = _cut(network, parts, pipe, blocked)
    ring = {}
    for valve in names[cut.needed]:
        wider = _cut(network, parts, pipe, blocked | (names == valve))
        ring[str(valve)] = tuple(map(str, names[wider.needed & ~cut.needed]))
    base = network.junctions.set_index("id")["base_demand_m3_per_h"].to_dict() if demand_m3_per_h is None else demand_m3_per_h
    junctions = set(network.junctions["id"])
    node_dry, link_dry = cut.dry[parts.node.to_numpy()], cut.dry[parts.link.to_numpy()]
    own = cut.core[parts.node.to_numpy()]
    dry = [name for name in parts.node.index[node_dry] if name in junctions]
    links = network.links
    inside = set(parts.node.index[own])
    return IsolationPlan(
        pipe=pipe,
        valves_to_close=tuple(map(str, names[cut.needed])),
        valves_to_spare=tuple(map(str, names[cut.spare])),
        customers=float(sum((customers_per_node or {}).get(name, 0.0) for name in dry)),
        critical={node: name for node, name in (critical or {}).items() if node in set(dry)},
        demand_m3_per_h=float(sum(base.get(name, 0.0) for name in dry)),
        length_m=float(links.loc[link_dry, "length_m"].sum()),
        nodes_cut=tuple(name for name in dry if name in inside),
        unintended=tuple(name for name in dry if name not in inside),
        pumps_inside=tuple(links.loc[link_dry & links["kind"].eq("pump").to_numpy(), "id"]),
        sources_inside=tuple(source for source in network.sources if source in inside),
        next_ring=ring,
    )


@dataclass(frozen=True)
class _Cut:
    core: NDArray[np.bool_]  # segments that become one with the burst
    dry: NDArray[np.bool_]  # segments without supply afterwards, core included
    needed: NDArray[np.bool_]  # valves to close
    spare: NDArray[np.bool_]  # open valves of the boundary with no source behind


def _cut(network: Network, parts: Segments, pipe: str, blocked: NDArray[np.bool_]) -> _Cut:
    table = parts.valves
    closed = table["state"].eq("closed").to_numpy() & ~blocked
    core = parts.reach(np.array([parts.link[pipe]]), blocked)
    sides = core[table["node_side"].to_numpy()].astype(int) + core[table["link_side"].to_numpy()]
    boundary = (sides == 1) & ~closed
    feeding = parts.reach(parts.node.loc[list(network.sources)].to_numpy(), ~closed & (sides == 0))
    fed_before = parts.reach(parts.node.loc[list(network.sources)].to_numpy(), ~closed)
    feeding &= ~core
    behind = feeding[table["node_side"].to_numpy()] | feeding[table["link_side"].to_numpy()]
    return _Cut(core, core | (fed_before & ~feeding), boundary & behind, boundary & ~behind)
