"""The cheapest pump schedule that EPANET finds feasible: operating points, label search, EPANET's judgement, local search on EPANET."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from city.problems import fault
from networks.pumping import Mode, OperatingPoints, PumpDay, PumpTask, Verdict, judged
from networks.pumping.task import Floats
from optimisation.pumps.labels import Candidate, Search, candidates
from optimisation.pumps.local import improved, rank
from optimisation.pumps.milp import PumpProgram
from optimisation.pumps.switching import Switching, assigned

FRESH_SHARES = (0.03, 0.1, 0.3, 1.0)
"""What a full range of fall in a tank is worth, as shares of the cost, where turnover or water age is asked."""

WIDE_SLACKS_M = (0.5, 2.0, 8.0)
"""Slacks tried when the operating points leave no schedule at all."""


@dataclass(frozen=True)
class Effort:
    """How much work a plan may take; nothing in it is a time, so that a plan can be repeated.

    `walks`: random schedules for the first operating points; `cells_m` of tank levels, one round of label search each; `slacks_m` by
    which the operating points may miss a limit before EPANET decides; `labels` kept per step; `judged`: schedules judged per search;
    `aged`: schedules per search whose water age is computed; `days`: EPANET days of local search; `programs`: rounds of the
    mixed-integer program before the labels, each of at most `nodes` nodes.
    """

    walks: int = 60
    cells_m: tuple[float, ...] = (0.05, 0.02, 0.01, 0.005)
    slacks_m: tuple[float, ...] = (0.0, 0.03, 0.1)
    labels: int = 60_000
    judged: int = 800
    aged: int = 25
    days: int = 3000
    programs: int = 0
    nodes: int = 3000
    seed: int = 1


@dataclass(frozen=True)
class Schedule:
    """`running` 0/1 [steps, pumps], what EPANET says of it, and what each stage of the search had reached: (stage, cost, CPU-seconds).

    `priced`: whether there was a tariff; the cost counts kWh otherwise."""

    running: pd.DataFrame
    verdict: Verdict
    stages: tuple[tuple[str, float, float], ...]
    priced: bool = True


@dataclass
class _Plan:
    """The search so far."""

    day: PumpDay
    points: OperatingPoints
    effort: Effort
    began: float = field(default_factory=time.process_time)
    best: tuple[Mode, ...] | None = None
    verdict: Verdict | None = None
    stages: list[tuple[str, float, float]] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def told(self, stage: str) -> None:
        cost = self.verdict.cost if self.verdict is not None and self.verdict.feasible else np.nan
        self.stages.append((stage, round(cost, 4), round(time.process_time() - self.began, 2)))

    def try_out(self, found: Iterable[Candidate], priced: bool = True) -> None:
        """Let EPANET judge candidates, cheapest first; those that are `priced` as long as they promise more than what is known."""
        aged = 0
        for candidate in found:
            feasible = self.verdict is not None and self.verdict.feasible
            if aged >= self.effort.aged or (priced and feasible and candidate.cost > self.verdict.cost * 1.0005):  # type: ignore[union-attr]
                return
            schedule = assigned(self.day.task, candidate.modes)
            if schedule is None or schedule.tobytes() in self.seen:
                continue
            self.seen.add(schedule.tobytes())
            verdict = judged(self.day, schedule, with_age=False)
            if self.day.task.limits.age_h and self._better(verdict):
                verdict, aged = judged(self.day, schedule), aged + 1
            if self._better(verdict):
                self.best, self.verdict = candidate.modes, verdict

    def _better(self, verdict: Verdict) -> bool:
        return self.verdict is None or rank(verdict) < rank(self.verdict)

    def visit(self, found: Iterable[Candidate]) -> None:
        """Take operating points along these schedules, where the plan goes."""
        task = self.day.task
        for candidate in found:
            schedule = assigned(task, candidate.modes)
            if schedule is not None:
                day = self.day.run(schedule)
                for step in range(task.steps):
                    self.points.add(step, day.level_m[day.time_s == step * task.step_s])
        self.points.fit()

    def program(self) -> None:
        """The mixed-integer program; EPANET judges what it finds, and what EPANET refuses is cut."""
        task, program = self.day.task, PumpProgram(self.points)
        for number in range(self.effort.programs):
            found = program.solve(max_nodes=self.effort.nodes)
            if found is None:
                return
            schedule = assigned(task, found.modes)
            self.try_out([found])
            self.told(f"program {number + 1}")
            verdict = None if schedule is None else judged(self.day, schedule)
            if verdict is not None and verdict.feasible:
                return
            program.refuse(found.modes, task.steps if verdict is None else min(task.steps, verdict.broken_s // task.step_s + 1))
            self.visit([found])

    def labels(self) -> None:
        """Rounds of label search, each on points refitted where the last one went, in ever smaller cells."""
        switching = Switching(self.day.task, self.points.modes)
        for cell in self.effort.cells_m:
            found = [
                candidates(self.points, switching, Search(cell, slack, most=self.effort.labels), self.effort.judged)
                for slack in self.effort.slacks_m
            ]
            for some in found:
                self.try_out(some)
            for share in FRESH_SHARES if self._stale() else ():
                fresh = candidates(self.points, switching, Search(cell, 0.0, self._worth(share), self.effort.labels), self.effort.judged)
                self.try_out(fresh, priced=False)
                found.append(fresh)
            self.told(f"labels, cells of {cell:g} m")
            self.visit([candidate for some in found for candidate in some[:20]])
        for slack in WIDE_SLACKS_M if self.best is None else ():  # then local search has something to repair
            self.try_out(candidates(self.points, switching, Search(max(self.effort.cells_m), slack, most=self.effort.labels), 20))

    def _stale(self) -> bool:
        limits = self.day.task.limits
        return self.verdict is not None and bool(limits.turnover or limits.age_h)

    def _worth(self, share: float) -> Floats:
        """What a metre of fall is worth in tanks that must turn over or stay fresh, so that a full range is worth a share of the cost."""
        task = self.day.task
        asked = np.array([tank in task.limits.turnover or tank in task.limits.age_h for tank in task.tanks])
        cost = self.verdict.cost if self.verdict is not None else 0.0
        return share * cost / np.maximum(np.diff(task.level_limits_m, axis=1)[:, 0], 1e-9) * (asked if asked.any() else 1.0)


def best(task: PumpTask, effort: Effort | None = None) -> Schedule:
    """The cheapest schedule found that EPANET judges feasible.

    Raises `PenstockError` with the nearest schedule's violations when none is.
    """
    effort = effort or Effort()
    with PumpDay(task) as day:
        rng = np.random.default_rng(effort.seed)
        plan = _Plan(day, OperatingPoints(day), effort)
        plan.points.explore(effort.walks, rng)
        plan.points.fit()
        plan.told("operating points")
        plan.program()
        plan.labels()
        if plan.best is not None:
            plan.try_out([Candidate(0.0, improved(day, plan.best, plan.points.modes, effort.days, rng))])
            plan.told("local search on EPANET")
        schedule = None if plan.best is None else assigned(task, plan.best)
        if schedule is None or plan.verdict is None or not plan.verdict.feasible:
            nearest = "; ".join(plan.verdict.violations[:3]) if plan.verdict is not None else "the operating points leave no schedule"
            raise fault(f"pumps of {task.network.name}", f"no schedule found ({nearest})", "one that keeps every limit", "Ease a limit.")
        return Schedule(pd.DataFrame(schedule.T.astype(int), columns=list(task.pumps)), plan.verdict, tuple(plan.stages), task.priced)
