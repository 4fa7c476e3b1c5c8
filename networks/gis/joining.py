"""Pipes drawn one by one become a network: ends that meet are one node, a pipe on which another ends is divided there.

What does not meet is told with its distance. A pipe's end that lies far from everything is a dead end, as streets have them; one
that nearly touches another pipe is a drawing fault, and it is not healed by guessing.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from networks.findings import Finding
from networks.gis.layers import Feature, as_id
from networks.gis.lines import Lines, cut, length

_NEARLY = 10.0  # times the tolerance: an end nearer than this to a pipe it does not meet was meant to meet it


@dataclass
class Joined:
    """Nodes (id, x, y) and pipes (id, of, start, end, line): `of` is the number of the feature, `line` float64[k, 2] [m]."""

    nodes: pd.DataFrame
    pipes: pd.DataFrame
    findings: list[Finding] = field(default_factory=list)

    @property
    def degree(self) -> pd.Series:
        """Pipe ends per node id."""
        return pd.concat([self.pipes["start"], self.pipes["end"]]).value_counts().reindex(self.nodes["id"], fill_value=0)


def join(pipes: list[Feature], named: list[Feature], tolerance_m: float) -> Joined:
    """Join pipe features at their ends within `tolerance_m`; `named` points (junctions, sources) give nodes their ids and places."""
    findings: list[Finding] = []
    kept = []
    for pipe in pipes:
        if length(pipe.points) <= tolerance_m:
            seen = f"{length(pipe.points):.3g} m long, tolerance {tolerance_m:g} m"
            findings.append(Finding("pipe-collapsed", (pipe.id,), seen))
        else:
            kept.append(pipe)
    ends = np.array([end for pipe in kept for end in (pipe.points[0], pipe.points[-1])]).reshape(-1, 2)
    marks = np.array([point.points[0] for point in named]).reshape(-1, 2)
    places = np.concatenate([marks, ends])
    cluster = _clusters(places, tolerance_m)
    ids, at = _nodes(cluster, places, named, findings)
    pieces = _divided(kept, cluster[len(named) :].reshape(-1, 2), ids, at, tolerance_m, findings)
    nodes = pd.DataFrame({"id": ids, "x": at[:, 0], "y": at[:, 1]})
    joined = Joined(nodes, pd.DataFrame(pieces, columns=["id", "of", "start", "end", "line"]), findings)
    _nearly(joined, tolerance_m)
    return joined


def _clusters(places: NDArray[np.float64], tolerance_m: float) -> NDArray[np.int64]:
    """int64[n]: number of the cluster of every place, in order of first appearance."""
    if not len(places):
        return np.empty(0, dtype=np.int64)
    pairs = cKDTree(places).query_pairs(tolerance_m, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    label = connected_components(graph, directed=False)[1]
    first = {number: order for order, number in enumerate(dict.fromkeys(label))}
    return np.array([first[number] for number in label], dtype=np.int64)


def _nodes(
    cluster: NDArray[np.int64], places: NDArray[np.float64], named: list[Feature], findings: list[Finding]
) -> tuple[list[str], NDArray[np.float64]]:
    """Ids and places of the clusters: those of the named point in them, else a number and the middle of the ends."""
    count = int(cluster.max()) + 1 if len(cluster) else 0
    size = np.bincount(cluster, minlength=count)
    at = np.column_stack([np.bincount(cluster, places[:, axis], minlength=count) / np.maximum(size, 1) for axis in (0, 1)])
    taken = {point.id for point in named}
    ids = [""] * count
    for point, number in zip(named, cluster[: len(named)], strict=True):
        if ids[number]:
            findings.append(
                Finding("feature-twice", (point.id,), f"lies within the tolerance of {ids[number]} and is taken for the same node")
            )
        else:
            ids[number], at[number] = point.id, point.points[0]
    free = (name for n in range(1, count + len(taken) + 1) if (name := f"n{n}") not in taken)
    return [name or next(free) for name in ids], at


def _divided(
    pipes: list[Feature],
    ends: NDArray[np.int64],
    ids: list[str],
    at: NDArray[np.float64],
    tolerance_m: float,
    findings: list[Finding],
) -> list[tuple[str, int, str, str, NDArray[np.float64]]]:
    """Pieces of all pipes, divided where a node lies on them that is not one of their ends."""
    lines = Lines([pipe.points for pipe in pipes])
    on: dict[int, list[tuple[float, int]]] = {}
    for number, place in enumerate(at):
        for found in lines.near(place, tolerance_m):
            if number not in ends[found.line]:
                on.setdefault(found.line, []).append((found.along, number))
    taken = {pipe.id for pipe in pipes}
    pieces = []
    for number, pipe in enumerate(pipes):
        cuts = sorted(on.get(number, []))
        chain = [int(ends[number][0]), *(node for _, node in cuts), int(ends[number][1])]
        if cuts:
            seen = f"{len(cuts) + 1} pieces, at {', '.join(ids[node] for _, node in cuts)}"
            findings.append(Finding("pipe-divided", (pipe.id,), seen))
        for order, line in enumerate(cut(pipe.points, [along for along, _ in cuts])):
            name = pipe.id if order == 0 else _free(as_id(f"{pipe.id}_{order + 1}"), taken)
            start, end = ids[chain[order]], ids[chain[order + 1]]
            if start == end:
                findings.append(Finding("pipe-collapsed", (name,), f"both ends at {start}, {length(line):.3g} m"))
            else:
                pieces.append((name, number, start, end, line))
    return pieces


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = as_id(f"{name}_")
    taken.add(name)
    return name


def _nearly(joined: Joined, tolerance_m: float) -> None:
    """Tell the pipe ends that meet nothing and lie close to another pipe; two that face each other are one finding."""
    lines = Lines(list(joined.pipes["line"]))
    degree, told = joined.degree.to_dict(), set[tuple[str, str]]()
    place = dict(zip(joined.nodes["id"], joined.nodes[["x", "y"]].to_numpy(), strict=True))
    for number, row in enumerate(joined.pipes.itertuples()):
        for node in (row.start, row.end):
            if degree[node] > 1:
                continue
            others = [found for found in lines.near(place[node], _NEARLY * tolerance_m) if found.line != number]
            if not others:
                continue
            pair = str(row.id), str(joined.pipes["id"].iloc[others[0].line])
            if pair[::-1] not in told:
                told.add(pair)
                seen = f"the end {node} of the first meets nothing and lies {others[0].off:.2f} m from the second"
                joined.findings.append(Finding("ends-apart", pair, seen))
