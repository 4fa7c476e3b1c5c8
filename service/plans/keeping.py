"""What is kept of a plan: values, prices, breaches, proposed commands, and the sentences that people read."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from optimisation.results import PlanResult
from service import four_eyes
from service import schema as t
from service.plans.commands import commands
from service.plans.inputs import Question
from service.response.proposing import propose
from service.settings import LoadedCity
from service.store import alone, results
from service.store.results import replace_rows

NIGHT, REQUEST, ROLLING = "night", "request", "rolling"
"""What a plan comes from: the night, somebody who asked, or `penstock work` by itself."""
KEPT_ROLLING = timedelta(days=2)


def next_plan_id(connection: Connection, night: date) -> str:
    """`plan-<night>-<number>`: the night's own plan is number 0, also while it is still to come; re-plans count on.

    It is free until the transaction ends, in which the plan is to be stored: two that plan at the same time get two numbers.
    """
    alone(connection, t.plan)
    ids = connection.execute(select(t.plan.c.plan_id).where(t.plan.c.night == night)).scalars()
    numbers = [int(name.rsplit("-", 1)[1]) for name in ids]
    return f"plan-{night:%Y%m%d}-{max(numbers, default=0) + 1}"


def store(connection: Connection, city: LoadedCity, asked: Question, plan: PlanResult, idle: PlanResult, beside: dict[str, Any]) -> None:
    """Store a plan, its baseline, prices, breaches and proposed commands; `beside`, with its `origin`, joins its detail.

    A plan that `work` made by itself and nobody approved goes after two days: what was decided stays.
    """
    inputs, made_at = asked.inputs, asked.begin.known_utc
    possible = plan.status != "impossible"
    for table in (t.plan, t.what_if, t.pareto):
        connection.execute(delete(table).where(table.c.plan_id == inputs.plan_id))
    connection.execute(
        t.plan.insert().values(
            plan_id=inputs.plan_id,
            night=asked.night,
            made_at_utc=made_at,
            start_utc=inputs.start_utc,
            step_s=inputs.step_s,
            steps=inputs.steps,
            status=plan.status,
            cost=plan.cost.paid if possible else None,
            baseline_cost=idle.cost.paid,
            co2_kg=plan.co2_kg if possible else None,
            baseline_co2_kg=idle.co2_kg,
            detail=_detail(asked, plan, idle) | beside,
        )
    )
    results.store_plan(connection, inputs.plan_id, pd.concat([plan.plan, idle.plan], ignore_index=True), plan.price)
    replace_rows(connection, t.breach, t.breach.c.plan_id == inputs.plan_id, _breaches(inputs.plan_id, plan))
    proposed = commands(city, inputs.plan_id, inputs.start_utc, plan.plan)
    four_eyes.mark(city.settings.four_eyes, proposed, four_eyes.present_values(connection, city))
    replace_rows(connection, t.command, t.command.c.plan_id == inputs.plan_id, proposed)
    propose(connection, city, inputs.plan_id, made_at, plan.plan, inputs.calls)
    if beside["origin"] == ROLLING:
        _forget(connection, made_at - KEPT_ROLLING)


def _breaches(plan_id: str, plan: PlanResult) -> list[dict[str, Any]]:
    return [
        {
            "plan_id": plan_id,
            "ordinal": i,
            "asset_id": b.asset,
            "sentence": b.sentence,
            "detail": {"what": b.what, "amount": b.amount, "unit": b.unit, "price": b.price},
        }
        for i, b in enumerate(plan.breaches)
    ]


def _forget(connection: Connection, before: datetime) -> None:
    """Delete plans that were made by themselves before then, with all that hangs on them, unless somebody approved them."""
    approved = select(t.approval.c.plan_id)
    old = select(t.plan.c.plan_id, t.plan.c.detail).where(t.plan.c.made_at_utc < before, t.plan.c.plan_id.not_in(approved))
    ids = [row.plan_id for row in connection.execute(old) if row.detail.get("origin") == ROLLING]
    for table in (t.plan_value, t.price, t.breach, t.command, t.what_if, t.pareto, t.plan):
        connection.execute(delete(table).where(table.c.plan_id.in_(ids)))


def _detail(asked: Question, plan: PlanResult, idle: PlanResult) -> dict[str, Any]:
    possible = plan.status != "impossible"
    return {
        "gap": None if np.isnan(plan.gap) else plan.gap,  # an impossible plan has none; JSON knows no NaN
        "cost": asdict(plan.cost),
        "baseline_cost": asdict(idle.cost),
        "peak_kw": plan.peak_kw if possible else None,
        "baseline_peak_kw": idle.peak_kw,
        "curtailed_kwh": plan.curtailed_kwh if possible else None,
        "baseline_curtailed_kwh": idle.curtailed_kwh,
        "binding": list(plan.binding),
        "reasons": list(plan.reasons),
        "notes": [*asked.notes, *plan.notes],
        "baseline_breaches": [b.sentence for b in idle.breaches],
        "begin": asked.begin.model_dump(mode="json"),
    }


def said(plan: PlanResult, idle: PlanResult, currency: str, in_force: str | None = None) -> str:
    """The plan in one sentence, for the run record; an impossible one says what goes on."""
    if plan.status == "impossible":
        goes_on = f"{in_force} stays in force" if in_force else "no approved plan is in force: devices keep what they do"
        return f"no plan is possible, {goes_on}: " + " ".join(plan.reasons)
    saved, co2 = idle.cost.paid - plan.cost.paid, idle.co2_kg - plan.co2_kg
    money = f"{abs(saved):,.0f} {currency} ({100 * abs(saved) / max(abs(idle.cost.paid), 1e-9):.1f} %) {_less(saved)}"
    return (
        f"{plan.status} (gap {100 * plan.gap:.2f} %): {plan.cost.paid:,.0f} {currency} and {plan.co2_kg / 1000:,.1f} t CO2,"
        f" {money} and {abs(co2) / 1000:,.2f} t {_less(co2)} than doing nothing"
        f"; peak {plan.peak_kw:,.0f} kW instead of {idle.peak_kw:,.0f} kW"
    )


def _less(saved: float) -> str:
    return "less" if saved >= 0 else "more"


def problems_of(plan: PlanResult) -> Sequence[str]:
    """Sentences that make a night end with problems."""
    return [*plan.reasons, *(b.sentence for b in plan.breaches)]
