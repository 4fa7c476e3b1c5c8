"""Which buses hang together, what feeds them and what hangs behind what, at a given set of open switches."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.grid.network import Network

Rows = NDArray[np.int64]


def islands(network: Network, open_switches: Collection[str]) -> Rows:
    """int64[buses]: the number of the island of each bus, the same for two buses that closed branches join.

    References: union-find with path halving, R. E. Tarjan, J. ACM 22(2), 1975.
    """
    root = list(range(len(network.buses)))

    def find(bus: int) -> int:
        while root[bus] != bus:
            root[bus] = root[root[bus]]
            bus = root[bus]
        return bus

    for one, other in network.ends[network.closed_branches(open_switches)].tolist():
        root[find(one)] = find(other)
    return np.unique([find(bus) for bus in range(len(root))], return_inverse=True)[1].astype(np.int64)


def energised(network: Network, open_switches: Collection[str]) -> NDArray[np.bool_]:
    """bool[buses]: is the bus joined to a source?"""
    island = islands(network, open_switches)
    fed = [island[network.bus_index[bus]] for bus in network.sources["bus"]]
    return np.isin(island, fed)


@dataclass(frozen=True)
class Tree:
    """What hangs behind what, seen from the sources, nearest first.

    `order`: rows of the energised buses, each after the one that feeds it. `parent`, `via`: int64[buses], the bus and the branch that
    feed a bus, -1 at a source and at a dead bus. `loops`: rows of closed branches that close a loop or join two sources.
    """

    order: Rows
    parent: Rows
    via: Rows
    loops: Rows

    @property
    def radial(self) -> bool:
        """Is every energised bus fed in one way alone?"""
        return not len(self.loops)

    def below(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[buses]: the sum of `values` (one per bus) over each bus and all that hangs behind it."""
        total = np.array(values, dtype=np.float64)
        for bus in self.order[::-1]:
            if self.parent[bus] >= 0:
                total[self.parent[bus]] += total[bus]
        return total


def tree(network: Network, open_switches: Collection[str]) -> Tree:
    """The tree that closed branches span from the sources, by breadth first."""
    count, ends = len(network.buses), network.ends.tolist()
    near: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for branch in np.flatnonzero(network.closed_branches(open_switches)).tolist():
        one, other = ends[branch]
        near[one].append((other, branch))
        near[other].append((one, branch))
    parent, via = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    order = list(dict.fromkeys(network.bus_index[bus] for bus in network.sources["bus"]))
    seen, used, loops = set(order), set[int](), list[int]()
    for bus in order:  # grows while it is walked
        for other, branch in near[bus]:
            if branch in used:
                continue
            used.add(branch)
            if other in seen:
                loops.append(branch)
                continue
            seen.add(other)
            parent[other], via[other] = bus, branch
            order.append(other)
    return Tree(np.array(order, dtype=np.int64), parent, via, np.array(sorted(loops), dtype=np.int64))


def feeder_of(network: Network, open_switches: Collection[str], spanned: Tree | None = None) -> list[str]:
    """The feeder of each bus: the last feeder head on its way from the source; '' before any head and where it is dead.

    In a network whose switches name no heads, a feeder is named after the first line on the way.
    """
    spanned = spanned or tree(network, open_switches)
    heads = network.switches[network.switches["feeder"] != ""]
    named = dict(zip(heads["branch"], heads["feeder"], strict=True))
    branch, kind = network.branches["branch"].tolist(), network.branches["kind"].tolist()
    found = [""] * len(network.buses)
    for bus in spanned.order.tolist():
        if (via := int(spanned.via[bus])) < 0:
            continue
        above = found[spanned.parent[bus]]
        found[bus] = named.get(branch[via], above) if named else above or (branch[via] if kind[via] == "line" else "")
    return found


def head_branches(network: Network, open_switches: Collection[str], spanned: Tree | None = None) -> dict[str, int]:
    """{feeder: row of the branch through which it is fed now}."""
    spanned = spanned or tree(network, open_switches)
    feeder = feeder_of(network, open_switches, spanned)
    heads: dict[str, int] = {}
    for bus in spanned.order.tolist():
        if feeder[bus]:
            heads.setdefault(feeder[bus], int(spanned.via[bus]))
    return heads
