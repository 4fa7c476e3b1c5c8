"""Who has water: nodes to which a way leads from a source, with some valves shut, some closed links opened, some sources shut off.

Pumps, check valves, pressure reducing and sustaining valves conduct from start to end only; a pump counts as ready to run; a link
closed in the INP conducts only when it is opened.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from networks.network import Network

Bools = NDArray[np.bool_]


class Supply:
    """One network and its valve table as arrays; each question costs a breadth-first search.

    `start` and `end` are int64[links], positions in the node table; `valve_link` int64[valves] positions in the link table and
    `at_start` bool[valves] whether the valve sits at the link's start.
    """

    def __init__(self, network: Network, valves: pd.DataFrame) -> None:
        nodes, links = pd.Index(network.nodes["id"]), network.links
        self.start, self.end = nodes.get_indexer(links["start"]), nodes.get_indexer(links["end"])
        self.valve_link = pd.Index(links["id"]).get_indexer(valves["link"])
        self.at_start = nodes.get_indexer(valves["node"]) == self.start[self.valve_link]
        self.sources = nodes.get_indexer(list(network.inlets))
        self.usable = (links["open"] | links["kind"].eq("pump")).to_numpy()
        self.one_way = links["one_way"].to_numpy()
        self._build(len(nodes))

    def _build(self, nodes: int) -> None:
        """Arcs of every link, in rows by the node they leave; one more node, the last, leads to all sources."""
        link, back = np.arange(len(self.start)), np.flatnonzero(~self.one_way)
        leaves = np.concatenate([self.start, self.end[back], np.full(len(self.sources), nodes)])
        enters = np.concatenate([self.end, self.start[back], self.sources])
        own = np.concatenate([link, back, np.full(len(self.sources), -1)])
        order = np.argsort(leaves, kind="stable")
        self._leaves, self._enters, self._own = leaves[order], enters[order].astype(np.int32), own[order]
        self._rows = np.concatenate([[0], np.cumsum(np.bincount(leaves, minlength=nodes + 1))]).astype(np.int32)

    def nodes(self, shut: Bools, opened: Collection[int] = (), without: Collection[int] = ()) -> Bools:
        """bool[nodes] with supply. `shut` is bool[valves], `opened` positions of closed links that are opened, `without` positions
        of sources that are shut off (nothing passes through such a node either)."""
        usable = self.usable.copy()
        usable[list(opened)] = True
        usable[self.valve_link[shut]] = False
        passing = np.append(usable, True)[self._own]  # the last serves the arcs to the sources, which have link -1
        passing &= ~np.isin(self._enters, list(without))
        count = len(self._rows) - 1
        ends = np.where(passing, self._enters, self._leaves).astype(np.int32)  # an arc that is shut leads nowhere new
        graph = csr_array((np.ones(len(ends), dtype=np.int8), ends, self._rows), shape=(count, count))
        wet = np.zeros(count, dtype=bool)
        wet[breadth_first_order(graph, count - 1, return_predecessors=False)] = True
        return wet[:-1]

    def links(self, wet: Bools, shut: Bools) -> Bools:
        """bool[links] into which a node with supply lets water: one with no shut valve between."""
        start, end = wet[self.start], wet[self.end]
        at_start = shut & self.at_start
        start[self.valve_link[at_start]] = False
        end[self.valve_link[shut & ~self.at_start]] = False
        return np.asarray(start | end)
