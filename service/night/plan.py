"""One plan for all assets together, beside what doing nothing would cost."""

from sqlalchemy import Connection, delete

from city.problems import Problem
from optimisation.program import baseline, plan
from service import schema as t
from service.night import Night, Output
from service.planning import plan_input, problems_of, said, store
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Plan number 0 of the night. An impossible plan is a result that names what conflicts, not a crash."""
    city = night.city
    if not city.settings.assets:
        return Output(StepResult("no [[assets]] to plan"))
    plan_id = f"plan-{night.date:%Y%m%d}-0"
    inputs = plan_input(city, night.engine, night.date, night.now_utc, plan_id)
    made, idle = plan(inputs, city.settings.assets), baseline(inputs, city.settings.assets)

    def write(connection: Connection) -> None:
        connection.execute(delete(t.plan).where(t.plan.c.plan_id == plan_id))
        store(connection, city, night.date, night.now_utc, inputs, made, idle)

    problems = [Problem("plan", sentence, "a plan that keeps every wish", "See the plan's page.") for sentence in problems_of(made)]
    detail = {
        "plan_id": plan_id,
        "status": made.status,
        "cost": None if made.status == "impossible" else made.cost.paid,
        "baseline_cost": idle.cost.paid,
        "co2_kg": None if made.status == "impossible" else made.co2_kg,
        "baseline_co2_kg": idle.co2_kg,
    }
    return Output(StepResult(said(made, idle, city.settings.city.currency), detail, problems), write)
