"""Points put on pipes: isolation valves on an end of a pipe, meters on a node, hydrants on a pipe."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from networks.findings import Finding
from networks.gis.layers import Feature
from networks.gis.lines import Lines, Place, length

_TIE_M = 0.05  # two pipes whose distances from a point differ by less are equally near


@dataclass
class Drawn:
    """Links with where they are drawn: ids, end nodes, and a line float64[k, 2] [m] each, from start to end."""

    ids: Sequence[str]
    ends: Sequence[tuple[str, str]]
    lines: Sequence[NDArray[np.float64]]
    sources: frozenset[str] = frozenset()  # nodes at which nobody draws water

    def __post_init__(self) -> None:
        self.number = {name: at for at, name in enumerate(self.ids)}
        self.ask = Lines(self.lines)
        self.degree = Counter(node for ends in self.ends for node in ends)

    def end(self, place: Place) -> str:
        """The end node of the link that is nearer to the place, by distance along the link."""
        start, end = self.ends[place.line]
        return start if 2 * place.along <= length(self.lines[place.line]) else end


def valves(features: Sequence[Feature], drawn: Drawn, tolerance_m: float) -> tuple[pd.DataFrame, list[Finding]]:
    """The table valve, link, node, state, turns, exercised of valve points, and what is wrong with them.

    A property `link` (and `node`) decides where it is given; else the nearest pipe, and of its ends the nearer one along it. A point
    on a node of two pipes is put on the first of them: either parts the same two sides. On a node of three or more it is unclear.
    """
    rows, findings = [], list[Finding]()
    taken: dict[tuple[str, str], str] = {}
    for feature in features:
        place = _stated(feature, drawn) or _nearest(feature, drawn, tolerance_m, findings)
        if place is None:
            continue
        link, node = drawn.ids[place.line], feature.named("node")
        node = node if node in drawn.ends[place.line] else drawn.end(place)
        if (link, node) in taken:
            seen = f"on pipe {link} at {node}, where {taken[link, node]} already is"
            findings.append(Finding("valves-on-same-end", (feature.id,), seen))
            continue
        taken[link, node] = feature.id
        state = feature.word("state", "status").lower() or "open"
        if state not in ("open", "closed", "stuck", "unknown"):
            findings.append(Finding("value-unreadable", (feature.id,), f"state '{state}'; unknown is taken"))
            state = "unknown"
        date = pd.to_datetime(feature.word("exercised") or None, errors="coerce")
        turns = feature.number("turns", findings)
        rows.append((feature.id, link, node, state, turns if turns and turns > 0 else np.nan, date))
    return pd.DataFrame(rows, columns=["valve", "link", "node", "state", "turns", "exercised"]), findings


def _stated(feature: Feature, drawn: Drawn) -> Place | None:
    number = drawn.number.get(feature.named("link", "pipe"))
    return None if number is None else drawn.ask.on(number, feature.points[0])


def _nearest(feature: Feature, drawn: Drawn, tolerance_m: float, findings: list[Finding]) -> Place | None:
    found = drawn.ask.near(feature.points[0], tolerance_m)
    if not found:
        nearest = drawn.ask.nearest(feature.points[0])
        seen = f"{nearest.off:.1f} m from pipe {drawn.ids[nearest.line]}, tolerance {tolerance_m:g} m" if nearest else "there is no pipe"
        findings.append(Finding("valve-off-pipe", (feature.id,), seen))
        return None
    tied = [place for place in found if place.off <= found[0].off + _TIE_M]
    if len(tied) > 2 or (len(tied) == 2 and not _in_line(tied, drawn)):
        names = ", ".join(drawn.ids[place.line] for place in tied)
        findings.append(Finding("valve-unclear", (feature.id,), f"pipes {names} are equally near; {drawn.ids[found[0].line]} is taken"))
    return found[0]


def _in_line(tied: Sequence[Place], drawn: Drawn) -> bool:
    """Two pipes that meet at the valve, at a node of no third pipe."""
    a, b = (drawn.end(place) for place in tied)
    return a == b and drawn.degree[a] == 2


def meters(features: Sequence[Feature], drawn: Drawn, reach_m: float) -> tuple[pd.DataFrame, list[Finding]]:
    """Customers: meter, link, node, off_m [m], demand_m3_per_h [m3/h], customers [1], critical (who must not run dry, else empty); the node
    is the nearer end of the nearest pipe."""
    return _on(features, drawn, reach_m, "meter")


def hydrants(features: Sequence[Feature], drawn: Drawn, tolerance_m: float) -> tuple[pd.DataFrame, list[Finding]]:
    """Hydrants: hydrant, link, node, off_m [m]."""
    table, findings = _on(features, drawn, tolerance_m, "hydrant")
    return table.iloc[:, :4], findings


def _on(features: Sequence[Feature], drawn: Drawn, reach_m: float, what: str) -> tuple[pd.DataFrame, list[Finding]]:
    rows, findings = [], list[Finding]()
    for feature in features:
        place = _stated(feature, drawn) or drawn.ask.nearest(feature.points[0])
        if place is None or place.off > reach_m:
            seen = f"{place.off:.1f} m from pipe {drawn.ids[place.line]}, reach {reach_m:g} m" if place else "there is no pipe"
            findings.append(Finding("meter-off-network" if what == "meter" else "hydrant-off-pipe", (feature.id,), seen))
            continue
        node = feature.named("node")
        demand, customers = feature.number("demand_m3_per_h", findings), feature.number("customers", findings)
        if node not in drawn.degree:
            node = next(end for end in (drawn.end(place), *drawn.ends[place.line]) if end not in drawn.sources)
        row = (feature.id, drawn.ids[place.line], node, round(place.off, 2))
        rows.append((*row, demand or 0.0, 1.0 if customers is None else customers, feature.word("critical")))
    return pd.DataFrame(rows, columns=[what, "link", "node", "off_m", "demand_m3_per_h", "customers", "critical"]), findings
