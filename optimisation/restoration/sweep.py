"""The power flow of a tree, quickly: what the search walks through thousands of times. GRID's solver proves what the search chose.

Backward and forward sweep: currents of the loads are added up from the leaves, voltages fall from the sources; loads take constant power.

References: Shirmohammadi, D., Hong, H., Semlyen, A., Luo, G. (1988). A compensation-based power flow method for weakly meshed
distribution and transmission networks. IEEE Trans. Power Systems 3(2), 753-762.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from networks.grid.network import BASE_KVA
from optimisation.restoration.wires import Bools, Floats, Ints, Wires

Complexes = NDArray[np.complex128]
_CLOSE = 1e-10  # change of a voltage at which the sweeps end [pu]
_MOST = 200
_COLLAPSED = 0.3  # below this voltage no load flow is believed [pu]


@dataclass(frozen=True)
class Tree:
    """What the sources reach: buses in the order in which they are reached, the bus and the branch before each (-1 at a source).

    `loop` says that something energised is fed on two ways or by two sources; `touches` that a faulted bus or branch is energised.
    """

    order: list[int]
    parent: list[int]
    by: list[int]
    loop: bool
    touches: bool

    @property
    def energised(self) -> Bools:
        """bool[buses]: fed by a source."""
        found = np.zeros(len(self.parent), dtype=bool)
        found[self.order] = True
        return found

    @property
    def carrying(self) -> Ints:
        """Rows of the branches that feed a bus."""
        return np.array([self.by[bus] for bus in self.order if self.by[bus] >= 0], dtype=np.int64)


def tree(wires: Wires, opened: Bools) -> Tree:
    """What the sources reach with these switches open, bool[switches]."""
    closed = wires.end_closed(opened)
    joined, dead = (closed.all(axis=1) & ~wires.dead_branch).tolist(), wires.dead_branch.tolist()
    near = closed.tolist()
    parent, by = [-1] * len(wires.buses), [-1] * len(wires.buses)
    order = wires.sources.tolist()
    seen = [False] * len(wires.buses)
    for bus in order:
        seen[bus] = True
    loop, touches, neighbours = False, False, wires.neighbours
    for bus in order:  # grows while it is walked
        for branch, other, side in neighbours[bus]:
            if not joined[branch]:
                touches = touches or (dead[branch] and near[branch][side])
            elif branch != by[bus]:
                if seen[other]:
                    loop = True
                else:
                    seen[other] = True
                    parent[other], by[other] = bus, branch
                    order.append(other)
    return Tree(order, parent, by, loop, touches or bool(wires.dead_bus[order].any()))


@dataclass(frozen=True)
class Swept:
    """voltage_pu float64[buses] (not-a-number where dark), loading float64[branches] (share of the rating), loss_kw; `sent` complex128
    [branches], the power into a branch behind its turns, and `ahead_pu` float64[branches], the voltage there [pu]; `held` when the sweeps
    ended at a voltage."""

    voltage_pu: Floats
    loading: Floats
    sent: Complexes
    ahead_pu: Floats
    loss_kw: float
    held: bool


def sweep(wires: Wires, found: Tree) -> Swept:
    """The power flow of a tree without loops."""
    order, parent, by = found.order, found.parent, found.by
    z = (wires.r_pu + 1j * wires.x_pu).tolist()
    ends, ratios = wires.ends, wires.ratio
    behind = [b for b in order if by[b] >= 0]
    gain = {b: float(ratios[by[b]] if ends[by[b], 1] == b else 1 / ratios[by[b]]) for b in behind}
    s = ((wires.p_kw + 1j * wires.q_kvar) / BASE_KVA).tolist()
    v = [complex(level) for level in np.where(np.isfinite(wires.source_pu), wires.source_pu, 1.0)]
    held, current = False, [0j] * len(s)
    for _ in range(_MOST):
        for b in order:
            current[b] = (s[b] / v[b]).conjugate()
        for b in reversed(behind):
            current[parent[b]] += current[b] * gain[b]
        change = 0.0
        for b in behind:
            level = v[parent[b]] * gain[b] - z[by[b]] * current[b]  # a transformer's impedance stands behind its turns
            change = max(change, abs(level - v[b]))
            v[b] = level
        if change < _CLOSE:
            held = True
            break
        if change > 1.0 or any(abs(v[b]) < _COLLAPSED for b in behind):
            break
    voltage, loading, loss = np.full(len(s), np.nan), np.zeros(len(z)), 0.0
    sent, ahead = np.zeros(len(z), dtype=complex), np.ones(len(z))
    for b in order:
        voltage[b] = abs(v[b])
    for b in behind:
        loading[by[b]] = abs(current[b]) * BASE_KVA / wires.rating_kva[by[b]]
        sent[by[b]] = v[parent[b]] * gain[b] * current[b].conjugate()
        ahead[by[b]] = abs(v[parent[b]]) * gain[b]
        loss += abs(current[b]) ** 2 * wires.r_pu[by[b]] * BASE_KVA
    return Swept(voltage, loading, sent, ahead, loss, held)
