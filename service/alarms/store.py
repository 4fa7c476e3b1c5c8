"""The tables of alarms: what lasts, what was journaled, and when all was evaluated last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, select

from service import schema as t
from service.alarms.states import State
from service.store import alone

PROCESS = "alarms"  # its heartbeat says when every source was last evaluated, and how many refreshes there were
A, J = t.alarm.c, t.alarm_event.c
CHANGED = (
    "subject", "state", "active", "pending_utc", "annunciated_utc", "acknowledged_utc", "acknowledged_by", "until_utc", "reason", "follows",
    "facts", "ended_utc",
)  # fmt: skip


def lock(connection: Connection) -> None:
    """Be the only one that moves alarms until this transaction ends."""
    alone(connection, t.alarm)


def evaluated(connection: Connection) -> tuple[datetime | None, int]:
    """(when every source was last evaluated, how many refreshes there were)."""
    row = connection.execute(select(t.heartbeat).where(t.heartbeat.c.process == PROCESS)).first()
    return (row.time_utc, int((row.detail or {}).get("number", 0))) if row else (None, 0)


def set_evaluated(connection: Connection, at_utc: datetime, number: int) -> None:
    connection.execute(delete(t.heartbeat).where(t.heartbeat.c.process == PROCESS))
    connection.execute(t.heartbeat.insert().values(process=PROCESS, time_utc=at_utc, detail={"number": number}))


def lasting(connection: Connection, ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """The rows of alarms that have not ended, on the list or off it; of `ids` only where given."""
    statement = select(t.alarm).where(A.ended_utc.is_(None)).order_by(A.alarm_id)
    if ids is None:
        return [dict(row) for row in connection.execute(statement).mappings()]
    chunks = (ids[i : i + 500] for i in range(0, len(ids), 500))  # SQLite takes a limited number of values
    return [dict(row) for chunk in chunks for row in connection.execute(statement.where(A.alarm_id.in_(chunk))).mappings()]


def next_id(connection: Connection) -> int:
    return int(connection.execute(select(func.max(A.alarm_id))).scalar() or 0) + 1


def write(connection: Connection, before: Mapping[int, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert what `before` does not have, update what differs, and delete what was `dropped`: it was never annunciated."""
    new = [{k: v for k, v in row.items() if k != "dropped"} for row in rows if row["alarm_id"] not in before and not row.get("dropped")]
    gone = [{"id": row["alarm_id"]} for row in rows if row.get("dropped") and row["alarm_id"] in before]
    changed = [
        {"id": row["alarm_id"], **{f"new_{name}": row[name] for name in CHANGED}}
        for row in rows
        if row["alarm_id"] in before and not row.get("dropped") and any(row[n] != before[row["alarm_id"]][n] for n in CHANGED)
    ]
    if new:
        connection.execute(t.alarm.insert(), new)
    if gone:
        connection.execute(t.alarm.delete().where(A.alarm_id == bindparam("id")), gone)
    if changed:
        values = {name: bindparam(f"new_{name}", type_=A[name].type) for name in CHANGED}
        connection.execute(t.alarm.update().where(A.alarm_id == bindparam("id")).values(values), changed)


def journal(connection: Connection, events: Sequence[Mapping[str, Any]]) -> None:
    """Append to the journal: alarm_id, at_utc, event, state, who, reason."""
    if events:
        connection.execute(t.alarm_event.insert(), list(events))


def annunciations(engine: Engine, start_utc: datetime, end_utc: datetime) -> list[Any]:
    """(at_utc, alarm_id, kind, subject, priority) of every annunciation in [start, end), oldest first."""
    statement = (
        select(J.at_utc, J.alarm_id, A.kind, A.subject, A.priority)
        .join(t.alarm, J.alarm_id == A.alarm_id)
        .where(J.state == State.UNACKNOWLEDGED, J.at_utc >= start_utc, J.at_utc < end_utc)
        .order_by(J.event_id)
    )
    with engine.connect() as connection:
        return list(connection.execute(statement).all())


def events(engine: Engine, start_utc: datetime, end_utc: datetime) -> list[Any]:
    """(at_utc, event, state, who, reason, alarm_id, kind, source, subject, priority, district, facts) in [start, end), oldest first."""
    statement = (
        select(J.at_utc, J.event, J.state, J.who, J.reason, J.alarm_id, A.kind, A.source, A.subject, A.priority, A.district, A.facts)
        .join(t.alarm, J.alarm_id == A.alarm_id)
        .where(J.at_utc >= start_utc, J.at_utc < end_utc)
        .order_by(J.event_id)
    )
    with engine.connect() as connection:
        return list(connection.execute(statement).all())
