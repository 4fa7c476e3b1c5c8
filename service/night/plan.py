"""One plan for all assets together, beside what doing nothing would cost."""

from dataclasses import replace

from sqlalchemy import Connection, select

from city.problems import Problem
from service import schema as t
from service.night import Night, Output
from service.night.reduced import without, zoned
from service.night.zones import MOST_TRIED, Unusable
from service.plans.fallback import withdraw
from service.plans.keeping import NIGHT, next_plan_id, problems_of
from service.plans.making import Made, Planner
from service.store import results
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """Plan number 0 of the night; a further one where that is there already. An impossible plan is a result, not a crash.

    Raises `Unusable` for a zone whose assets make the plan impossible: without it there is one for the rest.
    """
    city = night.city
    if not city.settings.assets:
        return Output(StepResult("no [[assets]] to plan"))
    made = _made(night, _number(night))
    if made.plan.status == "impossible" and not night.left_out and (zone := _to_blame(night, made)) is not None:
        reasons = [Problem(f"assets of zone '{zone}'", reason, "a plan that is possible", "Correct them.") for reason in made.plan.reasons]
        raise Unusable({zone: reasons})
    plan, idle = made.plan, made.idle
    problems = [Problem("plan", sentence, "a plan that keeps every wish", "See the plan's page.") for sentence in problems_of(plan)]
    detail = {
        "plan_id": made.asked.inputs.plan_id,
        "status": plan.status,
        "cost": None if plan.status == "impossible" else plan.cost.paid,
        "baseline_cost": idle.cost.paid,
        "co2_kg": None if plan.status == "impossible" else plan.co2_kg,
        "baseline_co2_kg": idle.co2_kg,
    }

    def write(connection: Connection) -> None:
        final = made
        if connection.execute(select(t.plan.c.plan_id).where(t.plan.c.plan_id == detail["plan_id"])).first() is not None:
            final = made.named(next_plan_id(connection, night.date))  # `work` made one meanwhile
            detail["plan_id"] = final.asked.inputs.plan_id
        if plan.status != "impossible":
            withdraw(connection, night.date)  # what stood in for it
        final.store(connection)

    return Output(StepResult(made.sentence, detail, problems), write)


def _made(night: Night, plan_id: str) -> Made:
    with Planner(night.city, night.engine) as planner:
        return planner.make(night.date, night.now_utc, plan_id, NIGHT)


def _number(night: Night) -> str:
    """The night's own plan is number 0. Made again, it gets a number of its own: people may have decided on the former one."""
    own = f"plan-{night.date:%Y%m%d}-0"
    if not results.rows(night.engine, t.plan, t.plan.c.plan_id == own):
        return own
    with night.engine.connect() as connection:
        return next_plan_id(connection, night.date)


def _to_blame(night: Night, made: Made) -> str | None:
    """The zone without whose assets there is a plan: those first that the reasons name; None when there is none."""
    told = " ".join(made.plan.reasons)
    found = []
    for zone in zoned(night.city):
        less = without(night.city, {zone})
        gone = {asset.id for asset in night.city.settings.assets} - {asset.id for asset in less.settings.assets}
        if gone and less.settings.assets:
            found.append((not any(name in told for name in gone), zone, less))
    for _, zone, less in sorted(found, key=lambda one: one[0])[:MOST_TRIED]:
        if _made(replace(night, city=less), made.asked.inputs.plan_id).plan.status != "impossible":
            return zone
    return None
