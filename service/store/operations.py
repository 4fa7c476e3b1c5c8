"""What people decide: approvals, holds, the emergency stop, requests; and the audit of all that was done."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, or_, select, true

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.auditing import decided
from service.auditing.chain import Line
from service.store import by_hand, writing
from service.store.responses import announce
from service.utctime import micros

STOP = "*"  # the subject of the emergency stop: everything
SENT = ("write written", "write stepped", "write mismatch", "write unknown")  # audit lines of writes that reached a device, or may have


def record(connection: Connection, at_utc: datetime, who: str, action: str, subject: str, sentence: str, signed: str | None = None) -> None:
    """One line in the audit, sealed behind the one before when the transaction of `writing` ends; never changed, never deleted.

    `signed` is the SHA-256 [hex] of the rows that the line decides on, by `service.auditing.decided`.
    """
    connection.get_execution_options()["audit"].append(Line(0, micros(at_utc), who, action, subject, sentence, signed))


def record_refusal(engine: Engine, at_utc: datetime, who: str, action: str, error: PenstockError) -> None:
    """What somebody tried to decide and may not, one audit line per reason."""
    with writing(engine) as connection:
        for problem in error.problems:
            record(connection, at_utc, who, f"{action} refused", problem.subject[:120], str(problem))


def approve(engine: Engine, plan_id: str, who: str, at_utc: datetime, reason: str) -> int:
    """Approve a plan or an isolation: its proposed commands become the poll process's to write. Returns how many; of an isolation that
    is turned by hand alone, how many valves the crews turn.

    Returns 0 when a second person must approve too (`approved_once`), or when all was approved before. Raises `PenstockError` for
    an id without commands, when all have expired, and when the same person approves again what needs two.
    """
    return approve_all(engine, [plan_id], who, at_utc, reason)[plan_id]


def approve_all(engine: Engine, plan_ids: Sequence[str], who: str, at_utc: datetime, reason: str) -> dict[str, int]:
    """`approve` for several ids together: when one of them cannot be approved none is, and every reason is told and audited."""
    try:
        with writing(engine) as connection:
            return _approve_each(connection, dict.fromkeys(plan_ids), who, at_utc, reason)
    except PenstockError as error:
        record_refusal(engine, at_utc, who, "approve", error)
        raise


def _approve_each(connection: Connection, plan_ids: Iterable[str], who: str, at_utc: datetime, reason: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    problems: list[Problem] = []
    for plan_id in plan_ids:
        try:
            counts[plan_id] = _approve(connection, plan_id, who, at_utc, reason)
        except PenstockError as error:
            problems += error.problems
    if problems:
        raise PenstockError(problems)
    return counts


def _approve(connection: Connection, plan_id: str, who: str, at_utc: datetime, reason: str) -> int:
    # Locked, so that two people who approve at the same time see each other.
    connection.execute(select(t.command.c.command_id).where(t.command.c.plan_id == plan_id).with_for_update())
    given = connection.execute(select(t.approval).where(t.approval.c.plan_id == plan_id)).all()
    if any(row.commands for row in given):
        return 0
    c = t.command.c
    total, needed = connection.execute(select(func.count(), func.max(c.approvals_needed)).where(c.plan_id == plan_id)).one()
    if total == 0:
        return _send_crews(connection, plan_id, who, at_utc, reason, given)
    current = and_(c.plan_id == plan_id, c.state == "proposed", c.not_after_utc > at_utc)
    if connection.execute(select(func.count()).where(current)).scalar_one() == 0:
        observed = "all its commands are past their time or superseded by a later approval"
        raise fault(f"approval of '{plan_id}'", observed, "a current plan", "Approve the newest one, or make one: `penstock plan now`.")
    _require_another(plan_id, who, given)
    why, released, signed = reason or "no reason given", 0, decided.commands(connection, plan_id)
    if len(given) + 1 >= needed:
        released = connection.execute(t.command.update().where(current).values(state="approved", sentence="")).rowcount
        _supersede(connection, plan_id, who, at_utc)
        calls = announce(connection, plan_id, who, at_utc)
        told = f" and called the events {', '.join(map(str, calls))}" if calls else ""
        record(connection, at_utc, who, "approve", plan_id, f"{who} approved {released} commands{told}: {why}", signed)
    else:
        record(connection, at_utc, who, "approve once", plan_id, f"{who} approved; a second person must too: {why}", signed)
    connection.execute(t.approval.insert().values(plan_id=plan_id, who=who, at_utc=at_utc, reason=reason, commands=released))
    return released


def _send_crews(connection: Connection, plan_id: str, who: str, at_utc: datetime, reason: str, given: Sequence[Any]) -> int:
    """Approve an isolation whose valves are all turned by hand: nothing is written, the crews go. Returns how many valves they turn."""
    valves, two = by_hand.turned(connection, plan_id)
    if not valves:
        raise fault(
            f"approval of '{plan_id}'", "no commands with this id", "a plan or isolation that `penstock status` lists", "Check the id."
        )
    _require_another(plan_id, who, given)
    waits = two and not given
    told = f"{who} approved; a second person must too" if waits else f"{who} sent crews to turn {', '.join(valves)}"
    signed = decided.crews(plan_id, valves)
    record(connection, at_utc, who, "approve once" if waits else "approve", plan_id, f"{told}: {reason or 'no reason given'}", signed)
    turned = 0 if waits else len(valves)
    connection.execute(t.approval.insert().values(plan_id=plan_id, who=who, at_utc=at_utc, reason=reason, commands=turned))
    return turned


def _require_another(plan_id: str, who: str, given: Sequence[Any]) -> None:
    if spelled_alike(who) in {spelled_alike(row.who) for row in given}:
        raise fault(f"approval of '{plan_id}'", f"{who} approved it before", "a second, different person", "Ask another operator.")


def spelled_alike(who: str) -> str:
    """A name without what the eye does not see: case, how accents are coded, blanks of any kind or number, marks of no width."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", who) if unicodedata.category(c) != "Cf")
    return " ".join(seen.casefold().split())


def approved_once(engine: Engine) -> dict[str, str]:
    """{plan or isolation id: who approved it} of those that wait for a second person."""
    a = t.approval.c
    waiting = select(a.plan_id).group_by(a.plan_id).having(func.max(a.commands) == 0)
    proposed = select(t.command.c.plan_id).where(t.command.c.state == "proposed").union(by_hand.ids())
    with engine.connect() as connection:
        rows = connection.execute(select(a.plan_id, a.who).where(a.plan_id.in_(waiting), a.plan_id.in_(proposed))).tuples()
        return {str(plan_id): str(who) for plan_id, who in rows}


def _supersede(connection: Connection, plan_id: str, who: str, at_utc: datetime) -> None:
    """Take back what other approved plans still had to say to the same points: the last decision counts, alone."""
    own = select(t.command.c.point_id).where(t.command.c.plan_id == plan_id)
    c = t.command.c
    # The way back of a setpoint that is in force stays open until something newer is written, not until it is decided.
    others = and_(c.plan_id != plan_id, c.state.in_(("approved", "held")), c.point_id.in_(own), c.reverts.is_(None))
    sentence = f"replaced by {plan_id}"
    changed = connection.execute(t.command.update().where(others).values(state="superseded", sentence=sentence)).rowcount
    if changed:
        record(connection, at_utc, who, "supersede", plan_id, f"{changed} open commands of other plans for the same points were taken back")


def place_hold(
    engine: Engine,
    subject: str,
    who: str,
    at_utc: datetime,
    reason: str,
    until_utc: datetime | None = None,
    setpoint: float | None = None,
) -> None:
    """Stop writing to an asset or point (or everything, with `STOP`) until released or `until_utc`.

    `setpoint` is where the point stays, for the next plan; none: where it is now.
    """
    row = {"subject": subject, "since_utc": at_utc, "until_utc": until_utc, "setpoint": setpoint, "who": who, "reason": reason}
    stays = "" if setpoint is None else f" at {setpoint:g}"
    with writing(engine) as connection:
        connection.execute(t.hold.insert().values(row))
        action = "emergency stop" if subject == STOP else "hold"
        record(connection, at_utc, who, action, subject, f"{who} placed a hold on {subject}{stays}: {reason or 'no reason given'}")


def enter_stop(engine: Engine, file: Path, at_utc: datetime) -> None:
    """Place the emergency stop that `file` gave while the database was away: everyone sees it then, and anyone may release it."""
    if file.exists():
        place_hold(engine, STOP, "stop file", at_utc, file.read_text(encoding="utf-8", errors="replace").strip())
        file.unlink(missing_ok=True)


def release_hold(engine: Engine, subject: str, who: str, at_utc: datetime) -> int:
    """Release every hold on `subject`. Returns how many there were.

    Held commands whose time is not over are tried again; `poll` goes on holding those on which another hold rests.
    """
    with writing(engine) as connection:
        changed = connection.execute(
            t.hold.update().where(t.hold.c.subject == subject, t.hold.c.released_utc.is_(None)).values(released_utc=at_utc)
        ).rowcount
        if changed:
            back = reopen_held(connection, at_utc)
            record(connection, at_utc, who, "release", subject, f"{who} released {subject}; {back} held commands may be written again")
        return changed


def reopen_held(connection: Connection, at_utc: datetime, point_id: str | None = None) -> int:
    """Make held commands (of one point) whose time is not over approved again. Returns how many."""
    c = t.command.c
    still = and_(c.state == "held", c.not_after_utc > at_utc, c.point_id == point_id if point_id else true())
    return connection.execute(t.command.update().where(still).values(state="approved", sentence="")).rowcount


def holds(engine: Engine, at_utc: datetime) -> Sequence[Any]:
    """Holds in force at a time. An emergency stop is in force from when it is written, whatever clock it was written by."""
    begun = or_(t.hold.c.subject == STOP, t.hold.c.since_utc <= at_utc)
    active = and_(t.hold.c.released_utc.is_(None), begun, or_(t.hold.c.until_utc.is_(None), t.hold.c.until_utc > at_utc))
    with engine.connect() as connection:
        return connection.execute(select(t.hold).where(active).order_by(t.hold.c.hold_id)).all()


def last_writes(engine: Engine) -> dict[str, datetime]:
    """{point_id: when it was last written}, from the audit table."""
    statement = select(t.audit.c.subject, func.max(t.audit.c.at_utc)).where(t.audit.c.action.in_(SENT)).group_by(t.audit.c.subject)
    with engine.connect() as connection:
        return {str(subject): at for subject, at in connection.execute(statement).tuples()}


WORK = "work"  # who asks when `penstock work` plans again by itself


def ask(engine: Engine, kind: str, who: str, at_utc: datetime, detail: dict[str, Any], told: str = "") -> int:
    """Put a request of the console in the queue of `penstock work`, `told` in the audit. Returns its id.

    What `work` asks itself is no decision to audit.
    """
    with writing(engine) as connection:
        made = connection.execute(t.request.insert().values(kind=kind, who=who, at_utc=at_utc, state="waiting", detail=detail, sentence=""))
        request_id = int((made.inserted_primary_key or (0,))[0])
        if who != WORK:
            record(connection, at_utc, who, f"request {kind}", str(request_id), told or f"{who} asked for {kind}")
        return request_id


def record_asked(engine: Engine, kind: str, who: str, at_utc: datetime, subject: str) -> None:
    """The audit line of what the command line computes itself, where the console would put a request in the queue."""
    with writing(engine) as connection:
        record(connection, at_utc, who, f"request {kind}", subject, f"{who} asked for {kind} by `penstock plan`")


def last_asked(engine: Engine, kind: str, who: str) -> datetime | None:
    """When somebody asked for it last."""
    r = t.request.c
    with engine.connect() as connection:
        return connection.execute(select(func.max(r.at_utc)).where(r.kind == kind, r.who == who)).scalar()


def reopen_requests(engine: Engine) -> int:
    """Put requests back in the queue that a former `work` took and did not finish. Returns how many."""
    with writing(engine) as connection:
        return connection.execute(t.request.update().where(t.request.c.state == "working").values(state="waiting")).rowcount


def take_request(engine: Engine) -> Any | None:
    """The oldest waiting request, now marked working; None when there is none."""
    with writing(engine) as connection:
        waiting = select(t.request).where(t.request.c.state == "waiting").order_by(t.request.c.request_id).limit(1)
        # On PostgreSQL two `work` processes may ask at once; on SQLite the writer holds the whole database.
        row = connection.execute(waiting.with_for_update(skip_locked=True)).first()
        if row:
            connection.execute(t.request.update().where(t.request.c.request_id == row.request_id).values(state="working"))
        return row


def finish_request(engine: Engine, request_id: int, state: str, sentence: str) -> None:
    with writing(engine) as connection:
        connection.execute(t.request.update().where(t.request.c.request_id == request_id).values(state=state, sentence=sentence))


def audit(engine: Engine, limit: int = 200) -> Sequence[Any]:
    """The newest audit lines, newest first."""
    with engine.connect() as connection:
        return connection.execute(select(t.audit).order_by(t.audit.c.audit_id.desc()).limit(limit)).all()
