"""The cheapest pump schedule that EPANET finds feasible: operating points, label search, EPANET's judgement, local search on EPANET."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from city.problems import fault
from networks.pumping import Mode, OperatingPoints, PumpDay, PumpTask, Running, Verdict, judged
from optimisation.pumps.labels import Candidate, Search, candidates
from optimisation.pumps.local import improved, rank
from optimisation.pumps.switching import Switching, assigned


@dataclass(frozen=True)
class Effort:
    """How much work a plan may take; nothing in it is a time, so that a plan can be repeated.

    `walks`: random schedules for the first operating points; `cells_m` of tank levels, one round of label search each; `slacks_m` by which
    the operating points may miss a limit before EPANET decides; `judged`: schedules judged per search; `labels` kept per step; `days`: EPANET days of local search.
    """

    walks: int = 60
    cells_m: tuple[float, ...] = (0.05, 0.03, 0.02)
    slacks_m: tuple[float, ...] = (0.0, 0.02, 0.05)
    judged: int = 400
    labels: int = 60_000
    days: int = 1500
    seed: int = 1


@dataclass(frozen=True)
class Schedule:
    """`running` 0/1 [steps, pumps], what EPANET says of it, and what each stage of the search had reached: (stage, cost, CPU-seconds)."""

    running: pd.DataFrame
    verdict: Verdict
    stages: tuple[tuple[str, float, float], ...]


@dataclass
class _Plan:
    """The search so far."""

    day: PumpDay
    points: OperatingPoints
    effort: Effort
    rng: np.random.Generator
    began: float = field(default_factory=time.process_time)
    best: tuple[Mode, ...] | None = None
    verdict: Verdict | None = None
    stages: list[tuple[str, float, float]] = field(default_factory=list)
    seen: dict[bytes, bool] = field(default_factory=dict)

    def told(self, stage: str) -> None:
        cost = self.verdict.cost if self.verdict is not None and self.verdict.feasible else np.nan
        self.stages.append((stage, round(cost, 4), round(time.process_time() - self.began, 2)))

    def try_out(self, found: Iterable[Candidate]) -> None:
        """Let EPANET judge candidates, cheapest first, as long as they promise more than what is known."""
        for candidate in found:
            if self.verdict is not None and self.verdict.feasible and candidate.cost > self.verdict.cost * 1.0005:
                return
            schedule = assigned(self.day.task, candidate.modes)
            if schedule is None or schedule.tobytes() in self.seen:
                continue
            self.seen[schedule.tobytes()] = True
            verdict = judged(self.day, schedule, with_age=False)
            if (self.verdict is None or rank(verdict) < rank(self.verdict)) and self.day.task.limits.age_h:
                verdict = judged(self.day, schedule)
            if self.verdict is None or rank(verdict) < rank(self.verdict):
                self.best, self.verdict = candidate.modes, verdict

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


def best(task: PumpTask, effort: Effort | None = None) -> Schedule:
    """The cheapest schedule found that EPANET judges feasible.

    Raises `PenstockError` with the nearest schedule's violations when none is.
    """
    effort = effort or Effort()
    with PumpDay(task) as day:
        rng = np.random.default_rng(effort.seed)
        plan = _Plan(day, OperatingPoints(day), effort, rng)
        plan.points.explore(effort.walks, rng)
        plan.points.fit()
        plan.told("operating points")
        switching = Switching(task, plan.points.modes)
        for cell in effort.cells_m:
            found = [
                candidates(plan.points, switching, Search(cell, slack, most=effort.labels), effort.judged) for slack in effort.slacks_m
            ]
            for some in found:
                plan.try_out(some)
            plan.told(f"labels, cells of {cell:g} m")
            plan.visit([candidate for some in found for candidate in some[:20]])
        if plan.best is not None:
            near = improved(day, plan.best, plan.points.modes, effort.days, rng)
            plan.try_out([Candidate(0.0, near)])
            plan.told("local search on EPANET")
        if plan.best is None or plan.verdict is None or not plan.verdict.feasible:
            nearest = "; ".join(plan.verdict.violations[:3]) if plan.verdict is not None else "the operating points leave no schedule"
            raise fault(f"pumps of {task.network.name}", f"no schedule found ({nearest})", "one that keeps every limit", "Ease a limit.")
        schedule = assigned(task, plan.best)
        assert schedule is not None  # noqa: S101 - it was judged
        return Schedule(table(task, schedule), judged(day, schedule), tuple(plan.stages))


def table(task: PumpTask, schedule: Running) -> pd.DataFrame:
    """0/1 [steps, pumps] with ids, from int8[pumps, steps]."""
    return pd.DataFrame(schedule.T.astype(int), columns=list(task.pumps))
