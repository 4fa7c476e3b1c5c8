"""A GIS and an EPANET model of the same city: which pipe is which, and what only one of them knows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from networks.findings import Finding
from networks.gis.ground import Ground, could_be_degrees, fitted
from networks.gis.layers import Feature
from networks.gis.lines import cut, length
from networks.gis.placing import Drawn
from networks.network import Network

_SAME_SIZE, _SAME_LENGTH = 1.2, 1.25  # times; below, two surveys of one pipe


def drawn(network: Network) -> Drawn:
    """The links of a model with their bends, in the drawing units of its file."""
    links = [link for _, link in network._model.links()]
    lines = [np.array([link.start_node.coordinates, *link.vertices, link.end_node.coordinates], dtype=float) for link in links]
    return Drawn([link.name for link in links], [(link.start_node_name, link.end_node_name) for link in links], lines)


def on_ground(model: Drawn, pipes: Sequence[Feature], ground: Ground, degrees: bool, tolerance_m: float) -> tuple[Drawn, list[Finding]]:
    """The model's lines in metres on the ground of the layers: as they are, or from degrees; and where pipes of the same id do not come
    to lie on each other so, fitted until they do (a model in a system that nobody wrote down)."""
    points = np.concatenate(model.lines)
    ways = [model.lines]
    if degrees and could_be_degrees(points):
        ways.append([ground.metres(line) for line in model.lines])
    same = [(model.number[pipe.id], _middle(pipe.points)) for pipe in pipes if pipe.id in model.number]
    if not same:
        apart = not any(_overlap(lines, pipes) for lines in ways)
        told = [Finding("layers-apart", ("model",), "no pipe of the same id, and other ground")] if apart else []
        return Drawn(model.ids, model.ends, ways[-1]), told
    here = np.array([middle for _, middle in same])
    if len(same) > 2:
        shift = fitted(np.array([_middle(model.lines[number]) for number, _ in same]), here)
        ways.append([shift[0] + line @ shift[1:] for line in model.lines])
    off = [float(np.median(np.hypot(*(np.array([_middle(way[number]) for number, _ in same]) - here).T))) for way in ways]
    best = next((at for at, value in enumerate(off) if value <= tolerance_m), int(np.argmin(off)))
    size = float(np.hypot(*np.ptp(np.concatenate([pipe.points for pipe in pipes]), axis=0)))
    apart = off[best] > max(tolerance_m, 0.01 * size)
    told = [Finding("layers-apart", ("model",), f"pipes of the same id lie {off[best]:.0f} m apart")] if apart else []
    return Drawn(model.ids, model.ends, ways[best]), told


def _middle(line: NDArray[np.float64]) -> NDArray[np.float64]:
    return cut(line, [length(line) / 2])[0][-1] if length(line) else line[0]


def _overlap(lines: Sequence[NDArray[np.float64]], pipes: Sequence[Feature]) -> bool:
    a, b = np.concatenate(lines), np.concatenate([pipe.points for pipe in pipes]) if pipes else np.empty((0, 2))
    return bool(len(b) == 0 or ((a.min(axis=0) <= b.max(axis=0)) & (b.min(axis=0) <= a.max(axis=0))).all())


def pipes(features: Sequence[Feature], model: Drawn, network: Network, tolerance_m: float) -> tuple[dict[str, str], list[Finding]]:
    """Link of the model by GIS pipe: the one of the same id, else the one with both ends at the same places; and what differs."""
    known = network.pipes.set_index("id")
    ends = np.array([np.r_[line[0], line[-1]] for line in model.lines])
    tree = cKDTree(np.concatenate([ends, ends[:, [2, 3, 0, 1]]]))
    same, findings = dict[str, str](), list[Finding]()
    for pipe in features:
        if pipe.id in model.number:
            same[pipe.id] = pipe.id
        else:
            off, at = tree.query(np.r_[pipe.points[0], pipe.points[-1]], p=np.inf)
            if off <= tolerance_m:
                same[pipe.id] = model.ids[at % len(ends)]
            else:
                findings.append(Finding("pipe-not-in-model", (pipe.id,), "no link of this id, none between these places"))
        if (link := same.get(pipe.id)) in known.index:
            findings += _differences(pipe, known.loc[link])
    for name in known.index.difference(list(same.values()), sort=False):
        findings.append(Finding("pipe-not-in-gis", (str(name),), "no feature of this id, none between these places"))
    return same, findings


def _differences(pipe: Feature, model: pd.Series) -> list[Finding]:
    found = []
    for what, times, shown in (("diameter_m", _SAME_SIZE, 1000.0), ("length_m", _SAME_LENGTH, 1.0)):
        told = pipe.number(what, [])
        if told and model[what] > 0 and not 1 / times <= told / model[what] <= times:
            name, unit = ("diameter", "mm") if shown > 1 else ("length", "m")
            seen = f"{name} {shown * told:.4g} {unit} in the GIS, {shown * model[what]:.4g} {unit} in the model"
            found.append(Finding("size-differs", (pipe.id,), seen))
    return found


def valve_tables(gis: pd.DataFrame, known: pd.DataFrame) -> list[Finding]:
    """What two valve tables disagree on: valves of `known` that the GIS does not have, and valves at another place."""
    place = gis.set_index("valve")[["link", "node"]]
    found = []
    for valve, link, node in known[["valve", "link", "node"]].itertuples(index=False):
        if valve not in place.index:
            found.append(Finding("valve-not-in-gis", (str(valve),), f"pipe {link} at {node} in the table"))
        elif (now := tuple(place.loc[valve])) != (link, node):
            found.append(
                Finding("valve-elsewhere", (str(valve),), f"pipe {link} at {node} in the table, pipe {now[0]} at {now[1]} in the GIS")
            )
    return found
