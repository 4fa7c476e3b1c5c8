"""Areas whose water balance is metered, found in the network: what its flow meters cut off.

A metered link that only brings water from a source is kept in the model, which then predicts its share of the inflow; any other metered
link is cut and its flow becomes a known draw and a known gain at its ends, so that the areas no longer depend on each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from networks.leakage.scada import Floats, Sites
from networks.network import Network

METERED_SHARE = 0.8  # of an area's nominal demand at metered junctions: from here on its consumption is read, not inferred


@dataclass(frozen=True)
class Areas:
    """`names` the areas; `area_of` int[junctions] with -1 for none; `flow_sign` float[areas, flow points], how the meters add up to an
    inflow; `tank_area` float[areas, level points] [m2]; `boundary` float[junctions, flow points], the draw at the ends of cut links;
    `kept` the flow points whose link stays in the model; `metered` bool[areas], where consumption meters see the demand."""

    names: tuple[str, ...]
    area_of: NDArray[np.int64]
    flow_sign: Floats
    tank_area: Floats
    boundary: Floats
    kept: tuple[str, ...]
    cut: tuple[str, ...]
    metered: NDArray[np.bool_]
    number: dict[str, int]
    unmetered: Floats  # nominal demand of an area over that of its metered junctions

    def of_junctions(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """int[ids]: the area of each junction."""
        return self.area_of[[self.number[name] for name in ids]]

    def read(self, sites: Sites) -> NDArray[np.int64]:
        """int[meters]: the junctions whose consumption meters are read, those in metered areas only, in the sites' order."""
        at = np.array([self.number[name] for name in sites.consumption.values()], dtype=np.int64)
        return at[self.metered[self.area_of[at]] & (self.area_of[at] >= 0)]

    @classmethod
    def of(cls, network: Network, sites: Sites) -> "Areas":
        """Areas of the sites' flow meters."""
        found = _between_meters(network, sites)
        base = network.junctions["base_demand_m3_per_h"].to_numpy()
        read = network.junctions["id"].isin(set(sites.consumption.values())).to_numpy()
        inside = found.area_of >= 0
        total, seen = (np.bincount(found.area_of[rows], base[rows], len(found.names)) for rows in (inside, inside & read))
        metered = seen >= METERED_SHARE * np.maximum(total, 1e-9)
        return replace(found, metered=metered, unmetered=np.where(metered, total / np.maximum(seen, 1e-9), 1.0))


def _between_meters(network: Network, sites: Sites) -> Areas:
    links, nodes = network.links.set_index("id"), list(network.nodes["id"])
    place = {name: i for i, name in enumerate(nodes)}
    inner = links.drop(index=list(sites.flow.values()))
    ends = inner[["start", "end"]].map(place.__getitem__).to_numpy()
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(len(nodes), len(nodes)))
    part = connected_components(graph, directed=False)[1]
    junctions = network.junctions
    node = np.array([place[name] for name in junctions["id"]])
    demand = np.bincount(part[node], junctions["base_demand_m3_per_h"], part.max() + 1)
    living = np.flatnonzero(demand > 0)
    number = np.full(part.max() + 1, -1)
    number[living] = np.arange(len(living))
    sign, boundary = np.zeros((len(living), len(sites.flow))), np.zeros((len(junctions), len(sites.flow)))
    kept, cut = [], []
    junction_at = _numbers(network)
    for m, (point, link) in enumerate(sites.flow.items()):
        start, end = (links.loc[link, side] for side in ("start", "end"))
        sides = [number[part[place[name]]] for name in (start, end)]
        for side, area in zip((-1.0, 1.0), sides, strict=True):
            if area >= 0:
                sign[area, m] += side
        if min(sides) < 0:
            kept.append(point)
            continue
        cut.append(point)
        for name, draw in ((start, 1.0), (end, -1.0)):
            if name in junction_at:
                boundary[junction_at[name], m] = draw
    tanks = network.tanks.set_index("id")["area_m2"]
    size = np.zeros((len(living), len(sites.level)))
    for n, tank in enumerate(sites.level.values()):
        if number[part[place[tank]]] >= 0:
            size[number[part[place[tank]]], n] = tanks[tank]
    names = tuple(f"area-{i + 1}" for i in range(len(living)))
    return Areas(
        names,
        number[part[node]],
        sign,
        size,
        boundary,
        tuple(kept),
        tuple(cut),
        np.zeros(len(living), bool),
        junction_at,
        np.ones(len(living)),
    )


def _numbers(network: Network) -> dict[str, int]:
    return {name: i for i, name in enumerate(network.junctions["id"])}
