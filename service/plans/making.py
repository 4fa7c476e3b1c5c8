"""Make plans: ask the optimiser, account for doing nothing, look at the water pressure; one warm solver for one after another."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine

from optimisation import decomposed
from optimisation.guarded import Guarded
from optimisation.inputs import PlanInput
from optimisation.program import baseline, plan
from optimisation.results import PlanResult
from service.fanout import kept
from service.own_folder import own_folder, sweep
from service.plans.begin import present_values
from service.plans.edits import Edit
from service.plans.inputs import Question, question
from service.plans.keeping import said, store
from service.plans.pressure import pressures, waterworks
from service.plans.verified import verified
from service.settings import LoadedCity

FOLDER = "plan"  # below the data folder, while a large city is planned


@dataclass(frozen=True)
class Made:
    """An answered question, not stored yet."""

    city: LoadedCity
    asked: Question
    plan: PlanResult
    idle: PlanResult
    origin: str
    pressure: dict[str, Any]

    @property
    def sentence(self) -> str:
        """The plan in one sentence; an impossible one says what goes on."""
        told = said(self.plan, self.idle, self.city.settings.city.currency, self.asked.begin.approved)
        return f"{self.asked.inputs.plan_id}: {told}"

    def named(self, plan_id: str) -> Self:
        """The same under another id."""
        return replace(self, asked=replace(self.asked, inputs=replace(self.asked.inputs, plan_id=plan_id)))

    def store(self, connection: Connection) -> None:
        store(connection, self.city, self.asked, self.plan, self.idle, {"origin": self.origin, "pressure": self.pressure})


class Planner:
    """Plans for one city with one solver process, which stays warm; leave it by `with`.

    With `rolling` each solve begins from the plan before: sooner done, but which of several plans within the gap is found then depends
    on it. The night plans without, so that a rerun gives the same bits.
    """

    def __init__(self, city: LoadedCity, engine: Engine, *, rolling: bool = False) -> None:
        self.city, self.engine, self.rolling = city, engine, rolling
        self.solver = Guarded(city.settings.plan.solver_limit_s)
        self.former: PlanResult | None = None

    def __enter__(self) -> Self:
        sweep(self.city.folder, FOLDER)  # here as well: a city that has become smaller plans in none of its own
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.solver.close()

    def solve(self, inputs: PlanInput) -> PlanResult:
        """The plan of an input within the gap and nodes of [plan]; of a large city feeder by feeder, within the same gap."""
        settings = self.city.settings.plan
        if len(self.city.settings.assets) > settings.decompose_over:
            return self._feeder_by_feeder(inputs)
        return plan(inputs, self.city.settings.assets, settings.rel_gap, settings.max_nodes, self.solver, self.former)

    def _feeder_by_feeder(self, inputs: PlanInput) -> PlanResult:
        """What feeders say goes through files below the data folder, so also on a cluster the processes are this machine's."""
        settings, home = self.city.settings, self.city.folder
        workers = settings.night.workers
        here = workers if isinstance(workers, int) else os.cpu_count() or 1
        with own_folder(home, FOLDER) as folder, kept(here) as each:
            return decomposed.plan(inputs, settings.assets, each, folder, settings.plan.rel_gap).whole()

    def make(
        self,
        night: date,
        now_utc: datetime,
        plan_id: str,
        origin: str,
        caps: Mapping[str, float] | None = None,
        edits: Sequence[Edit] = (),
    ) -> Made:
        """The plan that begins `lead_minutes` after now, with doing nothing beside it; `caps` may hold its co2_kg and peak_kw.

        Raises `PenstockError` with everything that is missing; an impossible plan is a result that names what conflicts.
        """
        asked = question(self.city, self.engine, night, now_utc, plan_id, caps, edits)
        works = waterworks(self.city, asked.inputs, present_values(self.city, self.engine))
        whole = len(self.city.settings.assets) <= self.city.settings.plan.decompose_over  # cuts may span its parts
        made = verified(works, asked.inputs, self.solve, self.city.settings.plan.verify_rounds if whole else 0)
        asked, answer, idle = asked.corrected(made.inputs, made.notes), made.plan, baseline(made.inputs, self.city.settings.assets)
        if self.rolling and answer.status != "impossible":
            self.former = answer
        return Made(self.city, asked, answer, idle, origin, pressures(works, {"plan": answer.plan, "baseline": idle.plan}))
