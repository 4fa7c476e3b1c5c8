"""What is planned: plans with their cost, what each asset is to do, and what a unit is worth at each step."""

from typing import Any

from sqlalchemy import and_, or_, select

from service import schema as t
from service.api.moments import iso, number
from service.api.operation import Asked, declared
from service.api.parameters import choice, text
from service.api.problem import missing
from service.api.shapes import DAY, NUMBER, TEXT, TIME, WHOLE, Shape, each, maybe, page, told
from service.store.vectors import unpack_float
from service.utctime import from_micros, micros

_COST = told(maybe(NUMBER), "[currency of the tariff]")
_FIELDS = {
    "id": TEXT,
    "night": DAY,
    "made_at_utc": TIME,
    "start_utc": TIME,
    "step_s": told(WHOLE, "[s]"),
    "steps": WHOLE,
    "status": TEXT,
    "cost": _COST,
    "baseline_cost": told(maybe(NUMBER), "of doing nothing [currency of the tariff]"),
    "co2_kg": maybe(NUMBER),
    "baseline_co2_kg": maybe(NUMBER),
    "approvals": told(WHOLE, "people who approved it"),
}
PLAN = Shape("Plan", _FIELDS)
BREACH = Shape("PlanWithBreaches", {**_FIELDS, "breaches": told(each(TEXT), "wishes it could not keep, as sentences")})
_VALUES = told(each(maybe(NUMBER)), "one per step; a level has one more, the first is that at the start")
VALUES = Shape("PlanValues", {"scenario": TEXT, "asset": TEXT, "quantity": told(TEXT, "with its unit"), "values": _VALUES})
PRICE = Shape("PlanPrice", {"balance": TEXT, "currency_per_unit": told(each(maybe(NUMBER)), "marginal price at each step")})
ID = text("plan", "a plan id", place="path")
SCENARIO = choice("scenario", "whose values", ("plan", "baseline", "fallback", "edited"))


@declared("/v1/plans", "plans", answer=page(PLAN), group="plans", whole_city=True)
def list_plans(asked: Asked) -> dict[str, Any]:
    """Plans, the newest first."""
    p, after = t.plan.c, asked.after(int, str)
    statement = select(t.plan).order_by(p.made_at_utc.desc(), p.plan_id.desc()).limit(asked["limit"] + 1)
    if after is not None:
        at = from_micros(after[0])
        statement = statement.where(or_(p.made_at_utc < at, and_(p.made_at_utc == at, p.plan_id < after[1])))
    with asked.engine.connect() as connection:
        rows = connection.execute(statement).all()
        approved = _approved(connection, [row.plan_id for row in rows])
    last = rows[asked["limit"] - 1] if len(rows) > asked["limit"] else None
    key = [micros(last.made_at_utc), last.plan_id] if last is not None else None
    return asked.page([_told(row, approved.get(row.plan_id, 0)) for row in rows], key)


@declared("/v1/plans/{plan}", "plans", ID, answer=BREACH, group="plans", whole_city=True)
def get_plan(asked: Asked) -> dict[str, Any]:
    """One plan, with the wishes it could not keep."""
    row, b, homes = _plan(asked), t.breach.c, asked.homes
    with asked.engine.connect() as connection:
        approved = _approved(connection, [row.plan_id])
        breaches = connection.execute(select(t.breach).where(b.plan_id == row.plan_id).order_by(b.ordinal)).all()
    return _told(row, approved.get(row.plan_id, 0)) | {
        "breaches": [one.sentence for one in breaches if homes.asset(one.asset_id, row.night)]
    }


@declared("/v1/plans/{plan}/values", "plans", ID, SCENARIO, answer=page(VALUES), group="plans", whole_city=True)
def list_plan_values(asked: Asked) -> dict[str, Any]:
    """What each asset is to do at each step, by scenario, asset and quantity; assets that rest on a closed home are left out."""
    row, homes, v = _plan(asked), asked.homes, t.plan_value.c
    after = tuple(asked.after(str, str, str) or ("", "", ""))
    statement = select(t.plan_value).where(v.plan_id == row.plan_id, v.scenario >= after[0])
    if asked["scenario"] is not None:
        statement = statement.where(v.scenario == asked["scenario"])
    with asked.engine.connect() as connection:
        rows = connection.execute(statement).all()
    found = sorted((one.scenario, one.asset_id, one.quantity, one.amounts) for one in rows if homes.asset(one.asset_id, row.night))
    items = [
        {"scenario": s, "asset": a, "quantity": q, "values": [number(value) for value in unpack_float(amounts).tolist()]}
        for s, a, q, amounts in found
        if (s, a, q) > after
    ]
    return asked.page(items, lambda item: [item["scenario"], item["asset"], item["quantity"]])


@declared("/v1/plans/{plan}/prices", "plans", ID, answer=page(PRICE), group="plans", whole_city=True)
def list_plan_prices(asked: Asked) -> dict[str, Any]:
    """What one more unit would cost at each step, by balance."""
    row, (after,), p = _plan(asked), asked.after(str) or ("",), t.price.c
    with asked.engine.connect() as connection:
        rows = connection.execute(select(t.price).where(p.plan_id == row.plan_id)).all()
    items = [
        {"balance": one.balance_id, "currency_per_unit": [number(value) for value in unpack_float(one.amounts).tolist()]}
        for one in sorted(rows, key=lambda one: str(one.balance_id))
        if one.balance_id > after
    ]
    return asked.page(items, lambda item: [item["balance"]])


def _plan(asked: Asked) -> Any:
    with asked.engine.connect() as connection:
        row = connection.execute(select(t.plan).where(t.plan.c.plan_id == asked["plan"])).first()
    if row is None:
        raise missing(f"plan {asked['plan']!r}")
    return row


def _approved(connection: Any, plans: list[str]) -> dict[str, int]:
    a = t.approval.c
    found: dict[str, set[str]] = {}
    for plan, who in connection.execute(select(a.plan_id, a.who).where(a.plan_id.in_(plans))):
        found.setdefault(plan, set()).add(who)
    return {plan: len(names) for plan, names in found.items()}


def _told(row: Any, approvals: int) -> dict[str, Any]:
    return {
        "id": row.plan_id,
        "night": str(row.night),
        "made_at_utc": iso(row.made_at_utc),
        "start_utc": iso(row.start_utc),
        "step_s": row.step_s,
        "steps": row.steps,
        "status": row.status,
        "cost": number(row.cost),
        "baseline_cost": number(row.baseline_cost),
        "co2_kg": number(row.co2_kg),
        "baseline_co2_kg": number(row.baseline_co2_kg),
        "approvals": approvals,
    }


OPERATIONS = (list_plans, get_plan, list_plan_values, list_plan_prices)
