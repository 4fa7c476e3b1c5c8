"""The outbox of commands as the poll process works it off: what is due, what came of it, what goes back, what nobody knows."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, or_, select

from city.problems import fault
from meters.vee.quality import Limits
from service import schema as t
from service.store import writing
from service.store.operations import SENT, record, reopen_held

_REVERT_LASTS = timedelta(days=366)  # going back must not expire because the poll process was down


def due(engine: Engine, at_utc: datetime, *, reverts: bool) -> Sequence[Any]:
    """Approved commands whose time has come, in order, and held ones: a hold may have ended by itself. Those past their time expire.

    `reverts` asks for the commands that take a setpoint back, and for those alone: they come after everything newer.
    """
    c = t.command.c
    with writing(engine) as connection:
        waiting = c.state.in_(("approved", "held"))
        late = and_(waiting, c.not_after_utc <= at_utc)
        connection.execute(
            t.command.update().where(late).values(state="expired", sentence="its time had passed before it could be written")
        )
        ready = and_(waiting, c.not_before_utc <= at_utc, c.reverts.is_not(None) if reverts else c.reverts.is_(None))
        return connection.execute(select(t.command).where(ready).order_by(c.not_before_utc, c.command_id)).all()


def begin(engine: Engine, command_id: str) -> bool:
    """Keep on disk that a write is about to go out: what ends the process now leaves a command whose outcome nobody knows.

    False when it is no longer to be written: another process, or a later approval, was faster.
    """
    c = t.command.c
    ready = (c.command_id == command_id) & c.state.in_(("approved", "held"))
    with writing(engine) as connection:
        return connection.execute(t.command.update().where(ready).values(state="writing", sentence="")).rowcount == 1


def close_interrupted(engine: Engine, at_utc: datetime) -> None:
    """Call writes unknown that began and never ended: only one process writes, so none is under way when this is asked."""
    with writing(engine) as connection:
        for row in connection.execute(select(t.command).where(t.command.c.state == "writing")).all():
            sentence = f"unknown {row.setpoint:g} to {row.point_id}: the writing was interrupted"
            _set(connection, row.command_id, "unknown", sentence)
            record(connection, at_utc, "poll", "write unknown", row.point_id, sentence)


def conclude(engine: Engine, command: Any, state: str, sentence: str, at_utc: datetime) -> None:
    """Store what became of a command that was not sent and never will be, and its audit line, together."""
    with writing(engine) as connection:
        _set(connection, command.command_id, state, sentence)
        record(connection, at_utc, "poll", f"write {state}", command.point_id, sentence)


def wait(engine: Engine, command: Any, state: str, sentence: str, at_utc: datetime) -> None:
    """Leave a command for later, approved or held, and say why; told once, not every time it is tried."""
    if (command.state, command.sentence) != (state, sentence):
        with writing(engine) as connection:
            _set(connection, command.command_id, state, sentence)
            record(connection, at_utc, "poll", "write held" if state == "held" else "write waits", command.point_id, sentence)


def conclude_sent(engine: Engine, command: Any, state: str, action: str, sentence: str, at_utc: datetime, limits: Limits) -> None:
    """Store what became of a command that was sent, and with it how its point goes back: all in one transaction."""
    with writing(engine) as connection:
        _set(connection, command.command_id, state, sentence)
        record(connection, at_utc, "poll", action, command.point_id, sentence)
        if command.reverts is None:
            _plan_revert(connection, command, limits, command.setpoint)


def _plan_revert(connection: Connection, command: Any, limits: Limits, held: float) -> None:
    """Put the way back in the outbox, approved with the command that it takes back, in place of the ways back of older ones.

    None is needed where the point holds what it would go back to.
    """
    c = t.command.c
    older = and_(c.point_id == command.point_id, c.reverts.is_not(None), c.state.in_(("approved", "held")))
    told = f"{command.command_id} was written to {command.point_id} since"
    connection.execute(t.command.update().where(older).values(state="superseded", sentence=told))
    if limits.revert_after_s is None or limits.revert_to is None or held == limits.revert_to:
        return
    command_id = hashlib.sha256(f"{command.command_id}|revert".encode()).hexdigest()[:24]
    at = command.not_after_utc + timedelta(seconds=limits.revert_after_s)
    connection.execute(t.command.delete().where(c.command_id == command_id))
    connection.execute(
        t.command.insert().values(
            command_id=command_id,
            plan_id=command.plan_id,
            point_id=command.point_id,
            not_before_utc=at,
            not_after_utc=at + _REVERT_LASTS,
            quantity=command.quantity,
            setpoint=limits.revert_to,
            state="approved",
            sentence=f"takes {held:g} back unless something newer is written",
            reverts=command.command_id,
        )
    )


def _set(connection: Connection, command_id: str, state: str, sentence: str) -> None:
    connection.execute(t.command.update().where(t.command.c.command_id == command_id).values(state=state, sentence=sentence))


def unknown(engine: Engine) -> dict[str, str]:
    """{point_id: command_id} of writes whose outcome nobody knows: nothing is written there until a person has looked."""
    with engine.connect() as connection:
        rows = connection.execute(select(t.command.c.point_id, t.command.c.command_id).where(t.command.c.state == "unknown")).tuples()
        return {str(point_id): str(command_id) for point_id, command_id in rows}


def settle(
    engine: Engine, name: str, who: str, at_utc: datetime, found: float, limits_of: Callable[[str], Limits], reason: str = ""
) -> list[str]:
    """Enter what a person found at a device after an unknown outcome. `name` is the command's id or its point's.

    `limits_of(point_id)` says how far `found` may be from the setpoint to call it written, and how the point goes back. Commands
    held for it may be written again. Returns a sentence each. Raises `PenstockError` when no outcome of that name is unknown.
    """
    c = t.command.c
    with writing(engine) as connection:
        rows = connection.execute(select(t.command).where(c.state == "unknown", or_(c.command_id == name, c.point_id == name))).all()
        if not rows:
            open_ones = [f"{row.command_id} ({row.point_id})" for row in connection.execute(select(t.command).where(c.state == "unknown"))]
            raise fault(f"settle '{name}'", "no unknown outcome of this name", ", ".join(open_ones) or "(there is none)", "Check the id.")
        return [_settled(connection, row, who, at_utc, found, limits_of(row.point_id), reason) for row in rows]


def _settled(connection: Connection, row: Any, who: str, at_utc: datetime, found: float, limits: Limits, reason: str) -> str:
    state = "written" if abs(found - row.setpoint) <= limits.write_tolerance else "mismatch"
    sentence = f"{row.point_id}: {who} found {found:g} where {row.setpoint:g} was to be written{': ' + reason if reason else ''}"
    _set(connection, row.command_id, state, sentence)
    record(connection, at_utc, who, "settle", row.point_id, f"{sentence}; {state}")
    if row.reverts is None:  # a process that died while it wrote could not plan the way back
        _plan_revert(connection, row, limits, found)
    reopen_held(connection, at_utc, row.point_id)
    return f"{sentence}; {state}, and the point may be written again"


def sent_since(engine: Engine, since_utc: datetime) -> dict[str, int]:
    """{point_id: writes that reached it since then}, from the audit table."""
    a = t.audit.c
    statement = select(a.subject, func.count()).where(a.action.in_(SENT), a.at_utc > since_utc).group_by(a.subject)
    with engine.connect() as connection:
        return {str(subject): int(number) for subject, number in connection.execute(statement).tuples()}
