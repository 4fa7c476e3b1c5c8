"""Cutting a network into contiguous zones whose demand follows given shares: the composed city's district metered areas."""

import heapq
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from city.problems import fault
from networks.network import Network

_RESTARTS = 40


def zones(
    network: Network, count: int = 10, *, weights: Sequence[float] | None = None, seed: int = 1, every_junction: bool = False
) -> pd.Series:
    """Partition the junctions into `count` zones that hang together along open pipes.

    Zones grow from seeds far apart, always the one furthest below its share of base demand taking the junction nearest to its
    seed; of 40 seeded starts the one with the smallest largest deviation from the shares is kept (the same answer every time).

    Parameters
    ----------
    weights: share of base demand each zone should have, any positive scale; equal when left out [1]
    every_junction: also give the junctions without demand (transmission, suction side) the zone they were crossed for

    Returns a Series zone (0 .. count-1) by junction id; a zone is connected when its junctions without demand are counted in.
    Raises `PenstockError` when there are fewer demand junctions than zones or the weights do not fit.
    """
    junctions = network.junctions
    demand = junctions["base_demand_m3_per_h"].to_numpy()
    share = np.ones(count) if weights is None else np.asarray(weights, dtype=float)
    if len(share) != count or not (share > 0).all():
        raise fault("zones", f"weights {share.tolist()}", f"{count} positive numbers", "Give one weight per zone.")
    if (demand > 0).sum() < count:
        raise fault("zones", f"{(demand > 0).sum()} junctions with demand", f"at least {count}", "Ask for fewer zones.")
    target = share / share.sum() * demand.sum()
    neighbours, distance = _graph(network, list(junctions["id"]))
    best: tuple[float, NDArray[np.int64]] | None = None
    for restart in range(_RESTARTS):
        rng = np.random.default_rng([seed, restart])
        zone = _grow(neighbours, distance, demand, target, rng)
        filled = np.bincount(zone, weights=demand, minlength=count)
        score = float(np.abs(filled / target - 1).max())
        if best is None or score < best[0]:
            best = score, zone
    assert best is not None  # noqa: S101 - the loop ran at least once
    result = pd.Series(best[1], index=pd.Index(junctions["id"], name="junction"), name="zone")
    return result if every_junction else result[demand > 0]


def _graph(network: Network, ids: list[str]) -> tuple[list[list[tuple[int, float]]], coo_array]:
    """Neighbours along open links, and their lengths as a matrix; a closed link or a pump is crossed only at a high price."""
    position = {name: i for i, name in enumerate(ids)}
    links = network.links[network.links["start"].isin(position) & network.links["end"].isin(position)]
    start, end = links["start"].map(position).to_numpy(), links["end"].map(position).to_numpy()
    passing = links["open"].to_numpy() & (links["kind"] != "pump").to_numpy()
    length = np.maximum(links["length_m"].to_numpy(), 1.0) + np.where(passing, 0.0, 1e6)
    neighbours: list[list[tuple[int, float]]] = [[] for _ in ids]
    for a, b, metres in zip(start, end, length, strict=True):
        neighbours[a].append((int(b), float(metres)))
        neighbours[b].append((int(a), float(metres)))
    return neighbours, coo_array((length, (start, end)), shape=(len(ids), len(ids)))


def _seeds(distance: coo_array, demand: NDArray[np.float64], count: int, rng: np.random.Generator) -> list[int]:
    """Farthest-point sampling among the junctions with demand."""
    taking = np.flatnonzero(demand > 0)
    seeds = [int(rng.choice(taking))]
    nearest = np.full(len(demand), np.inf)
    graph = distance.tocsr()
    for _ in range(count - 1):
        nearest = np.minimum(nearest, dijkstra(graph, directed=False, indices=seeds[-1]))
        gap = np.where(np.isfinite(nearest), nearest, 1e9)[taking]
        gap[np.isin(taking, seeds)] = -1.0
        seeds.append(int(taking[np.argmax(gap * rng.uniform(0.3, 1.0, len(gap)))]))
    return seeds


def _grow(
    neighbours: list[list[tuple[int, float]]],
    distance: coo_array,
    demand: NDArray[np.float64],
    target: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    count = len(target)
    zone = np.full(len(demand), -1, dtype=np.int64)
    filled = np.zeros(count)
    fronts: list[list[tuple[float, int]]] = [[] for _ in range(count)]

    def take(node: int, owner: int, metres: float) -> None:
        zone[node] = owner
        filled[owner] += demand[node]
        for other, length in neighbours[node]:
            if zone[other] < 0:
                heapq.heappush(fronts[owner], (metres + length, other))

    seeds = _seeds(distance, demand, count, rng)
    zone[seeds] = rng.permutation(count)  # which share starts where; every seed is reserved before any zone grows
    for node, owner in zip(seeds, zone[seeds], strict=True):
        take(node, int(owner), 0.0)
    while (zone < 0).any():
        open_fronts = [k for k in range(count) if fronts[k]]
        if not open_fronts:  # islands that no link joins to a seed
            for island in np.flatnonzero(zone < 0):
                zone[island] = int(np.argmin(filled / target))
            break
        owner = min(open_fronts, key=lambda k: filled[k] / target[k])
        metres, node = heapq.heappop(fronts[owner])
        if zone[node] < 0:
            take(node, owner, metres)
    return zone


def spread_demand(network: Network, flow_m3_per_h: pd.DataFrame, dma_of: pd.Series) -> pd.DataFrame:
    """Inflow per DMA [t, dmas] spread over its junctions in proportion to base demand: [t, junctions] in m3/h.

    `dma_of` is the DMA by junction. Raises `PenstockError` when a DMA has no junction with base demand.
    """
    network.require("junctions", dma_of.index, "junctions of the DMAs")
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    own = base[dma_of.index][base[dma_of.index] > 0]
    dma = dma_of[own.index]
    empty = [name for name in flow_m3_per_h.columns if name not in set(dma)]
    if empty:
        raise fault(f"DMA {', '.join(map(str, empty))}", "no junction with demand", "at least one", "Correct the zones.")
    share = own / own.groupby(dma).transform("sum")
    return pd.DataFrame(flow_m3_per_h[dma].to_numpy() * share.to_numpy(), index=flow_m3_per_h.index, columns=own.index)
