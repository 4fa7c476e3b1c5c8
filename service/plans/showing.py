"""A plan as a page of text: against doing nothing, what limits it, what was asked of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from city.clock import local
from city.problems import fault
from service import schema as t
from service.plans.orders import approved_plan
from service.settings import LoadedCity
from service.store import results


def resolved(engine: Engine, plan_id: str) -> str:
    """The id, `latest` being the newest plan's. Raises `PenstockError` before the first night."""
    if plan_id != "latest":
        return plan_id
    plan = results.last_plan(engine)
    if plan is None:
        raise fault("plan 'latest'", "no plan in the store", "a finished night", "Run `penstock night` first.")
    return str(plan.plan_id)


def page(city: LoadedCity, engine: Engine, plan_id: str, now_utc: datetime) -> Iterator[str]:
    """The lines of a plan's page, as things stand now. Raises `PenstockError` for an id that is none."""
    rows = results.rows(engine, t.plan, t.plan.c.plan_id == resolved(engine, plan_id))
    if not rows:
        raise fault(f"plan '{plan_id}'", "not in the store", "latest, or an id that `penstock status` tells", "Check the id.")
    plan, zone = rows[0], city.settings.city.time_zone
    detail, currency = plan.detail, city.settings.city.currency
    yield f"{plan.plan_id}  {plan.status}, {plan.steps} steps of {plan.step_s // 60} min from {_local(plan.start_utc, zone)}"
    yield _standing(engine, plan, now_utc)
    yield f"  {'':24}{'plan':>12}{'doing nothing':>16}"
    yield _figure(f"cost [{currency}]", plan.cost, plan.baseline_cost)
    yield _figure("CO2 [t]", _t(plan.co2_kg), _t(plan.baseline_co2_kg), 2)
    yield _figure("highest import [kW]", detail.get("peak_kw"), detail.get("baseline_peak_kw"))
    yield _figure("curtailed [kWh]", detail.get("curtailed_kwh"), detail.get("baseline_curtailed_kwh"))
    yield from _pressure(detail.get("pressure") or {})
    for title, lines in _sentences(engine, plan):
        yield from (f"  {title:14}{line}" for line in lines)
    for row in results.rows(engine, t.what_if, t.what_if.c.plan_id == plan.plan_id, order=t.what_if.c.what_if_id):
        cost = "" if row.cost is None else f", {row.cost:,.0f} {currency}, {row.co2_kg / 1000:,.2f} t CO2"
        yield f"  what if       {row.sentence}: {row.status}{cost}"


def _local(time: datetime, zone: str) -> str:
    return f"{local(pd.DatetimeIndex([time]), zone)[0]:%Y-%m-%d %H:%M}"


def _standing(engine: Engine, plan: Any, now_utc: datetime) -> str:
    """Is it in force now, and if not, what is?"""
    given = results.rows(engine, t.approval, t.approval.c.plan_id == plan.plan_id, order=t.approval.c.at_utc)
    in_force = approved_plan(engine, now_utc)
    force = f"{in_force.plan_id} is in force" if in_force else "no plan is in force"
    if in_force is not None and in_force.plan_id == plan.plan_id:
        force = "in force"
    if not given:
        return f"  not approved; {force}"
    return f"  approved {'' if given[-1].commands else 'once '}by {given[-1].who}; {force}"


def _figure(name: str, value: float | None, baseline: float | None, digits: int = 0) -> str:
    shown = ["-" if number is None else f"{number:,.{digits}f}" for number in (value, baseline)]
    return f"  {name:24}{shown[0]:>12}{shown[1]:>16}"


def _pressure(found: dict[str, Any]) -> Iterator[str]:
    both = [found.get(scenario) for scenario in ("plan", "baseline")]
    least = [one["least_m"] if one else None for one in both]
    if any(both):
        yield _figure("least pressure [m]", least[0], least[1], 1)
    for name, one in zip(("pressure", "doing nothing"), both, strict=True):
        if one:
            yield f"  {name:14}{one['sentence']}"
    if "problem" in found:
        yield f"  pressure      {found['problem']}"


def _t(kg: float | None) -> float | None:
    return None if kg is None else kg / 1000


def _sentences(engine: Engine, plan: Any) -> Iterator[tuple[str, list[str]]]:
    breaches = results.rows(engine, t.breach, t.breach.c.plan_id == plan.plan_id, order=t.breach.c.ordinal)
    yield "impossible", plan.detail.get("reasons", [])
    yield "wish broken", [row.sentence for row in breaches]
    yield "limited by", plan.detail.get("binding", [])
    yield "note", plan.detail.get("notes", [])
