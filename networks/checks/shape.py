"""What hangs together: nodes alone, parts that no source feeds, parts behind closed pipes, pipes entered twice."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from networks.findings import Finding
from networks.network import Network


def findings(network: Network) -> Iterator[Finding]:
    """Kinds no-source, node-alone, part-without-source, cut-off-by-closed, pipe-twice."""
    if not network.sources:
        yield Finding("no-source", (network.name,), f"{len(network.links)} links, no reservoir and no tank")
        return
    ids = network.nodes["id"].to_numpy()
    source = np.isin(ids, network.sources)
    part, open_part = parts(network), parts(network, open_only=True)
    fed, open_fed = np.isin(part, part[source]), np.isin(open_part, open_part[source])
    for number in np.unique(part[~fed]):
        members = ids[part == number]
        if len(members) == 1:
            yield Finding("node-alone", (members[0],), "no link ends there")
        else:
            yield Finding("part-without-source", tuple(members), f"{len(members)} nodes hang together and with no source")
    yield from _behind_closed(network, ids, open_part, fed & ~open_fed)
    yield from _twice(network.pipes)


def parts(network: Network, *, open_only: bool = False) -> NDArray[np.int64]:
    """int64[nodes]: number of the connected part of every node; closed pipes and valves join nothing when `open_only`.

    A pump joins its ends whether it runs or not: it is there to be switched.
    """
    at = pd.Series(np.arange(len(network.nodes)), index=network.nodes["id"])
    links = network.links
    used = links[links["open"] | (links["kind"] == "pump")] if open_only else links
    a, b = at[used["start"]].to_numpy(), at[used["end"]].to_numpy()
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(at), len(at)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def dry(network: Network) -> set[str]:
    """Nodes that no source reaches over open links: what EPANET says about their pressure means nothing."""
    part = parts(network, open_only=True)
    fed = np.isin(part, part[np.isin(network.nodes["id"], network.sources)])
    return set(network.nodes["id"][~fed])


def _behind_closed(network: Network, ids: NDArray[np.object_], part: NDArray[np.int64], cut: NDArray[np.bool_]) -> Iterator[Finding]:
    of = dict(zip(ids, part, strict=True))
    closed = network.links[~network.links["open"] & (network.links["kind"] != "pump")]
    for number in np.unique(part[cut]):
        edge = closed[(closed["start"].map(of) == number) != (closed["end"].map(of) == number)]
        behind = ids[part == number]
        seen = f"behind it {len(behind)} nodes ({', '.join(behind[:3])}{' ...' if len(behind) > 3 else ''}) have no open way to a source"
        yield Finding("cut-off-by-closed", tuple(edge["id"]), seen)


def _twice(pipes: pd.DataFrame) -> Iterator[Finding]:
    low, high = np.sort(pipes[["start", "end"]].to_numpy(dtype=str), axis=1).T
    same = pipes.assign(low=low, high=high)
    same["first"] = same.groupby(["low", "high", "length_m", "diameter_m"])["id"].transform("first")
    for name, first in same.loc[same["id"] != same["first"], ["id", "first"]].itertuples(index=False):
        yield Finding("pipe-twice", (str(name),), f"same ends, length and diameter as pipe {first}")
