"""`penstock approve`, `hold` and `settle`: what a person decides or found, with a name and a reason."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.environment import STOP_FILE, Environment
from service.store import open_store, operations, results


def approve_ids(env: Environment, ids: Sequence[str], who: str, at_utc: datetime, reason: str) -> list[str]:
    """Approve plans and isolations, all of them or none. Returns one sentence each; approving again changes nothing and says so."""
    engine = open_store(env.url)
    wanted = _resolved(engine, ids)
    try:
        others = _other_operators(env, engine, wanted, who)
    except PenstockError as error:
        operations.record_refusal(engine, at_utc, who, "approve", error)
        raise
    approved = operations.approve_all(engine, wanted, who, at_utc, reason)
    waiting = operations.approved_once(engine)
    written = {row.plan_id for row in results.rows(engine, t.command, t.command.c.plan_id.in_(wanted))}
    what = {plan_id: "commands approved" if plan_id in written else "valves for crews to turn, sent" for plan_id in approved}
    return [_told(plan_id, count, what[plan_id], who, others if plan_id in waiting else None) for plan_id, count in approved.items()]


def _told(plan_id: str, count: int, what: str, who: str, others: Sequence[str] | None) -> str:
    if others is not None:
        named = f" ({', '.join(others)})" if others else ""
        return f"{plan_id}: approved once, by {who}; a second operator{named} must approve it too before anything is written"
    return f"{plan_id}: {count} {what} by {who}" if count else f"{plan_id}: approved before, nothing changed"


def _other_operators(env: Environment, engine: Engine, plan_ids: Sequence[str], who: str) -> list[str]:
    """Who may be the second person. Raises `PenstockError` when one of the decisions needs two people and `who` is no operator."""
    large = [row.plan_id for row in results.rows(engine, t.command, t.command.c.plan_id.in_(plan_ids), t.command.c.approvals_needed > 1)]
    by_hand = results.rows(engine, t.isolation, t.isolation.c.isolation_id.in_(plan_ids))
    large += [row.isolation_id for row in by_hand if row.detail.get("needs_two")]
    if not large:
        return []
    from service.four_eyes import operators
    from service.settings import load

    known = operators(load(env))
    if known and who not in known:
        raise fault(f"approval of '{large[0]}'", f"{who} is no operator", ", ".join(known), "Ask one of them.")
    return [name for name in known if name != who]


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


def settle_outcome(env: Environment, name: str, who: str, at_utc: datetime, found: float, reason: str) -> list[str]:
    """Enter what a person found at a device after an unknown outcome, see `service.store.commands.settle`. Returns a sentence each."""
    from meters.vee.quality import Limits
    from service.settings import load
    from service.store import commands

    city = load(env)

    def limits_of(point_id: str) -> Limits:
        known = city.write_limits(point_id) if point_id in city.points else None
        return known or Limits(point=point_id)

    return commands.settle(open_store(env.url), name, who, at_utc, found, limits_of, reason)


def hold_subject(
    env: Environment,
    subject: str,
    who: str,
    at_utc: datetime,
    reason: str,
    until_utc: datetime | None,
    setpoint: float | None = None,
    *,
    release: bool,
) -> str:
    """Place or release a hold; `all` is the emergency stop. Returns what happened, as a sentence.

    The next plan keeps the held asset at `setpoint`, or where it is now. Raises `PenstockError` for a subject that nothing is written
    to by that name, for a hold that would be over already, and for a setpoint of everything at once.
    """
    target, file = operations.STOP if subject == "all" else subject, env.folder / STOP_FILE
    shown = "everything" if target == operations.STOP else subject
    if release:
        engine = open_store(env.url)
        operations.enter_stop(engine, file, at_utc)
        count = operations.release_hold(engine, target, who, at_utc)
        return f"{shown}: released by {who}" if count else f"{shown}: no hold was in force"
    if until_utc is not None and until_utc <= at_utc:
        raise fault(
            f"--until {until_utc:%Y-%m-%dT%H:%MZ}", "not after the hold begins", f"after {at_utc:%Y-%m-%dT%H:%MZ}", "Give a later time."
        )
    if setpoint is not None and target == operations.STOP:
        raise fault(f"--at {setpoint:g}", "one setpoint for everything", "an asset or a point", "Hold them one by one.")
    if target == operations.STOP:
        _stop(env, file, who, at_utc, reason, until_utc)
    else:
        _require_known(env, subject)
        operations.place_hold(open_store(env.url), target, who, at_utc, reason, until_utc, setpoint)
    stays = "" if setpoint is None else f" at {setpoint:g}"
    return f"{shown}: held{stays} by {who}" + (f" until {until_utc:%Y-%m-%d %H:%M} UTC" if until_utc else " until released")


def _stop(env: Environment, file: Path, who: str, at_utc: datetime, reason: str, until_utc: datetime | None) -> None:
    """The emergency stop. Its file comes first and works whatever the city file says and while the database does not answer.

    It goes when the database has the stop: what ends it there, in the console too, ends it.
    """
    env.folder.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{who} {at_utc.isoformat()} {reason}\n", encoding="utf-8")
    try:
        operations.place_hold(open_store(env.url), operations.STOP, who, at_utc, reason, until_utc)
    except (PenstockError, DBAPIError) as error:
        why = error.problems if isinstance(error, PenstockError) else fault("database", str(error.orig), "one that answers", "").problems
        allowed, remedy = "the same in the database", "`penstock poll` enters it there, until released, as soon as it answers."
        raise PenstockError([Problem("everything", f"stopped, by {file} alone", allowed, remedy), *why]) from None
    file.unlink(missing_ok=True)


def _require_known(env: Environment, subject: str) -> None:
    """A mistyped hold must not look like one."""
    from service.settings import load

    city = load(env)
    assets = [asset.id for asset in city.settings.assets]
    points = [point.id for point in city.points.values() if city.is_command(point)]
    if subject not in (*assets, *points):
        allowed = f"all; the assets {', '.join(assets[:20]) or '(none)'}; the points {', '.join(points[:20]) or '(none)'}"
        raise fault(f"hold on '{subject}'", "neither an asset nor a point that is written", allowed, "Correct the name.")
