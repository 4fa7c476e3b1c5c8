"""Segments: the smallest parts of a network that closing valves can cut off.

Nodes and links are both elements. A link hangs together with each of its end nodes unless a valve sits between them; the
connected sets of elements are the segments. Pipes closed in the INP still connect here: a closed status is no isolation.

References: Walski, T. (1993). Water distribution valve topology for reliability analysis. Reliability Engineering & System
Safety 42(1), 21-27. The partition is the one `wntr.metrics.valve_segments` finds (compared in the tests).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from networks.network import Network


@dataclass(frozen=True)
class Segments:
    """Segment number of every node and link, and for every valve the segments on its two sides.

    `node` and `link` are int Series by id; `valves` has columns valve, state, node_side, link_side.
    """

    node: pd.Series
    link: pd.Series
    valves: pd.DataFrame

    @cached_property
    def count(self) -> int:
        return int(max(self.node.max(), self.link.max())) + 1

    @cached_property
    def size(self) -> pd.DataFrame:
        """Number of links and nodes in each segment, index segment."""
        links = np.bincount(self.link, minlength=self.count)
        return pd.DataFrame({"link": links, "node": np.bincount(self.node, minlength=self.count)})

    @cached_property
    def sides(self) -> NDArray[np.int64]:
        """int64[valves, 2]: the segments a valve parts."""
        return self.valves[["node_side", "link_side"]].to_numpy(dtype=np.int64)

    def joined(self, through: NDArray[np.bool_]) -> NDArray[np.int64]:
        """int64[segments]: segments with the same number hang together by the valves in `through` bool[valves]."""
        return _components(self.count, self.sides[through, 0], self.sides[through, 1])

    def reach(self, start: NDArray[np.int64], through: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """bool[segments]: which segments water gets to from the `start` segments when it passes the valves in `through` bool[valves]."""
        label = self.joined(through)
        reached = np.zeros(self.count, dtype=bool)
        reached[label[start]] = True
        return reached[label]


def _components(count: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def segments(network: Network, valves: pd.DataFrame) -> Segments:
    """Partition all nodes and links by the valves (columns valve, link, node, state), whatever their state.

    A valve with the same segment on both sides (a loop runs round it) stays in the table and isolates nothing.
    """
    nodes, links = network.nodes["id"], network.links
    node_at = pd.Series(np.arange(len(nodes)), index=nodes)
    link_at = pd.Series(np.arange(len(links)) + len(nodes), index=links["id"])
    ends = np.concatenate([node_at.loc[links["start"]].to_numpy(), node_at.loc[links["end"]].to_numpy()])
    own = np.tile(link_at.to_numpy(), 2)
    total = len(nodes) + len(links)
    valved = node_at.loc[valves["node"]].to_numpy() * total + link_at.loc[valves["link"]].to_numpy()
    joined = ~np.isin(ends * total + own, valved)
    label = _components(total, ends[joined], own[joined])
    node = pd.Series(label[: len(nodes)], index=pd.Index(nodes, name="node"), name="segment")
    link = pd.Series(label[len(nodes) :], index=pd.Index(links["id"], name="link"), name="segment")
    table = pd.DataFrame(
        {
            "valve": valves["valve"].to_numpy(),
            "state": valves["state"].to_numpy(),
            "node_side": node.loc[valves["node"]].to_numpy(),
            "link_side": link.loc[valves["link"]].to_numpy(),
        }
    )
    return Segments(node, link, table)
