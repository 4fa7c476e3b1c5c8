"""What-ifs of a stored plan: the same question again with something changed. They stand beside it and can never be approved."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine

from city.problems import PenstockError, Problem, fault
from optimisation import whatif
from optimisation.results import PlanResult
from service import schema as t
from service.plans.begin import Begin
from service.plans.changes import scenario
from service.plans.inputs import Question, again
from service.plans.making import Planner
from service.settings import LoadedCity
from service.store import results, writing


def question_of(city: LoadedCity, engine: Engine, plan_id: str) -> Question:
    """The question that a stored plan answered. Raises `PenstockError` for an id that is none, or a plan of an older release."""
    rows = results.rows(engine, t.plan, t.plan.c.plan_id == plan_id)
    if not rows:
        raise fault(f"plan '{plan_id}'", "not in the store", "a plan that `penstock plan show` tells", "Check the id.")
    if "begin" not in rows[0].detail:
        raise fault(f"plan '{plan_id}'", "made before plans kept what they start from", "a newer plan", "Run `penstock plan now`.")
    return again(city, engine, rows[0].night, plan_id, Begin.model_validate(rows[0].detail["begin"]))


@dataclass(frozen=True)
class Asked:
    """A what-if as it was stored."""

    what_if_id: int
    sentence: str


def what_if(planner: Planner, plan_id: str, changes: Sequence[dict[str, Any]], who: str, at_utc: datetime) -> Asked:
    """Answer a what-if and store it beside its plan. Raises `PenstockError` for changes that name what is not there."""
    city, engine = planner.city, planner.engine
    asked, parsed = question_of(city, engine, plan_id), _parsed(changes)
    started = time.perf_counter()
    answer = planner.solve(whatif.applied(asked.inputs, city.settings.assets, parsed))
    took_s = time.perf_counter() - started
    words = "; ".join(change.said() for change in parsed)
    number = _store(engine, asked, answer, [change.model_dump(mode="json") for change in parsed], words, who, at_utc, took_s)
    return Asked(number, f"what if {words}: {_said(city, engine, plan_id, answer)} ({took_s:.1f} s)")


def _parsed(changes: Sequence[dict[str, Any]]) -> tuple[whatif.Change, ...]:
    """The changes as objects. Raises `PenstockError` with a sentence for each that is none, and for none at all."""
    try:
        parsed = whatif.CHANGES.validate_python(list(changes))
    except ValidationError as error:
        told = [
            (".".join(str(part) for part in one["loc"][2:]) or "change", one["msg"].removeprefix("Value error, ")) for one in error.errors()
        ]
        raise PenstockError(
            [Problem(f"what-if, {where}", why, "a change as docs/planning.md shows", "Correct it.") for where, why in told]
        ) from None
    if not parsed:
        raise fault("what-if", "no change", "a price, forecast, outage, limit or carbon price", "Say what shall be different.")
    return parsed


def _store(
    engine: Engine, asked: Question, answer: PlanResult, changes: list[Any], words: str, who: str, at_utc: datetime, took_s: float
) -> int:
    possible, plan_id = answer.status != "impossible", asked.inputs.plan_id
    row = results.rows(engine, t.plan, t.plan.c.plan_id == plan_id)[0]
    before = _plan_frame(engine, row)
    told = whatif.differences(before, answer.plan, asked.inputs.step_h, asked.inputs.zone) if possible and len(before) else []
    detail = {
        "peak_kw": answer.peak_kw if possible else None,
        "curtailed_kwh": answer.curtailed_kwh if possible else None,
        "cost": asdict(answer.cost),
        "gap": answer.gap if possible else None,
        "differences": told,
        "reasons": list(answer.reasons),
        "breaches": [breach.sentence for breach in answer.breaches],
        "binding": list(answer.binding),
        "seconds": round(took_s, 2),
    }
    values = {"plan_id": plan_id, "at_utc": at_utc, "who": who, "changes": changes, "sentence": words, "status": answer.status}
    figures = {"cost": answer.cost.paid if possible else None, "co2_kg": answer.co2_kg if possible else None}
    with writing(engine) as connection:
        made = connection.execute(t.what_if.insert().values(**values, **figures, detail=detail))
        number = int((made.inserted_primary_key or (0,))[0])
        results.add_scenario(connection, plan_id, scenario(number), answer.plan)
    return number


def _plan_frame(engine: Engine, row: Any) -> Any:
    """The stored plan as a PLAN frame of its power."""
    values = results.plan_values(engine, row)
    own = values["plan"] if "plan" in values.columns.get_level_values(0) else values.iloc[:, :0]
    frame = own.loc[:, [column for column in own.columns if column[1] == "power_kw"]]
    frame.columns = [asset for asset, _ in frame.columns]
    tidy = frame.rename_axis("time_utc").reset_index().melt("time_utc", var_name="asset_id", value_name="value")
    return tidy.assign(quantity="power_kw")


def _said(city: LoadedCity, engine: Engine, plan_id: str, answer: PlanResult) -> str:
    if answer.status == "impossible":
        return "no plan is possible: " + " ".join(answer.reasons)
    row, currency = results.rows(engine, t.plan, t.plan.c.plan_id == plan_id)[0], city.settings.city.currency
    broken = "".join(f" {breach.sentence}" for breach in answer.breaches)
    told = f"{answer.status}, {answer.cost.paid:,.0f} {currency}, {answer.co2_kg / 1000:,.1f} t CO2, peak {answer.peak_kw:,.0f} kW"
    if row.cost is None:
        return f"{told}.{broken}"
    more, co2 = answer.cost.paid - row.cost, answer.co2_kg - row.co2_kg
    return f"{told}; {abs(more):,.0f} {currency} {'more' if more >= 0 else 'less'} and {co2 / 1000:+,.2f} t against {plan_id}.{broken}"
