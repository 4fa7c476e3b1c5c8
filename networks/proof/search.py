"""The first proof of an isolation plan: a search for a way that water could take from a source to the burst.

It walks the network's own links with a plain queue and shares no code with the segments and arrays the plan was made from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from city.problems import fault
from networks.network import Network

_START, _UNREACHED = -1, -2
Ways = list[list[tuple[int, int]]]


@dataclass(frozen=True)
class DryProof:
    """What the search found. `path` leads from a source to the pipe when it is not dry: names of nodes and links in order of flow.

    `cut_off` are the junctions that had supply before the valves closed and have none now, `unfed` those that had none before.
    """

    pipe: str
    dry: bool
    path: tuple[str, ...]
    cut_off: tuple[str, ...]
    unfed: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        if self.dry:
            return f"Pipe {self.pipe} has no path to any source; {len(self.cut_off)} nodes are cut off."
        return f"Pipe {self.pipe} still gets water: {' -> '.join(self.path)}."


class Search:
    """One network and its valve table, ready to be searched many times.

    Nodes and links are numbered together, links after nodes; a link touches its start by contact 2 j and its end by 2 j + 1, and a
    valve shuts a contact.
    """

    def __init__(self, network: Network, valves: pd.DataFrame) -> None:
        self.network = network
        links, nodes = network.links, network.nodes["id"].tolist()
        self._names: list[str] = nodes + links["id"].tolist()
        self._node = {name: at for at, name in enumerate(nodes)}
        self._link = {name: at for at, name in enumerate(links["id"])}
        self._start, self._pipes = links["start"].tolist(), frozenset(network.pipes["id"])
        self._contact = {
            valve: self._touch(link, node) for valve, link, node in zip(*(valves[c] for c in ("valve", "link", "node")), strict=True)
        }
        self._closed = {self._contact[valve] for valve in valves.loc[valves["state"] == "closed", "valve"]}
        self._idle = {self._link[name] for name in links.loc[~links["open"] & (links["kind"] != "pump"), "id"]}
        self._every, self._forward = self._ways()

    def _touch(self, link: str, node: str) -> int:
        at = self._link[link]
        return 2 * at + (self._start[at] != node)

    def _ways(self) -> tuple[Ways, Ways]:
        """From each element to (element, contact): by every link both ways, and with one-way links from their start to their end."""
        links, first = self.network.links, len(self._node)
        every: Ways = [[] for _ in self._names]
        forward: Ways = [[] for _ in self._names]
        for at, (start, end, one_way) in enumerate(zip(links["start"], links["end"], links["one_way"], strict=True)):
            link, a, b = first + at, self._node[start], self._node[end]
            for here, there, contact, back in (
                (a, link, 2 * at, False),
                (link, b, 2 * at + 1, False),
                (b, link, 2 * at + 1, True),
                (link, a, 2 * at, True),
            ):
                every[here].append((there, contact))
                if not (one_way and back):
                    forward[here].append((there, contact))
        return every, forward

    def _walk(self, ways: Ways, shut: set[int], starts: list[int], without: Collection[str]) -> list[int]:
        """From which element each one was reached, breadth first from the starts; no way leads through the nodes `without`."""
        barred = bytearray(2 * len(self._link))
        for contact in shut:
            barred[contact] = 1
        came = [_UNREACHED] * len(self._names)
        for at in (*starts, *(self._node[name] for name in without)):
            came[at] = _START
        front = [at for at in starts if at >= len(self._node) or self._names[at] not in without]
        for here in front:  # the list grows at its end while it is walked: a queue
            for there, contact in ways[here]:
                if came[there] == _UNREACHED and not barred[contact]:
                    came[there] = here
                    front.append(there)
        return came

    def _supplied(self, shut: set[int], opened: Collection[str] = (), without: Collection[str] = ()) -> list[bool]:
        """Whether each junction has supply."""
        idle = {contact for at in self._idle - {self._link[name] for name in opened} for contact in (2 * at, 2 * at + 1)}
        came = self._walk(self._forward, shut | idle, [self._node[name] for name in self.network.inlets], without)
        return [came[at] != _UNREACHED and name not in without for name, at in self._junctions.items()]

    @property
    def valves(self) -> tuple[str, ...]:
        """Ids of all valves."""
        return tuple(self._contact)

    @cached_property
    def _junctions(self) -> dict[str, int]:
        return {name: self._node[name] for name in self.network.junctions["id"]}

    @cached_property
    def _supplied_before(self) -> list[bool]:
        return self._supplied(self._closed)

    def prove(
        self,
        closed: Collection[str],
        pipe: str,
        *,
        reopened: Collection[str] = (),
        opened: Collection[str] = (),
        without: Collection[str] = (),
    ) -> DryProof:
        """Search for water on its way to `pipe` with the valves `closed`, and those whose state is closed, shut.

        For the burst every link conducts both ways, even one closed in the INP; for the supply of the others closed links do not,
        and pumps, check valves, pressure reducing and sustaining valves conduct one way. `reopened` are valves whose state is
        closed and links closed in the INP, `opened`, that are opened; `without` are sources shut at their own outlets.
        Raises `PenstockError` for an unknown pipe, valve, link or source.
        """
        if not (pipe in self._pipes and self._link.keys() >= set(opened) and self._node.keys() >= set(without)):
            self.network.require("pipes", [pipe], "burst")
            self.network.require("links", opened, "link to open")
            self.network.require("nodes", without, "source to shut")
        unknown = sorted({*closed, *reopened} - set(self._contact))
        if unknown:
            raise fault("valves to turn", f"no valve {', '.join(unknown[:5])}", f"one of {len(self._contact)} valves", "Correct the plan.")
        shut = (self._closed | {self._contact[v] for v in closed}) - {self._contact[v] for v in reopened}
        path = self._path(pipe, shut, without)
        states = list(zip(self._junctions, self._supplied_before, self._supplied(shut, opened, without), strict=True))
        cut_off = tuple(name for name, before, now in states if before and not now)
        return DryProof(pipe, not path, path, cut_off, tuple(name for name, before, _ in states if not before))

    def _path(self, pipe: str, shut: set[int], without: Collection[str]) -> tuple[str, ...]:
        """A way from a source to the pipe, found from the pipe: both ways are the same where every link conducts both ways."""
        came = self._walk(self._every, shut, [len(self._node) + self._link[pipe]], without)
        sources = (self._node[name] for name in self.network.inlets if name not in without)
        element = next((at for at in sources if came[at] != _UNREACHED), _START)
        path = []
        while element != _START:
            path.append(self._names[element])
            element = came[element]
        return tuple(path)


def prove_dry(network: Network, valves: pd.DataFrame, closed: Collection[str], pipe: str) -> DryProof:
    """One search with the valves `closed`; for many, make a `Search` once. Errors as in `Search.prove`."""
    return Search(network, valves).prove(closed, pipe)
