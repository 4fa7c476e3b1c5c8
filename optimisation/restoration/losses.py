"""Where to part the feeders for least losses: which switches stay open when all others are closed.

Three steps, each measured in the benchmark: the network is closed to a mesh and opened again at the switch that carries least, one after
the other; then one open point at a time moves along its loop while that saves losses (branch exchange), and from where that ends
each open point is moved once against the saving and the descent begun again; a mixed-integer program with tangent planes of the current
bounds from below what any position can reach, and its answers are judged by the power flow like all others.

References: Shirmohammadi, D., Hong, H. (1989). Reconfiguration of electric distribution networks for resistive line losses reduction.
IEEE Trans. Power Delivery 4(2), 1492-1498. Civanlar, S., Grainger, J., Yin, H., Lee, S. (1988). Distribution feeder reconfiguration for
loss reduction. IEEE Trans. Power Delivery 3(3), 1217-1223. Baran and Wu (1989), Jabr et al. (2012) as in `program`.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo

from city.problems import PenstockError, fault
from networks.grid.flow import Solver
from networks.grid.network import BASE_KVA, Network
from optimisation.restoration.program import Forest, missing, planes, solved
from optimisation.restoration.state import State, state
from optimisation.restoration.wires import Bools, Floats, Voltage, Wires, wires

_SAVES = 1e-6  # a smaller saving is none [share]
_ROUNDS = 25


@dataclass(frozen=True)
class Effort:
    """How much is tried: `kicks`: moves against the saving; `nodes` of the program's search, none when 0, and its `gap`; `touches`: how
    often planes are added before it."""

    kicks: bool = True
    nodes: int = 0
    gap: float = 1e-3
    touches: int = 12


@dataclass(frozen=True)
class Reconfiguration:
    """`open_switches` with their losses [kW] and lowest voltage [pu]; `stages`: (name, losses [kW], CPU-seconds) of each step;
    `bound_kw`: no position has less losses, where the program was asked, 0 otherwise; `switchings` from the normal position."""

    open_switches: frozenset[str]
    loss_kw: float
    lowest_pu: float
    stages: tuple[tuple[str, float, float], ...]
    bound_kw: float
    switchings: int


def least_losses(
    network: Network,
    p_kw: Floats | None = None,
    q_kvar: Floats | None = None,
    *,
    movable: Collection[str] | None = None,
    voltage_pu: Voltage = (0.9, 1.1),
    effort: Effort | None = None,
) -> Reconfiguration:
    """The position of the switches with the least losses found, every bus with supply and every limit kept.

    Parameters
    ----------
    p_kw, q_kvar: float64[loads] [kW, kvar]; the design peak when left out
    movable: the switches that may be turned; all when left out
    voltage_pu: lowest and highest voltage [pu]

    Raises `PenstockError` when neither the normal position nor any that was tried holds.
    """
    effort = effort or Effort()
    w = wires(network, p_kw, q_kvar, voltage_pu=voltage_pu)
    normal = w.opened(network.normally_open)
    may = np.ones(len(w.switches), dtype=bool) if movable is None else w.opened(movable)
    search = _Exchange(w, may)
    stages, began = [], time.process_time()

    def stage(name: str, found: State) -> State:
        stages.append((name, round(found.swept.loss_kw, 4), round(time.process_time() - began, 2)))
        return found

    candidates = [one for one in _begun(network, w, normal, may, p_kw, q_kvar) if search.holds(one)]
    if not candidates:
        raise fault("least losses", "no position holds its limits", "a radial position to begin from", "Check loads, ratings and voltages.")
    best = stage("opened from the mesh", min(candidates, key=lambda one: one.swept.loss_kw))
    best = stage("branch exchange", search.descend(best))
    if effort.kicks:
        best = stage("kicked", search.kicked(best))
    bound = 0.0
    if effort.nodes:
        found, bound = _program(w, normal, may, best, effort)
        best = stage("program", min((best, *found), key=lambda one: one.swept.loss_kw))
        best = search.descend(best)
    return Reconfiguration(
        open_switches=w.named(best.opened),
        loss_kw=best.swept.loss_kw,
        lowest_pu=float(np.nanmin(best.swept.voltage_pu)),
        stages=tuple(stages),
        bound_kw=bound,
        switchings=int((best.opened != normal).sum()),
    )


def _begun(network: Network, w: Wires, normal: Bools, may: Bools, p_kw: Floats | None, q_kvar: Floats | None) -> list[State]:
    """Where to begin: the normal position, and the mesh opened again."""
    opened = _mesh_opened(network, w, normal, may, p_kw, q_kvar)
    return [state(w, normal), *([opened] if opened is not None else [])]


def _mesh_opened(network: Network, w: Wires, normal: Bools, may: Bools, p_kw: Floats | None, q_kvar: Floats | None) -> State | None:
    """Everything closed, then open where least is carried until no loop is left; None where the mesh has no power flow."""
    p, q = (network.loads[c].to_numpy(dtype=float) if g is None else g for c, g in (("p_kw", p_kw), ("q_kvar", q_kvar)))
    solver, opened = Solver(network), normal & ~may
    while (now := state(w, opened)).tree.loop:
        try:
            flow = solver.flow(p, q, w.named(opened))
        except PenstockError:
            return None
        carried = flow.current_a[0][w.switch_branch]
        for switch in sorted(np.flatnonzero(may & ~opened).tolist(), key=lambda s: carried[s]):
            fewer = opened.copy()
            fewer[switch] = True
            if len(state(w, fewer).tree.order) == len(now.tree.order):
                opened = fewer
                break
        else:
            return None
    return now


class _Exchange:
    """Branch exchange: one open point moves along the loop that closing it would make."""

    def __init__(self, w: Wires, may: Bools) -> None:
        self.w, self.may, self.buses = w, may, 0
        self.known: dict[bytes, float] = {}

    def holds(self, found: State) -> bool:
        """Radial, everybody with supply, limits kept?"""
        self.buses = self.buses or len(found.tree.order)
        return len(found.tree.order) == self.buses and found.safe

    def loss(self, opened: Bools) -> float:
        """Losses [kW], without end where the position does not hold."""
        key = opened.tobytes()
        if key not in self.known:
            found = state(self.w, opened)
            self.known[key] = found.swept.loss_kw if self.holds(found) else np.inf
        return self.known[key]

    def moves(self, at: State, close: int) -> Iterator[Bools]:
        """Positions with `close` closed and another switch of its loop open."""
        tree, ends = at.tree, self.w.ends[self.w.switch_branch[close]]
        ways = [self._to_source(tree.parent, bus) for bus in ends.tolist()]
        shared = set(ways[0]) & set(ways[1])
        loop = {tree.by[bus] for way in ways for bus in way if bus not in shared}
        for switch in np.flatnonzero(np.isin(self.w.switch_branch, list(loop)) & self.may & ~at.opened).tolist():
            moved = at.opened.copy()
            moved[close], moved[switch] = False, True
            yield moved

    @staticmethod
    def _to_source(parent: list[int], bus: int) -> list[int]:
        way = [bus]
        while parent[way[-1]] >= 0:
            way.append(parent[way[-1]])
        return way

    def best_move(self, at: State, close: int) -> tuple[float, Bools] | None:
        """The move of one open point that leaves least losses."""
        found = [(self.loss(moved), moved) for moved in self.moves(at, close)]
        return min(found, key=lambda one: one[0], default=None)

    def descend(self, at: State) -> State:
        """Move open points while that saves."""
        for _ in range(_ROUNDS):
            before = at
            for close in np.flatnonzero(at.opened & self.may).tolist():
                found = self.best_move(at, close) if at.opened[close] else None
                if found is not None and found[0] < at.swept.loss_kw * (1 - _SAVES):
                    at = state(self.w, found[1])
            if at is before:
                break
        return at

    def kicked(self, at: State) -> State:
        """Move each open point once against the saving and descend again; begin anew from what is better."""
        for _ in range(_ROUNDS):
            before = at
            for close in np.flatnonzero(at.opened & self.may).tolist():
                found = self.best_move(at, close) if at.opened[close] else None
                if found is None or not np.isfinite(found[0]):
                    continue
                other = self.descend(state(self.w, found[1]))
                if other.swept.loss_kw < at.swept.loss_kw * (1 - _SAVES):
                    at = other
            if at is before:
                break
        return at


def _program(w: Wires, normal: Bools, may: Bools, best: State, effort: Effort) -> tuple[list[State], float]:
    """Answers of the program that hold, and the bound [kW]; it ends by gap or nodes.

    Before the search, the program without its integers is solved again and again, each time with the planes that its answer asks for.
    """
    forest, found, bound = Forest(w), list[State](), 0.0
    forest.planes += planes(best.swept)
    for _ in range(effort.touches):
        m = _model(forest, normal, may, best)
        if solved(m, whole=False) is None:
            break
        forest.planes += missing(m, w)
    m = _model(forest, normal, may, best)
    guess = [(m.open[s], float(best.opened[s])) for s in m.S if may[s]]
    try:
        answer = solved(m, effort.gap, effort.nodes, guess)
    except PenstockError:  # the nodes ended before the first answer
        return found, bound
    if answer is not None:
        one = state(w, np.array([m.open[s].value > 0.5 for s in m.S], dtype=bool))
        found = [one] if one.safe else []
        bound = answer.bound * BASE_KVA
    return found, max(bound, 0.0)


def _model(forest: Forest, normal: Bools, may: Bools, best: State) -> pyo.ConcreteModel:
    m = forest.model(may, normal, best.tree.energised)
    m.cost = pyo.Objective(expr=sum(float(forest.wires.r_pu[a // 2]) * m.square[a] for a in m.A))
    return m
