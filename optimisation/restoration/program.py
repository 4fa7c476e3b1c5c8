"""Which switches to open and close, as a mixed-integer program on a forest that grows from the sources.

    joined:     c_e <= 1 - o_s,  c_e >= 1 - sum_s o_s           a branch joins its buses when none of its switches is open
    forest:     b_e,0 + b_e,1 = k_e <= c_e,  k_e >= c_e + y_n - 1   what is joined and energised carries, one way or the other
                sum of b into bus n = y_n, 0 at a source             one way in: radial (Jabr et al.; Lavorato et al.)
    reached:    one unit of a commodity flows to every energised bus, on carrying branches only: no island lives by itself
    power:      sum of P into n = p_n y_n, Q alike, |(P, Q)| within a 16-sided polygon around the rating
    voltage:    u_j = t^2 u_i - 2 (r P + x Q) where k_e = 1,  u >= lowest^2      (linearised DistFlow; Baran and Wu)
    fault:      k_e = 0;  y_n <= o_s for the switch between the fault and bus n, y_n = 0 without one

Losses are left out, so currents are too small and voltages too high: the program is a relaxation of the power flow, and what the power
flow refuses is cut away by the set of branches that was too much together (`refused`), which loses no answer that holds.

References: Baran, M., Wu, F. (1989). Network reconfiguration in distribution systems for loss reduction and load balancing. IEEE Trans.
Power Delivery 4(2), 1401-1407. Lavorato, M., Franco, J., Rider, M., Romero, R. (2012). Imposing radiality constraints in distribution
system optimization problems. IEEE Trans. Power Systems 27(1), 172-180. Jabr, R., Singh, R., Pal, B. (2012). Minimum loss network
reconfiguration using mixed-integer convex programming. IEEE Trans. Power Systems 27(2), 1106-1115. Codato, G., Fischetti, M. (2006).
Combinatorial Benders' cuts for mixed-integer linear programming. Operations Research 54(4), 756-766.
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimisation import plain, solve
from optimisation.restoration.wires import BASE_KVA, Bools, Floats, Wires

_SIDES = 16  # of the polygon around a rating: 2 % at its corners, which the power flow settles


@dataclass
class Forest:
    """The program of one network; `refused` are sets of branches that together break a limit, `barred` whole positions of the switches."""

    wires: Wires
    refused: list[tuple[int, ...]] = field(default_factory=list)
    barred: list[Bools] = field(default_factory=list)

    def model(self, may: Bools, now: Bools, must: Bools) -> pyo.ConcreteModel:
        """Everything but the objective. `may` bool[switches]: can be turned, the others stay as `now`; `must` bool[buses]: energised."""
        w, m = self.wires, pyo.ConcreteModel()
        m.S, m.E, m.N = (range(len(names)) for names in (w.switches, w.branches, w.buses))
        m.open = pyo.Var(m.S, within=pyo.Binary)
        m.alive = pyo.Var(m.N, within=pyo.Binary)
        m.way = pyo.Var(m.E, (0, 1), within=pyo.Binary)
        m.rows = pyo.ConstraintList()
        for s in np.flatnonzero(~may).tolist():
            m.open[s].fix(int(now[s]))
        for n in np.flatnonzero(must).tolist():
            m.alive[n].fix(1)
        self._forest(m)
        self._reached(m)
        self._power(m)
        self._voltage(m)
        for branches in self.refused:
            m.rows.add(sum(m.way[e, 0] + m.way[e, 1] for e in branches) <= len(branches) - 1)
        for opened in self.barred:
            m.rows.add(sum(1 - m.open[s] if opened[s] else m.open[s] for s in m.S) >= 1)
        return m

    def _forest(self, m: pyo.ConcreteModel) -> None:
        w = self.wires
        sources = set(w.sources.tolist())
        into: list[list[Any]] = [[] for _ in m.N]
        for e, (a, b) in enumerate(w.ends.tolist()):
            switches = [s for side in (0, 1) for s in w.at_end.get((e, side), [])]
            if w.dead_branch[e]:
                self._apart(m, e)
                continue
            carries, openings = m.way[e, 0] + m.way[e, 1], sum(m.open[s] for s in switches)
            for s in switches:
                m.rows.add(carries <= 1 - m.open[s])
            for n in (a, b):
                m.rows.add(carries >= m.alive[n] - openings)
            m.rows.add(m.way[e, 0] <= m.alive[a])
            m.rows.add(m.way[e, 1] <= m.alive[b])
            into[b].append(m.way[e, 0])
            into[a].append(m.way[e, 1])
        for n in m.N:
            if w.dead_bus[n]:
                m.alive[n].setub(0)
            if into[n] and n in sources:
                m.rows.add(sum(into[n]) == 0)
            elif n not in sources:
                m.rows.add(sum(into[n]) == m.alive[n])

    def _apart(self, m: pyo.ConcreteModel, e: int) -> None:
        """A faulted branch carries nothing, and a bus at its end is dark unless a switch parts them."""
        for side, n in enumerate(self.wires.ends[e].tolist()):
            m.way[e, side].fix(0)
            switches = self.wires.at_end.get((e, side), [])
            m.rows.add(m.alive[n] <= sum(m.open[s] for s in switches))

    def _reached(self, m: pyo.ConcreteModel) -> None:
        w, most = self.wires, len(self.wires.buses)
        m.unit = pyo.Var(m.E, bounds=(-most, most))
        for e in m.E:
            m.rows.add(m.unit[e] <= most * m.way[e, 0])
            m.rows.add(m.unit[e] >= -most * m.way[e, 1])
        self._balance(m, m.unit, np.ones(most))

    def _balance(self, m: pyo.ConcreteModel, flow: Any, taken: Floats) -> None:
        """What flows into a bus beyond what flows on is what it takes, where there is no source."""
        w = self.wires
        for n in sorted(set(m.N) - set(w.sources.tolist())):
            inflow = sum(flow[e] if side else -flow[e] for e, _, side in w.neighbours[n])
            m.rows.add(inflow == float(taken[n]) * m.alive[n])

    def _power(self, m: pyo.ConcreteModel) -> None:
        w = self.wires
        p, q = w.p_kw / BASE_KVA, w.q_kvar / BASE_KVA
        most_p, most_q = float(p.sum()) + 1e-6, float(np.abs(q).sum()) + 1e-6
        rating = w.rating_kva / BASE_KVA * max(float(np.nanmax(w.source_pu)), float(w.high_pu.max()))
        m.p, m.q = pyo.Var(m.E), pyo.Var(m.E)
        for e in m.E:
            limit = min(float(rating[e]), most_p)
            m.rows.add(m.p[e] <= limit * m.way[e, 0])
            m.rows.add(m.p[e] >= -limit * m.way[e, 1])
            carries, limit = m.way[e, 0] + m.way[e, 1], min(float(rating[e]), most_q)
            m.rows.add(m.q[e] <= limit * carries)
            m.rows.add(m.q[e] >= -limit * carries)
            if rating[e] < np.hypot(most_p, most_q):
                for angle in 2 * np.pi * (np.arange(_SIDES) + 0.5) / _SIDES:
                    m.rows.add(float(np.cos(angle)) * m.p[e] + float(np.sin(angle)) * m.q[e] <= float(rating[e]) * carries)
        self._balance(m, m.p, p)
        self._balance(m, m.q, q)

    def _voltage(self, m: pyo.ConcreteModel) -> None:
        w = self.wires
        top = 1.1 * max(float(np.nanmax(w.source_pu)), float(w.high_pu.max())) ** 2  # too high is the power flow's to say
        m.u = pyo.Var(m.N, bounds=lambda m, n: (float(w.low_pu[n]) ** 2, top))
        for n in w.sources.tolist():
            m.u[n].fix(float(w.source_pu[n]) ** 2)
        for e, (a, b) in enumerate(w.ends.tolist()):
            gain = float(w.ratio[e]) ** 2
            drop = m.u[b] - gain * m.u[a] + 2 * (float(w.r_pu[e]) * m.p[e] + float(w.x_pu[e]) * m.q[e])
            slack = 1 - m.way[e, 0] - m.way[e, 1]
            m.rows.add(drop <= (top - gain * float(w.low_pu[a]) ** 2) * slack)
            m.rows.add(drop >= -(gain * top - float(w.low_pu[b]) ** 2) * slack)


def solved(m: pyo.ConcreteModel, rel_gap: float, max_nodes: int, start: Sequence[tuple[Any, float]] = ()) -> solve.Solution | None:
    """Solve a model with its objective, its values put into its variables; None when nothing holds. `start`: a guess of variables.

    Raises `PenstockError` when the nodes end before the first answer.
    """
    for variable, value in start:
        variable.set_value(value, skip_validation=True)
    arrays, columns = plain.arrays(m)
    found = solve.solved(arrays, rel_gap, max_nodes, plain.guess(columns) if start else None)
    if found.ended == "infeasible":
        return None
    plain.take(columns, found.x)
    return found
