"""One plan for all assets together, beside what doing nothing would cost."""

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from city.problems import PenstockError, Problem
from optimisation import explain
from optimisation.assets.fixed_load import FixedLoad
from service import schema as t
from service.night import Night, Output
from service.night.reduced import asset_zones, still, zoned
from service.night.zones import MOST_TRIED, told
from service.plans.fallback import withdraw
from service.plans.keeping import NIGHT, next_plan_id, problems_of
from service.plans.making import Made, Planner
from service.store import results
from service.store.runs import StepResult

Blamed = dict[str, Sequence[Problem]]  # zone -> what its assets contradict


def compute(night: Night) -> Output:
    """Plan number 0 of the night; a further one where that is there already. An impossible plan is a result, not a crash.

    A zone whose assets make it impossible stands still and is named, and the rest of the city is planned.
    """
    city = night.city
    if not city.settings.assets:
        return Output(StepResult("no [[assets]] to plan"))
    made, out = _rest(night, _made(night, _number(night)))
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

    output = Output(StepResult(made.sentence, detail, problems), write, out)
    return told("plan", output, out) if out else output


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


def _rest(night: Night, made: Made) -> tuple[Made, Blamed]:
    """The plan without the zones whose assets make it impossible, and what they contradict; the impossible one where none is to blame.

    Zones that the conflicts name are left out together. Where no limit is named, each zone in turn is tried without, for half of the
    step's deadline: the other half is for writing why there is no plan.
    """
    if made.plan.status != "impossible":
        return made, {}
    until = time.monotonic() + night.city.settings.night.deadlines.of("plan") / 2
    named = explain.clashes(made.plan.reasons, (asset.id for asset in night.city.settings.assets))
    for blamed in [_named(night, named)] if named else _each(night, made):
        if not blamed or time.monotonic() > until:
            break
        try:
            rest = _made(replace(night, city=still(night.city, blamed)), made.asked.inputs.plan_id)
        except PenstockError:  # what is left is no city that can be planned
            continue
        if rest.plan.status != "impossible":
            notes = [f"Nothing is planned for zone {zone}: {problem.observed}" for zone, found in blamed.items() for problem in found]
            return replace(rest, asked=rest.asked.corrected(rest.asked.inputs, tuple(notes))), blamed
    return made, {}


def _named(night: Night, clashes: Sequence[dict[str, list[str]]]) -> Blamed:
    """The zones of all conflicts; none where one of them is no single zone's, such as a connection too small for its loads."""
    zones_of, found = asset_zones(night.city), dict[str, list[Problem]]()
    for clash in clashes:
        zones = frozenset[str]().union(*(zones_of.get(asset, ()) for asset in clash))
        if len(zones) != 1:
            return {}
        limits = "; ".join(sentence for said in clash.values() for sentence in said)
        found.setdefault(next(iter(zones)), []).append(_problem(f"these limits cannot hold together: {limits}"))
    return dict(found)


def _each(night: Night, made: Made) -> list[Blamed]:
    """Every zone that has more than loads, as the one to blame."""
    moved = {asset.id for asset in night.city.settings.assets if not isinstance(asset, FixedLoad)}
    own = {zone for asset, zones in asset_zones(night.city).items() if asset in moved and len(zones) == 1 for zone in zones}
    why: Sequence[Problem] = (_problem(" ".join(made.plan.reasons)),)
    return [{zone: why} for zone in zoned(night.city) if zone in own][:MOST_TRIED]


def _problem(observed: str) -> Problem:
    return Problem("its assets", observed, "limits that hold together", "Correct them; until then nothing is planned for the zone.")
