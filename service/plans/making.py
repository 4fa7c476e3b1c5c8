"""Make a plan: ask the optimiser, account for doing nothing, look at the water pressure, and store all of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from optimisation.program import baseline, plan
from optimisation.results import PlanResult
from service.plans.begin import present_values
from service.plans.inputs import Question, question
from service.plans.keeping import said, store
from service.plans.pressure import pressures
from service.settings import LoadedCity


@dataclass(frozen=True)
class Made:
    """An answered question, not stored yet."""

    city: LoadedCity
    asked: Question
    plan: PlanResult
    idle: PlanResult
    origin: str
    extra: dict[str, Any]

    @property
    def sentence(self) -> str:
        told = said(self.plan, self.idle, self.city.settings.city.currency, self.asked.begin.approved)
        return f"{self.asked.inputs.plan_id}: {told}"

    def store(self, connection: Connection) -> None:
        store(connection, self.city, self.asked, self.plan, self.idle, self.origin, self.extra)


def make(
    city: LoadedCity,
    engine: Engine,
    night: date,
    now_utc: datetime,
    plan_id: str,
    origin: str,
) -> Made:
    """The plan that begins `lead_minutes` after now.

    Raises `PenstockError` with everything that is missing; an impossible plan is a result that names what conflicts.
    """
    asked = question(city, engine, night, now_utc, plan_id)
    settings, assets = city.settings.plan, city.settings.assets
    answer = plan(asked.inputs, assets, settings.rel_gap, settings.max_nodes)
    idle = baseline(asked.inputs, assets)
    found = pressures(city, asked.inputs, {"plan": answer.plan, "baseline": idle.plan}, present_values(city, engine))
    return Made(city, asked, answer, idle, origin, {"pressure": found} if found else {})
