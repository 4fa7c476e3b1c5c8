"""Which switches to open and close, as a mixed-integer program on a forest that grows from the sources.

Every branch e is two arcs a, one for each way that power may take; P, Q, l (current squared) are those of the arc, at its sending end.

    joined:     way_a + way_-a <= 1 - o_s,  >= y_n - sum_s o_s   joined and energised: it carries, one way or the other
    forest:     sum of way into bus n = y_n, 0 at a source         one way in: radial (Jabr et al.; Lavorato et al.)
    reached:    one unit of a commodity flows to every energised bus, on carrying arcs only: no island lives by itself
    power:      sum of P - r l into n - sum of P out of n = p_n y_n, Q alike; |(P, Q)| within a 16-sided polygon around the rating
    voltage:    u_j = t^2 u_i - 2 (r P + x Q) + (r^2 + x^2) l where the arc carries, u >= lowest^2         (DistFlow; Baran and Wu)
    current:    l >= (P^2 + Q^2) / (t^2 u_i) by tangent planes, l <= rating^2                               (Farivar and Low)
    fault:      its arcs carry nothing; y_n <= o_s for the switch between the fault and bus n, y_n = 0 without one

The current is convex in P, Q, u, so every plane holds for every power flow: the program is a relaxation. What the power flow refuses
brings its planes, and the branches that were too much together (a combinatorial Benders cut); neither loses an answer that holds as
long as loads take and do not give.

References: Baran, M., Wu, F. (1989). Network reconfiguration in distribution systems for loss reduction and load balancing. IEEE Trans.
Power Delivery 4(2), 1401-1407. Lavorato, M., Franco, J., Rider, M., Romero, R. (2012). Imposing radiality constraints in distribution
system optimization problems. IEEE Trans. Power Systems 27(1), 172-180. Jabr, R., Singh, R., Pal, B. (2012). Minimum loss network
reconfiguration using mixed-integer convex programming. IEEE Trans. Power Systems 27(2), 1106-1115. Farivar, M., Low, S. (2013). Branch
flow model: relaxations and convexification. IEEE Trans. Power Systems 28(3), 2554-2564. Codato, G., Fischetti, M. (2006).
Combinatorial Benders' cuts for mixed-integer linear programming. Operations Research 54(4), 756-766.
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo

from networks.grid.network import BASE_KVA
from optimisation import plain, solve
from optimisation.restoration.sweep import Swept
from optimisation.restoration.wires import Bools, Floats, Wires

_SIDES = 16  # of the polygon around a rating: 2 % at its corners, which the power flow settles
_FAR, _CARRIES = 1e-6, 1e-6  # [pu] of losses, of the square of a current
_LOSSES = 1.3  # most that is fed in over what is taken; beyond that no voltage is left


@dataclass(frozen=True)
class Plane:
    """A power flow to touch the current at: the branch, P and Q into it and the square of the voltage ahead of it [pu]."""

    branch: int
    p: float
    q: float
    u: float


def planes(swept: Swept) -> list[Plane]:
    """One plane for every branch that carries in a power flow."""
    at = np.flatnonzero(np.abs(swept.sent) > 0).tolist()
    return [Plane(e, abs(float(swept.sent[e].real)), float(swept.sent[e].imag), float(swept.ahead_pu[e]) ** 2) for e in at]


@dataclass
class Forest:
    """The program of one network; `refused` are sets of branches that together break a limit, `barred` whole positions of the switches,
    `planes` where the current is touched."""

    wires: Wires
    refused: list[tuple[int, ...]] = field(default_factory=list)
    barred: list[Bools] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)

    def model(self, may: Bools, now: Bools, must: Bools) -> pyo.ConcreteModel:
        """Everything but the objective. `may` bool[switches]: can be turned, the others stay as `now`; `must` bool[buses]: energised."""
        w, m = self.wires, pyo.ConcreteModel()
        m.S, m.E, m.N = (range(len(names)) for names in (w.switches, w.branches, w.buses))
        m.A = range(2 * len(w.branches))  # arc 2 e + side: from that side of branch e to the other
        m.open = pyo.Var(m.S, within=pyo.Binary)
        m.alive = pyo.Var(m.N, within=pyo.Binary)
        m.way = pyo.Var(m.A, within=pyo.Binary)
        m.rows = pyo.ConstraintList()
        for s in np.flatnonzero(~may).tolist():
            m.open[s].fix(int(now[s]))
        for n in np.flatnonzero(must).tolist():
            m.alive[n].fix(1)
        self._forest(m)
        self._reached(m)
        self._power(m)
        self._voltage(m)
        self._current(m)
        for branches in self.refused:
            m.rows.add(sum(m.way[2 * e] + m.way[2 * e + 1] for e in branches) <= len(branches) - 1)
        for opened in self.barred:
            m.rows.add(sum(1 - m.open[s] if opened[s] else m.open[s] for s in m.S) >= 1)
        return m

    def _forest(self, m: pyo.ConcreteModel) -> None:
        w = self.wires
        into: list[list[Any]] = [[] for _ in m.N]
        for e, ends in enumerate(w.ends.tolist()):
            if w.dead_branch[e]:
                self._apart(m, e)
                continue
            switches = [s for side in (0, 1) for s in w.at_end.get((e, side), [])]
            carries, openings = m.way[2 * e] + m.way[2 * e + 1], sum(m.open[s] for s in switches)
            for s in switches:
                m.rows.add(carries <= 1 - m.open[s])
            for side, n in enumerate(ends):
                m.rows.add(carries >= m.alive[n] - openings)
                m.rows.add(m.way[2 * e + side] <= m.alive[n])
                into[n].append(m.way[2 * e + 1 - side])
        sources = set(w.sources.tolist())
        for n in m.N:
            if w.dead_bus[n]:
                m.alive[n].setub(0)
            if n in sources:
                for way in into[n]:
                    way.fix(0)
            else:
                m.rows.add(sum(into[n]) == m.alive[n])

    def _apart(self, m: pyo.ConcreteModel, e: int) -> None:
        """A faulted branch carries nothing, and a bus at its end is dark unless a switch parts them."""
        for side, n in enumerate(self.wires.ends[e].tolist()):
            m.way[2 * e + side].fix(0)
            m.rows.add(m.alive[n] <= sum(m.open[s] for s in self.wires.at_end.get((e, side), [])))

    def _reached(self, m: pyo.ConcreteModel) -> None:
        most = len(self.wires.buses)
        m.unit = pyo.Var(m.A, bounds=(0, most))
        for a in m.A:
            m.rows.add(m.unit[a] <= most * m.way[a])
        self._balance(m, m.unit, np.ones(most), np.zeros(len(m.E)))

    def _balance(self, m: pyo.ConcreteModel, flow: Any, taken: Floats, lost: Floats) -> None:
        """What arrives at a bus beyond what flows on is what it takes, where there is no source; `lost` of the current on the way."""
        w, sources = self.wires, set(self.wires.sources.tolist())
        for n in m.N:
            if n not in sources:
                inflow = sum(flow[2 * e + 1 - side] - flow[2 * e + side] for e, _, side in w.neighbours[n])
                on_the_way = sum(float(lost[e]) * m.square[2 * e + 1 - side] for e, _, side in w.neighbours[n]) if lost.any() else 0
                m.rows.add(inflow - on_the_way == float(taken[n]) * m.alive[n])

    def _power(self, m: pyo.ConcreteModel) -> None:
        w = self.wires
        p, q = w.p_kw / BASE_KVA, w.q_kvar / BASE_KVA
        taken = float(p.sum() + np.abs(q).sum())
        most_p = float(p.sum()) + (_LOSSES - 1) * taken + 1e-6  # reactive power alone loses power too
        most_q = _LOSSES * taken + 1e-6
        rating = w.rating_kva / BASE_KVA
        kva = rating * self._top() ** 0.5
        m.p, m.q, m.square = pyo.Var(m.A, bounds=(0, None)), pyo.Var(m.A), pyo.Var(m.A, bounds=(0, None))
        for a in m.A:
            m.rows.add(m.p[a] <= min(float(kva[a // 2]), most_p) * m.way[a])
            limit = min(float(kva[a // 2]), most_q)
            m.rows.add(m.q[a] <= limit * m.way[a])
            m.rows.add(m.q[a] >= -limit * m.way[a])
            least = float(w.low_pu.min()) * min(float(w.ratio.min()), 1 / float(w.ratio.max()))
            m.rows.add(m.square[a] <= min(float(rating[a // 2]) ** 2, (most_p**2 + most_q**2) / least**2) * m.way[a])
            if kva[a // 2] < np.hypot(most_p, most_q):
                for angle in 2 * np.pi * (np.arange(_SIDES) + 0.5) / _SIDES:
                    if np.cos(angle) > 0:
                        side = float(np.cos(angle)) * m.p[a] + float(np.sin(angle)) * m.q[a]
                        m.rows.add(side <= float(kva[a // 2]) * m.way[a])
        self._balance(m, m.p, p, w.r_pu)
        self._balance(m, m.q, q, w.x_pu)

    def _top(self) -> float:
        """Square of a voltage that none reaches; too high is the power flow's to say [pu]."""
        w = self.wires
        return 1.1 * max(float(np.nanmax(w.source_pu)), float(w.high_pu.max()), 1.0) ** 2

    def _gain(self, a: int) -> float:
        """Square of the voltage behind an arc's turns over that before them."""
        return float(self.wires.ratio[a // 2]) ** (2 if a % 2 == 0 else -2)

    def _voltage(self, m: pyo.ConcreteModel) -> None:
        w, top = self.wires, self._top()
        m.u = pyo.Var(m.N, bounds=lambda m, n: (float(w.low_pu[n]) ** 2, top))
        for n in w.sources.tolist():
            m.u[n].fix(float(w.source_pu[n]) ** 2)
        for a in m.A:
            e, gain = a // 2, self._gain(a)
            tail, head = w.ends[e, a % 2], w.ends[e, 1 - a % 2]
            r, x = float(w.r_pu[e]), float(w.x_pu[e])
            drop = m.u[head] - gain * m.u[tail] + 2 * (r * m.p[a] + x * m.q[a]) - (r * r + x * x) * m.square[a]
            m.rows.add(drop <= (top - gain * float(w.low_pu[tail]) ** 2) * (1 - m.way[a]))
            m.rows.add(drop >= -(gain * top - float(w.low_pu[head]) ** 2) * (1 - m.way[a]))

    def _current(self, m: pyo.ConcreteModel) -> None:
        """Tangents to (P^2 + Q^2) / u, on both arcs of a branch; of an arc that carries nothing they say no more than 0."""
        for plane in self.planes:
            for a in (2 * plane.branch, 2 * plane.branch + 1):
                gain, tail = self._gain(a), self.wires.ends[plane.branch, a % 2]
                slope = (plane.p**2 + plane.q**2) / plane.u**2
                touched = (2 * plane.p * m.p[a] + 2 * plane.q * m.q[a]) / plane.u - slope * gain * m.u[tail]
                m.rows.add(m.square[a] >= touched)


def missing(m: pyo.ConcreteModel, w: Wires) -> list[Plane]:
    """Where the current of a solved model lies too far below what its power and voltage ask for."""
    found = []
    for a in m.A:
        gain = float(w.ratio[a // 2]) ** (2 if a % 2 == 0 else -2)
        p, q, u = (max(m.p[a].value, 0.0), m.q[a].value, gain * m.u[w.ends[a // 2, a % 2]].value)
        asked = (p * p + q * q) / u
        if float(w.r_pu[a // 2]) * (asked - m.square[a].value) > _FAR and asked > _CARRIES:
            found.append(Plane(a // 2, p, q, u))
    return found


@dataclass(frozen=True)
class Answer:
    """`cost` of the answer and the `bound` below which none can be; `ended` by the gap or by the nodes."""

    cost: float
    bound: float
    ended: str


def solved(
    m: pyo.ConcreteModel, rel_gap: float = 1e-6, max_nodes: int = 20_000, start: Sequence[tuple[Any, float]] = (), *, whole: bool = True
) -> Answer | None:
    """Solve a model with its objective, its values put into its variables; None when nothing holds.

    `start`: a guess of variables; not `whole`: without its integers. Raises `PenstockError` when the nodes end before the first answer.
    """
    for variable, value in start:
        variable.set_value(value, skip_validation=True)
    arrays, columns = plain.arrays(m)
    if not whole:
        arrays = arrays.with_bounds(arrays.col_lower, arrays.col_upper, np.zeros_like(arrays.integer))
    # the positions are judged by the power flow; a second program with them fixed may miss its 1e-6 where the first one met it
    found = solve.solved(arrays, rel_gap, max_nodes, plain.guess(columns) if start else None, prices=False)
    if found.ended == "infeasible":
        return None
    for column, value in zip(columns, found.x.tolist(), strict=True):
        column.set_value(round(value) if whole and column.is_binary() else value, skip_validation=True)
    return Answer(found.objective, found.objective - abs(found.objective) * found.gap, found.ended)
