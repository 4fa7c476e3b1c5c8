"""The nearest place on many lines, exactly, by a grid of samples along them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


class Place(NamedTuple):
    """Where on which line: `line` its number, `along` metres from its start, `off` metres beside it."""

    line: int
    along: float
    off: float


def length(points: NDArray[np.float64]) -> float:
    """Length of a line [m]."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


@dataclass
class Lines:
    """Lines float64[k, 2] in metres, ready to be asked. A line is never further from a point than its nearest sample, and never more
    than half a spacing nearer: so the lines with a sample within that of the nearest one are all that can be nearest."""

    lines: Sequence[NDArray[np.float64]]
    spacing_m: float = 10.0

    def __post_init__(self) -> None:
        samples, owner = [], []
        for number, points in enumerate(self.lines):
            along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
            at = np.linspace(0.0, along[-1], max(2, int(along[-1] / self.spacing_m) + 2))
            samples.append(np.column_stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)]))
            owner.append(np.full(len(at), number))
        self._owner = np.concatenate(owner) if owner else np.empty(0, dtype=int)
        self._tree = cKDTree(np.concatenate(samples)) if samples else None

    def near(self, point: NDArray[np.float64], reach_m: float) -> list[Place]:
        """All lines within `reach_m` of the point, the nearest first."""
        if self._tree is None:
            return []
        numbers = np.unique(self._owner[self._tree.query_ball_point(point, reach_m + self.spacing_m / 2)])
        places = sorted((self.on(int(number), point) for number in numbers), key=lambda place: (place.off, place.line))
        return [place for place in places if place.off <= reach_m]

    def nearest(self, point: NDArray[np.float64]) -> Place | None:
        """The nearest line, however far; None when there is no line at all."""
        if self._tree is None:
            return None
        return self.near(point, float(self._tree.query(point)[0]) + 1e-6)[0]

    def on(self, number: int, point: NDArray[np.float64]) -> Place:
        """The foot of the perpendicular from the point on one line."""
        points = self.lines[number]
        step = np.diff(points, axis=0)
        size = np.hypot(*step.T)
        share = np.clip(((point - points[:-1]) * step).sum(axis=1) / np.maximum(size, 1e-12) ** 2, 0.0, 1.0)
        off = np.hypot(*(points[:-1] + share[:, None] * step - point).T)
        best = int(off.argmin())
        return Place(number, float(size[:best].sum() + share[best] * size[best]), float(off[best]))


def cut(points: NDArray[np.float64], at: Sequence[float]) -> list[NDArray[np.float64]]:
    """A line divided at these distances from its start [m], in order."""
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    edges = [0.0, *sorted(at), along[-1]]
    pieces = []
    for low, high in pairwise(edges):
        inside = along[(along > low + 1e-9) & (along < high - 1e-9)]
        where = np.r_[low, inside, high]
        pieces.append(np.column_stack([np.interp(where, along, points[:, axis]) for axis in (0, 1)]))
    return pieces
