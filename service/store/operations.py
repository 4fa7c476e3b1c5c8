"""What people decide and devices are told: approvals, the outbox of commands, holds, the emergency stop, requests, the audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, or_, select

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.store import writing

STOP = "*"  # the subject of the emergency stop: everything


def record(connection: Connection, at_utc: datetime, who: str, action: str, subject: str, sentence: str) -> None:
    """One line in the audit table; never changed, never deleted."""
    connection.execute(t.audit.insert().values(at_utc=at_utc, who=who, action=action, subject=subject, sentence=sentence))


def approve(engine: Engine, plan_id: str, who: str, at_utc: datetime, reason: str) -> int:
    """Approve a plan or an isolation: its proposed commands become the poll process's to write. Returns how many.

    Approving twice does nothing more (returns 0). Raises `PenstockError` for an id without commands, or when all have expired.
    """
    return approve_all(engine, [plan_id], who, at_utc, reason)[plan_id]


def approve_all(engine: Engine, plan_ids: Sequence[str], who: str, at_utc: datetime, reason: str) -> dict[str, int]:
    """`approve` for several ids together: when one of them cannot be approved none is, and every reason is told."""
    counts: dict[str, int] = {}
    problems: list[Problem] = []
    with writing(engine) as connection:
        for plan_id in dict.fromkeys(plan_ids):
            try:
                counts[plan_id] = _approve(connection, plan_id, who, at_utc, reason)
            except PenstockError as error:
                problems += error.problems
        if problems:
            raise PenstockError(problems)
    return counts


def _approve(connection: Connection, plan_id: str, who: str, at_utc: datetime, reason: str) -> int:
    if connection.execute(select(t.approval).where(t.approval.c.plan_id == plan_id)).first():
        return 0
    open_commands = and_(t.command.c.plan_id == plan_id, t.command.c.state == "proposed")
    if connection.execute(select(func.count()).select_from(t.command).where(t.command.c.plan_id == plan_id)).scalar_one() == 0:
        raise fault(
            f"approval of '{plan_id}'", "no commands with this id", "a plan or isolation that `penstock status` lists", "Check the id."
        )
    changed = connection.execute(
        t.command.update().where(open_commands, t.command.c.not_after_utc > at_utc).values(state="approved")
    ).rowcount
    if changed == 0:
        observed = "all its commands are past their time or superseded by a later approval"
        raise fault(f"approval of '{plan_id}'", observed, "a current plan", "Approve the newest one, or run `penstock night` again.")
    _supersede(connection, plan_id, who, at_utc)
    connection.execute(t.approval.insert().values(plan_id=plan_id, who=who, at_utc=at_utc, reason=reason, commands=changed))
    record(connection, at_utc, who, "approve", plan_id, f"{who} approved {changed} commands: {reason or 'no reason given'}")
    return changed


def _supersede(connection: Connection, plan_id: str, who: str, at_utc: datetime) -> None:
    """Take back what other approved plans still had to say to the same points: the last decision counts, alone."""
    own = select(t.command.c.point_id).where(t.command.c.plan_id == plan_id)
    others = and_(t.command.c.plan_id != plan_id, t.command.c.state.in_(("approved", "held")), t.command.c.point_id.in_(own))
    sentence = f"replaced by {plan_id}"
    changed = connection.execute(t.command.update().where(others).values(state="superseded", sentence=sentence)).rowcount
    if changed:
        record(connection, at_utc, who, "supersede", plan_id, f"{changed} open commands of other plans for the same points were taken back")


def place_hold(engine: Engine, subject: str, who: str, at_utc: datetime, reason: str, until_utc: datetime | None = None) -> None:
    """Stop writing to an asset or point (or everything, with `STOP`) until released or `until_utc`."""
    with writing(engine) as connection:
        connection.execute(t.hold.insert().values(subject=subject, since_utc=at_utc, until_utc=until_utc, who=who, reason=reason))
        action = "emergency stop" if subject == STOP else "hold"
        record(connection, at_utc, who, action, subject, f"{who} placed a hold on {subject}: {reason or 'no reason given'}")


def release_hold(engine: Engine, subject: str, who: str, at_utc: datetime) -> int:
    """Release every hold on `subject`. Returns how many there were.

    Held commands whose time is not over become approved again; `poll` holds those anew on which another hold rests.
    """
    with writing(engine) as connection:
        changed = connection.execute(
            t.hold.update().where(t.hold.c.subject == subject, t.hold.c.released_utc.is_(None)).values(released_utc=at_utc)
        ).rowcount
        if changed:
            still = and_(t.command.c.state == "held", t.command.c.not_after_utc > at_utc)
            back = connection.execute(t.command.update().where(still).values(state="approved", sentence="")).rowcount
            record(connection, at_utc, who, "release", subject, f"{who} released {subject}; {back} held commands may be written again")
        return changed


def holds(engine: Engine, at_utc: datetime) -> Sequence[Any]:
    """Holds in force at a time."""
    active = and_(
        t.hold.c.released_utc.is_(None), t.hold.c.since_utc <= at_utc, or_(t.hold.c.until_utc.is_(None), t.hold.c.until_utc > at_utc)
    )
    with engine.connect() as connection:
        return connection.execute(select(t.hold).where(active).order_by(t.hold.c.hold_id)).all()


def due(engine: Engine, at_utc: datetime) -> Sequence[Any]:
    """Approved commands whose time has come, in order; those past their time are marked expired first."""
    with writing(engine) as connection:
        late = and_(t.command.c.state == "approved", t.command.c.not_after_utc <= at_utc)
        connection.execute(
            t.command.update().where(late).values(state="expired", sentence="its time had passed before it could be written")
        )
        return connection.execute(
            select(t.command)
            .where(t.command.c.state == "approved", t.command.c.not_before_utc <= at_utc)
            .order_by(t.command.c.not_before_utc, t.command.c.command_id)
        ).all()


def settle(engine: Engine, command_id: str, state: str, sentence: str, at_utc: datetime, subject: str) -> None:
    """Store the outcome of a write and its audit line, together."""
    with writing(engine) as connection:
        connection.execute(t.command.update().where(t.command.c.command_id == command_id).values(state=state, sentence=sentence))
        record(connection, at_utc, "poll", f"write {state}", subject, sentence)


def last_writes(engine: Engine) -> dict[str, datetime]:
    """{point_id: when it was last written}, from the audit table."""
    statement = select(t.audit.c.subject, func.max(t.audit.c.at_utc)).where(t.audit.c.action == "write written").group_by(t.audit.c.subject)
    with engine.connect() as connection:
        return {str(subject): at for subject, at in connection.execute(statement).tuples()}


def ask(engine: Engine, kind: str, who: str, at_utc: datetime, detail: dict[str, Any]) -> int:
    """Put a request of the console in the queue of `penstock work`. Returns its id."""
    with writing(engine) as connection:
        made = connection.execute(t.request.insert().values(kind=kind, who=who, at_utc=at_utc, state="waiting", detail=detail, sentence=""))
        request_id = int((made.inserted_primary_key or (0,))[0])
        record(connection, at_utc, who, f"request {kind}", str(request_id), f"{who} asked for {kind}")
        return request_id


def reopen_requests(engine: Engine) -> int:
    """Put requests back in the queue that a former `work` took and did not finish. Returns how many."""
    with writing(engine) as connection:
        return connection.execute(t.request.update().where(t.request.c.state == "working").values(state="waiting")).rowcount


def take_request(engine: Engine) -> Any | None:
    """The oldest waiting request, now marked working; None when there is none."""
    with writing(engine) as connection:
        row = connection.execute(select(t.request).where(t.request.c.state == "waiting").order_by(t.request.c.request_id).limit(1)).first()
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
