"""`penstock approve` and `penstock hold`: what a person decides, with a name and a reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from city.problems import fault
from service.environment import Environment
from service.store import open_store, operations, results


def approve_ids(env: Environment, ids: Sequence[str], who: str, at_utc: datetime, reason: str) -> list[str]:
    """Approve plans and isolations. Returns one sentence each; approving again changes nothing and says so."""
    engine = open_store(env.url)
    sentences = []
    for plan_id in _resolved(engine, ids):
        count = operations.approve(engine, plan_id, who, at_utc, reason)
        sentences.append(f"{plan_id}: {count} commands approved by {who}" if count else f"{plan_id}: approved before, nothing changed")
    return sentences


def _resolved(engine: Engine, ids: Sequence[str]) -> list[str]:
    found = []
    for name in ids:
        if name != "latest":
            found.append(name)
            continue
        plan = results.last_plan(engine)
        if plan is None:
            raise fault("approval of 'latest'", "no plan in the store", "a finished night", "Run `penstock night` first.")
        found.append(plan.plan_id)
    return found


def hold_subject(
    env: Environment, subject: str, who: str, at_utc: datetime, reason: str, until_utc: datetime | None, *, release: bool
) -> str:
    """Place or release a hold; `all` is the emergency stop. Returns what happened, as a sentence."""
    engine = open_store(env.url)
    target = operations.STOP if subject == "all" else subject
    shown = "everything" if target == operations.STOP else subject
    if release:
        count = operations.release_hold(engine, target, who, at_utc)
        return f"{shown}: released by {who}" if count else f"{shown}: no hold was in force"
    operations.place_hold(engine, target, who, at_utc, reason, until_utc)
    return f"{shown}: held by {who}" + (f" until {until_utc:%Y-%m-%d %H:%M} UTC" if until_utc else " until released")
