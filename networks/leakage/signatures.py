"""What a leak of 1 m3/h at each pipe does to every channel, at several levels of demand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.leakage.areas import Areas
from networks.leakage.hydraulics import Model, Moments
from networks.leakage.scada import Floats
from networks.network import Network

LEVELS = (0.03, 0.2, 0.4, 0.6, 0.8, 0.97)  # quantiles of total demand
PROBE_M3_PER_H = 4.0


@dataclass(frozen=True)
class Signatures:
    """`level` float[l] total demand [m3/h]; `pattern` float[l, pipes, channels] change per m3/h; `ends` int[pipes, 2] junctions
    (-1 for a tank or reservoir)."""

    level: Floats
    pattern: Floats
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, network: Network, areas: Areas, model: Model, moments: Moments) -> "Signatures":
        """At real moments of history whose total demand is nearest to its quantiles."""
        known = np.flatnonzero(moments.known)
        total = moments.demand[known].sum(axis=1)
        level = np.quantile(total, LEVELS)
        at = [known[int(np.argmin(np.abs(total - value)))] for value in level]
        none = np.zeros(model.junctions)
        junction = np.array([model.sensitivity(moments[i : i + 1], none, PROBE_M3_PER_H) for i in at])
        ends = np.array([[areas.number.get(name, -1) for name in pair] for pair in network.pipes[["start", "end"]].to_numpy()])
        here = (ends >= 0).astype(float)
        weight = here / np.maximum(here.sum(axis=1, keepdims=True), 1.0)
        pattern = (junction[:, ends] * weight[None, :, :, None]).sum(axis=2)
        area = np.where(ends >= 0, areas.area_of[ends], -1).max(axis=1)
        balance = np.column_stack([(area == a).astype(float) for a in np.flatnonzero(areas.metered)] or [np.zeros((len(ends), 0))])
        return cls(level, np.concatenate([pattern, np.repeat(balance[None], len(at), axis=0)], axis=2), ends)

    def nearest(self, total: Floats) -> NDArray[np.int64]:
        """int[t]: the level next to each total demand."""
        return np.abs(np.nan_to_num(total)[:, None] - self.level).argmin(axis=1)

    def drawn(self, pipe: int, size: float, junctions: int) -> Floats:
        """float[junctions]: a leak at the middle of a pipe, as EPANET is told it: half at each end."""
        out = np.zeros(junctions)
        ends = self.ends[pipe][self.ends[pipe] >= 0]
        out[ends] = size / max(len(ends), 1)
        return out
