"""Editing a plan: a person's setpoint for a span becomes a request for a new plan, which is a proposal like every other."""

from datetime import datetime

from sqlalchemy import Engine

from city.problems import fault
from optimisation.whatif import Setpoint
from service import schema as t
from service.access.districts import districts_of
from service.decisions import Person, require
from service.plans.edits import Edit, setpoint, within
from service.settings import LoadedCity
from service.store import operations, results


def edit(engine: Engine, city: LoadedCity, person: Person, plan_id: str, change: Setpoint, at_utc: datetime, reason: str) -> int:
    """Ask for a new plan in which `change` holds; returns the number of the request, which stands in the audit with its reason.

    Nothing is written before that plan is approved. Raises `PenstockError` without the role, the district or a reason, for a plan that
    is not there, for a setpoint or a span that cannot be, and while the same edit waits already.
    """
    require(engine, person, "edit-plan", change.asset, at_utc, districts_of(city, change.asset) if person.districts else None)
    if not reason.strip():
        raise fault(f"edit of {change.asset}", "no reason", "a reason in a few words", "Say why, for the audit trail.")
    if not isinstance(change.start, datetime) or not isinstance(change.end, datetime):
        raise fault(f"edit of {change.asset}", "no span", "two instants, each with its offset", "Give both.")
    checked = setpoint(city, change.asset, change.value, change.start, change.end)
    laid = Edit(change=checked, who=person.name, reason=reason.strip())
    within(city, laid, at_utc)
    if not results.rows(engine, t.plan, t.plan.c.plan_id == plan_id):
        raise fault(f"edit of {plan_id}", "not in the store", "a plan that Tonight shows", "Open Tonight again.")
    for waiting in results.rows(engine, t.request, t.request.c.state.in_(("waiting", "working")), t.request.c.kind == "replan"):
        if any(Edit.model_validate(one).same(laid) for one in waiting.detail.get("edits", ())):
            raise fault(f"edit of {change.asset}", f"asked by {waiting.who} already", "one request", "Wait for its plan.")
    told = f"{person.name} edited {plan_id}: {checked.said()}: {laid.reason}"
    return operations.ask(engine, "replan", person.name, at_utc, {"plan_id": plan_id, "edits": [laid.model_dump(mode="json")]}, told)
