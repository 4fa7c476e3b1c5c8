"""The pump plan as a mixed-integer program on tangent planes of the operating points.

    one mode per step:  sum_m z[t,m] = 1,  x[t,m,k] = level of tank k at the start of t if mode m runs, else 0
    levels:             level[t+1,k] = sum_m (x[t,m,k] + a[t,m,k] z[t,m] + sum_j A[t,m,k,j] x[t,m,j])
    pressures:          p[t,m,n] z[t,m] + sum_j P[t,m,n,j] x[t,m,j] >= least[n] z[t,m]
    switches of group g: up[t,g] - down[t,g] = running[t,g] - running[t-1,g];  sum_t up <= starts x pumps, down alike
    cost:               sum_t,m (c[t,m] z[t,m] + sum_j C[t,m,j] x[t,m,j])

Level times mode is exact because every mode has its own share of the level (disaggregation): the linear relaxation is as tight as
one step allows. A schedule that EPANET refuses is cut by its modes up to the step where the limit broke: what comes after
cannot mend it (a combinatorial Benders cut).

References: Balas (1998), Disjunctive programming: properties of the convex hull of feasible points, Discrete Appl. Math. 89; Codato and
Fischetti (2006), Combinatorial Benders' cuts for mixed-integer linear programming, Operations Research 54(4); Bonvin et al. (2021),
Pump scheduling in drinking water distribution networks with an LP/NLP-based branch and bound, Optimization and Engineering 22.
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo

from city.problems import PenstockError
from networks.pumping import Mode, OperatingPoints
from optimisation import plain
from optimisation.pumps.labels import Candidate
from optimisation.solve import solved

Prefix = tuple[int, ...]
"""Modes of the first steps, as indices, that EPANET has refused."""


@dataclass
class PumpProgram:
    """The program of one set of operating points; `cuts` grow with every refusal."""

    points: OperatingPoints
    cuts: list[Prefix] = field(default_factory=list)

    def refuse(self, modes: Sequence[Mode], steps: int) -> None:
        """Cut every schedule that begins with the first `steps` of these modes."""
        self.cuts.append(tuple(self.points.modes.index(mode) for mode in modes[:steps]))

    def solve(self, rel_gap: float = 1e-3, max_nodes: int = 3000) -> Candidate | None:
        """The best schedule of the program, or of its first `max_nodes` nodes; None when they hold none."""
        m = self.model()
        arrays, columns = plain.arrays(m)
        try:
            found = solved(arrays, rel_gap, max_nodes)
        except PenstockError:  # the nodes ran out before the first schedule
            return None
        if found.ended == "infeasible":
            return None
        plain.take(columns, found.x)
        modes = self.points.modes
        return Candidate(found.objective, tuple(modes[max(m.M, key=lambda i: m.runs[t, i].value or 0.0)] for t in m.T))

    def model(self) -> pyo.ConcreteModel:
        """The program in Pyomo."""
        points, task, m = self.points, self.points.task, pyo.ConcreteModel()
        low, high = task.level_limits_m.T.tolist()
        first, last = task.initial_level_m.tolist(), np.maximum(low, task.end_level_m).tolist()
        m.T, m.T1 = pyo.RangeSet(0, task.steps - 1), pyo.RangeSet(0, task.steps)
        m.M, m.K, m.N = (pyo.RangeSet(0, n - 1) for n in (len(points.modes), len(task.tanks), len(task.watched)))
        m.runs = pyo.Var(m.T, m.M, within=pyo.Binary)
        m.level = pyo.Var(m.T1, m.K, bounds=lambda m, t, k: (last[k] if t == task.steps else low[k], high[k]))
        m.share = pyo.Var(m.T, m.M, m.K, bounds=lambda m, t, i, k: (0.0, high[k]))
        m.known = pyo.ConstraintList()
        for t, i in m.T * m.M:
            if not points.known(t, i):
                m.known.add(m.runs[t, i] == 0)
        m.first = pyo.Constraint(m.K, rule=lambda m, k: m.level[0, k] == first[k])
        m.one_mode = pyo.Constraint(m.T, rule=lambda m, t: sum(m.runs[t, i] for i in m.M) == 1)
        m.shares = pyo.Constraint(m.T, m.K, rule=lambda m, t, k: sum(m.share[t, i, k] for i in m.M) == m.level[t, k])
        m.most = pyo.Constraint(m.T, m.M, m.K, rule=lambda m, t, i, k: m.share[t, i, k] <= high[k] * m.runs[t, i])
        m.least = pyo.Constraint(m.T, m.M, m.K, rule=lambda m, t, i, k: m.share[t, i, k] >= low[k] * m.runs[t, i])
        self._hydraulics(m)
        self._switches(m)
        m.refused = pyo.ConstraintList()
        for cut in self.cuts:
            m.refused.add(sum(m.runs[t, i] for t, i in enumerate(cut)) <= len(cut) - 1)
        return m

    def _hydraulics(self, m: pyo.ConcreteModel) -> None:
        points, task = self.points, self.points.task
        planes = {(t, i): points.affine(t, i) for t, i in m.T * m.M}
        tanks, least = len(task.tanks), task.least_pressure_m.tolist()

        def plane(m: Any, t: int, i: int, row: int) -> Any:
            constant, slope = planes[t, i]
            return float(constant[row]) * m.runs[t, i] + sum(float(slope[row, k]) * m.share[t, i, k] for k in m.K)

        m.next = pyo.Constraint(m.T, m.K, rule=lambda m, t, k: m.level[t + 1, k] == m.level[t, k] + sum(plane(m, t, i, k) for i in m.M))
        m.pressure = pyo.Constraint(m.T, m.M, m.N, rule=lambda m, t, i, n: plane(m, t, i, tanks + 1 + n) >= least[n] * m.runs[t, i])
        m.cost = pyo.Objective(expr=sum(plane(m, t, i, tanks) for t in m.T for i in m.M))

    def _switches(self, m: pyo.ConcreteModel) -> None:
        task, modes = self.points.task, self.points.modes
        if task.limits.starts is None or task.steps == 1:
            return
        m.G, m.later = pyo.RangeSet(0, len(task.groups) - 1), pyo.RangeSet(1, task.steps - 1)
        most = [task.limits.starts * len(group) for group in task.groups]
        m.up, m.down = (pyo.Var(m.later, m.G, bounds=lambda m, t, g: (0, len(task.groups[g]))) for _ in range(2))

        def count(m: Any, t: int, g: int) -> Any:
            return sum(mode[g] * m.runs[t, i] for i, mode in enumerate(modes))

        m.switch = pyo.Constraint(m.later, m.G, rule=lambda m, t, g: m.up[t, g] - m.down[t, g] == count(m, t, g) - count(m, t - 1, g))
        m.starts = pyo.Constraint(m.G, rule=lambda m, g: sum(m.up[t, g] for t in m.later) <= most[g])
        m.stops = pyo.Constraint(m.G, rule=lambda m, g: sum(m.down[t, g] for t in m.later) <= most[g])
