"""Where a leak is, and whether to send a crew: the posterior over pipes and what a report is worth.

log P(pipe) = log length + sigma_pipe^2 / 2 for positive sizes, sigma from the mean residual since the leak began, weighted with its
size over time, all other leaks taken off. The covariance holds the noise, the other leaks' uncertain sizes, and errors of the computed
pattern in proportion to the size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from networks.leakage.filters import Filters
from networks.leakage.scada import Floats
from networks.leakage.settings import LeakSettings
from networks.network import Network

_SHORTEST_M = 5.0  # a pipe's prior counts its length, at least this
_TOP = 30  # pipes whose mean pattern stands for the error of a pattern
_WEIGHTLESS = 1e-4  # pipes less likely than this are not tried as the place to dig


def posterior(mean: Floats, covariance: Floats, pattern: Floats, length_m: Floats, settings: LeakSettings) -> tuple[Floats, Floats]:
    """float[pipes] probabilities (sum 1) and best sizes [m3/h] from a mean residual float[c] with NaN for silent channels."""
    known = np.isfinite(mean)
    mean, covariance, pattern = mean[known], covariance[np.ix_(known, known)], pattern[:, known]
    rough = Filters.of(covariance, pattern)
    sigma = np.maximum(rough.sigmas(mean), 0.0)
    size = max(float(rough.sizes(mean)[sigma.argmax()]), 0.1)
    alike = (pattern[np.argsort(-sigma)[:_TOP]] ** 2).mean(axis=0)
    sharp = Filters.of(covariance + np.diag((settings.pattern_error * size) ** 2 * alike), pattern)
    sizes = sharp.sizes(mean)
    gain = 0.5 * np.where(sizes > 0, sharp.sigmas(mean), 0.0) ** 2 + np.log(np.maximum(length_m, _SHORTEST_M))
    weight = np.exp(gain - gain.max())
    return weight / weight.sum(), sizes


class Distances:
    """Shortest way along links between the middles of pipes [m]; pumps and valves have no length."""

    def __init__(self, network: Network) -> None:
        links, nodes = network.links, list(network.nodes["id"])
        number = {node: i for i, node in enumerate(nodes)}
        ends = links[["start", "end"]].map(number.__getitem__).to_numpy()
        length = np.maximum(links["length_m"].to_numpy(dtype=float), 1e-6)  # a sparse graph takes 0 for no link
        shortest: dict[tuple[int, int], float] = {}
        for a, b, metres in zip(*ends.T, length, strict=True):
            key = (min(a, b), max(a, b))
            shortest[key] = min(metres, shortest.get(key, np.inf))
        rows, columns = np.array(list(shortest)).T
        self._graph = coo_array((list(shortest.values()), (rows, columns)), shape=(len(nodes), len(nodes))).tocsr()
        pipes = (links["kind"] == "pipe").to_numpy()
        self._ends, self._half = ends[pipes], length[pipes] / 2
        self._rows: dict[int, Floats] = {}

    def of(self, pipes: NDArray[np.int64]) -> Floats:
        """float[pipes, all pipes] [m]."""
        return np.array([self._row(int(pipe)) for pipe in pipes])

    def _row(self, pipe: int) -> Floats:
        if pipe not in self._rows:
            node = dijkstra(self._graph, directed=False, indices=self._ends[pipe]).min(axis=0)
            self._rows[pipe] = node[self._ends].min(axis=1) + self._half + self._half[pipe]
            self._rows[pipe][pipe] = 0.0
        return self._rows[pipe]


@dataclass(frozen=True)
class Worth:
    """What a report on `pipe` is worth: `near` P(the leak is within a crew's search), `search` expected cost of searching,
    `saved` water stopped when found, `expected` all together (the currency of the settings)."""

    pipe: int
    near: float
    search: float
    saved: float
    expected: float

    def sentence(self, size: float, settings: LeakSettings) -> str:
        """In words."""
        return (
            f"{size:.1f} m3/h, {100 * self.near:.0f} % within {settings.search_m:.0f} m: worth {self.expected:,.0f} "
            f"({self.saved:,.0f} of water over {settings.lifetime_days:.0f} days, {self.search:,.0f} for the search)."
        )


def worth(probability: Floats, size: float, distances: Distances, settings: LeakSettings) -> Worth:
    """The pipe whose report costs least in expectation: searching costs `crew_call_cost` per `search_m`, a leak beyond that is lost."""
    tried = np.flatnonzero(probability > max(_WEIGHTLESS, 0.01 * probability.max()))
    far = distances.of(tried)
    inside = far <= settings.search_m
    saved = settings.price_per_m3 * size * 24 * settings.lifetime_days
    cost = np.where(inside, settings.crew_call_cost * far / settings.search_m, saved + settings.crew_call_cost) @ probability
    best = int(cost.argmin())
    near = float(inside[best] @ probability)
    search = float(settings.crew_call_cost * np.minimum(far[best] / settings.search_m, 1.0) @ probability)
    return Worth(int(tried[best]), near, search, saved, near * saved - search)
