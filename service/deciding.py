"""`penstock approve`, `hold` and `settle`: what a person decides or found, with a name and a reason."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.environment import STOP_FILE, Environment
from service.store import open_store, operations, results

if TYPE_CHECKING:
    from service.settings import LoadedCity


def approve_ids(env: Environment, ids: Sequence[str], who: str, at_utc: datetime, reason: str) -> list[str]:
    """Approve plans and isolations, all of them or none. Returns one sentence each; approving again changes nothing and says so."""
    from service import decisions
    from service.access import accounts
    from service.access.districts import districts_of_plan
    from service.settings import load

    engine, city = open_store(env.url), load(env)
    wanted, person = _resolved(engine, ids), decisions.known(city, who)
    approved = decisions.approve_all(engine, city, person, wanted, at_utc, reason)
    waiting = operations.approved_once(engine)
    others = {
        plan_id: accounts.who_may(city, "approve", districts_of_plan(engine, city, plan_id)) for plan_id in wanted if plan_id in waiting
    }
    written = {row.plan_id for row in results.rows(engine, t.command, t.command.c.plan_id.in_(wanted))}
    what = {plan_id: "commands approved" if plan_id in written else "valves for crews to turn, sent" for plan_id in approved}
    return [_told(plan_id, count, what[plan_id], who, others.get(plan_id)) for plan_id, count in approved.items()]


def _told(plan_id: str, count: int, what: str, who: str, others: Sequence[str] | None) -> str:
    if others is not None:
        named = f" ({', '.join(name for name in others if name != who)})" if others else ""
        return f"{plan_id}: approved once, by {who}; a second operator{named} must approve it too before anything is written"
    return f"{plan_id}: {count} {what} by {who}" if count else f"{plan_id}: approved before, nothing changed"


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
    from service import decisions
    from service.access.districts import districts_of
    from service.settings import load
    from service.store import commands

    engine, city = open_store(env.url), load(env)
    point = next((point for point, command in commands.unknown(engine).items() if name in (point, command)), name)
    decisions.require(engine, decisions.known(city, who), "settle", name, at_utc, districts_of(city, point))

    def limits_of(point_id: str) -> Limits:
        known = city.write_limits(point_id) if point_id in city.points else None
        return known or Limits(point=point_id)

    return commands.settle(engine, name, who, at_utc, found, limits_of, reason)


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
    from service import decisions
    from service.settings import load

    target, file = operations.STOP if subject == "all" else subject, env.folder / STOP_FILE
    shown = "everything" if target == operations.STOP else subject
    if release:
        engine = open_store(env.url)
        operations.enter_stop(engine, file, at_utc)
        city = load(env)
        count = decisions.release(engine, city, decisions.known(city, who), target, at_utc)
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
        city = load(env)
        _require_known(city, subject)
        decisions.hold(
            open_store(env.url), city, decisions.known(city, who), target, at_utc, reason or "no reason given", until_utc, setpoint
        )
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


def _require_known(city: "LoadedCity", subject: str) -> None:
    """A mistyped hold must not look like one."""
    assets = [asset.id for asset in city.settings.assets]
    points = [point.id for point in city.points.values() if city.is_command(point)]
    if subject not in (*assets, *points):
        allowed = f"all; the assets {', '.join(assets[:20]) or '(none)'}; the points {', '.join(points[:20]) or '(none)'}"
        raise fault(f"hold on '{subject}'", "neither an asset nor a point that is written", allowed, "Correct the name.")
