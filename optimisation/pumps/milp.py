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

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyomo.environ as pyo

from networks.pumping import Mode, OperatingPoints
from optimisation.formulation import Formulation
from optimisation.inputs import PlanInput
from optimisation.pumps.labels import Candidate
from optimisation.solve import compiled, solved, values

Prefix = tuple[int, ...]
"""Modes of the first steps, as indices, that EPANET has refused."""


@dataclass
class PumpProgram:
    """The program of one set of operating points; `cuts` grow with every refusal."""

    points: OperatingPoints
    slack_m: float = 0.0
    cuts: list[Prefix] = field(default_factory=list)

    def refuse(self, modes: Sequence[Mode], steps: int) -> None:
        """Cut every schedule that begins with the first `steps` of these modes."""
        self.cuts.append(tuple(self.points.modes.index(mode) for mode in modes[:steps]))

    def solve(self, rel_gap: float = 1e-3, max_nodes: int = 5000) -> tuple[Candidate | None, float]:
        """The best schedule of the program and the cost that none of its schedules can be below [currency]; None when there is none."""
        model = self._model()
        arrays = compiled(model)
        found = solved(arrays.arrays, rel_gap, max_nodes)
        if found.ended == "infeasible":
            return None, np.inf
        chosen = values(model, arrays, found.x)["mode"].argmax(axis=1)
        bound = found.objective - found.gap * abs(found.objective)
        return Candidate(found.objective, tuple(self.points.modes[m] for m in chosen)), bound

    def _model(self) -> Formulation:
        points, task = self.points, self.points.task
        model = Formulation(cast(PlanInput, SimpleNamespace(steps=task.steps)))
        modes, tanks = model.ids("M", range(len(points.modes))), model.ids("K", range(len(task.tanks)))
        low, high = task.level_limits_m.T
        floor = np.vstack([task.initial_level_m, np.tile(low, (task.steps - 1, 1)), np.maximum(low, task.end_level_m)])
        ceiling = np.vstack([task.initial_level_m, np.tile(high, (task.steps, 1))])
        known = np.array([[points.known(t, m) for m in modes] for t in range(task.steps)], dtype=float)
        z = model.variable("mode", model.m.T, modes, upper=known, integer=True)
        level = model.variable("level_m", model.m.T1, tanks, lower=floor, upper=ceiling)
        x = model.variable("level_in_mode_m", model.m.T, modes, tanks, upper=high)
        model.constraint("one_mode", model.m.T, by_row=True, rule=lambda m, t: sum(z[t, i] for i in modes) == 1)
        model.constraint("shares", model.m.T, tanks, by_row=True, rule=lambda m, t, k: sum(x[t, i, k] for i in modes) == level[t, k])
        model.constraint("most_share", model.m.T, modes, tanks, by_row=True, rule=lambda m, t, i, k: x[t, i, k] <= float(high[k]) * z[t, i])
        model.constraint("least_share", model.m.T, modes, tanks, by_row=True, rule=lambda m, t, i, k: x[t, i, k] >= float(low[k]) * z[t, i])
        self._hydraulics(model, z, x, level)
        self._switches(model, z)
        for number, cut in enumerate(self.cuts):
            rule = lambda m, cut=cut: sum(z[t, i] for t, i in enumerate(cut)) <= len(cut) - 1  # noqa: E731
            model.m.add_component(f"refused_{number}", pyo.Constraint(rule=rule))
        return model

    def _hydraulics(self, model: Formulation, z: Any, x: Any, level: Any) -> None:
        points, task = self.points, self.points.task
        modes, tanks = model.m.M, model.m.K
        planes = {(t, i): points.affine(t, i) for t in range(task.steps) for i in modes}
        count = len(task.tanks)

        def plane(t: int, i: int, row: int) -> Any:
            constant, slope = planes[t, i]
            return float(constant[row]) * z[t, i] + sum(float(slope[row, k]) * x[t, i, k] for k in tanks)

        model.constraint(
            "next_level",
            model.m.T,
            tanks,
            by_row=True,
            rule=lambda m, t, k: level[t + 1, k] == level[t, k] + sum(plane(t, i, k) for i in modes),
        )
        watched = model.ids("N", range(len(task.watched)))
        least = task.least_pressure_m - self.slack_m
        model.constraint(
            "pressure",
            model.m.T,
            modes,
            watched,
            by_row=True,
            rule=lambda m, t, i, n: plane(t, i, count + 1 + n) >= float(least[n]) * z[t, i],
        )
        model.m.total_cost = pyo.Objective(expr=sum(plane(t, i, count) for t in model.m.T for i in modes))

    def _switches(self, model: Formulation, z: Any) -> None:
        task, modes = self.points.task, self.points.modes
        if task.limits.starts is None or task.steps == 1:
            return
        later, groups = model.ids("T_later", range(1, task.steps)), model.ids("G", range(len(task.groups)))
        sizes = np.array([len(group) for group in task.groups], dtype=float)
        up = model.variable("switched_on", later, groups, upper=np.tile(sizes, (task.steps - 1, 1)))
        down = model.variable("switched_off", later, groups, upper=np.tile(sizes, (task.steps - 1, 1)))

        def running(t: int, g: int) -> Any:
            return sum(float(mode[g]) * z[t, i] for i, mode in enumerate(modes))

        model.constraint(
            "switch", later, groups, by_row=True, rule=lambda m, t, g: up[t, g] - down[t, g] == running(t, g) - running(t - 1, g)
        )
        for name, side in (("starts", up), ("stops", down)):
            most = task.limits.starts * sizes
            model.constraint(name, groups, by_row=True, rule=lambda m, g, side=side: sum(side[t, g] for t in later) <= float(most[g]))
