"""One plan for all assets together, beside what doing nothing would cost."""

from city.problems import Problem
from service.night import Night, Output
from service.plans.keeping import NIGHT, problems_of
from service.plans.making import Planner
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Plan number 0 of the night. An impossible plan is a result that names what conflicts, not a crash."""
    city = night.city
    if not city.settings.assets:
        return Output(StepResult("no [[assets]] to plan"))
    plan_id = f"plan-{night.date:%Y%m%d}-0"
    with Planner(city, night.engine) as planner:
        made = planner.make(night.date, night.now_utc, plan_id, NIGHT)
    plan, idle = made.plan, made.idle
    problems = [Problem("plan", sentence, "a plan that keeps every wish", "See the plan's page.") for sentence in problems_of(plan)]
    detail = {
        "plan_id": plan_id,
        "status": plan.status,
        "cost": None if plan.status == "impossible" else plan.cost.paid,
        "baseline_cost": idle.cost.paid,
        "co2_kg": None if plan.status == "impossible" else plan.co2_kg,
        "baseline_co2_kg": idle.co2_kg,
    }
    return Output(StepResult(made.sentence, detail, problems), made.store)
