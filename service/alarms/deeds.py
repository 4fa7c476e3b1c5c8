"""What people do to alarms: acknowledge, reset, shelve, take out of service. Each is asked for by role and district, and audited."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from city.problems import fault
from service.access.roles import Action, Person, may
from service.alarms import store
from service.alarms.moving import Mover, Row
from service.alarms.settings import Alarms
from service.alarms.shown import ACUTE
from service.alarms.sources import KINDS
from service.alarms.states import HIDDEN, UNSEEN, Event, State, moved
from service.decisions import require
from service.store import operations, writing


def acknowledge(engine: Engine, person: Person, ids: Sequence[int], at_utc: datetime, shown_utc: datetime | None = None) -> int:
    """Acknowledge alarms: seen, and somebody is on it. Returns how many were not before.

    `shown_utc` is when the person's list was made: what was annunciated after that was not seen, and stays as it is; who names the
    alarms without a list has seen them. Raises `PenstockError` without the role, for an alarm of another district, and for numbers
    that no lasting alarm has.
    """
    rows = _asked(engine, person, "alarm", ids, at_utc)

    def unseen(row: Row) -> bool:
        return row["state"] in UNSEEN and (shown_utc is None or row["annunciated_utc"] <= shown_utc)

    return _done(engine, person, [row["alarm_id"] for row in rows if unseen(row)], at_utc, Event.ACKNOWLEDGE, wanted=unseen)


def reset(engine: Engine, person: Person, alarm_id: int, at_utc: datetime) -> None:
    """Take a latched alarm off the list after somebody has looked. Raises `PenstockError` where it is not acknowledged or still active."""
    _one(engine, person, "alarm", alarm_id, at_utc, Event.RESET)


def shelve(engine: Engine, rules: Alarms, person: Person, alarm_id: int, at_utc: datetime, until_utc: datetime, reason: str) -> None:
    """Put an alarm aside until a time, when it is annunciated again if its condition is still there.

    An operator may do so for a shift at most, an engineer (`alarm-out`) for `engineer_shelving_days`. Raises `PenstockError` without
    a reason, for a longer time, without the role or the district, and for an alarm of priority 1.
    """
    longer = until_utc - at_utc > timedelta(hours=rules.shift_hours)
    action: Action = "alarm-out" if longer or may(person, "alarm-out") else "alarm"
    latest = at_utc + timedelta(days=rules.engineer_shelving_days)
    subject = f"shelving of alarm {alarm_id}"
    if not at_utc < until_utc <= latest:
        allowed = f"after {at_utc:%Y-%m-%d %H:%M} and up to {latest:%Y-%m-%d %H:%M} UTC"
        raise fault(subject, f"until {until_utc:%Y-%m-%d %H:%M} UTC", allowed, "Take it out of service for longer.")
    _one(engine, person, action, alarm_id, at_utc, Event.SHELVE, _reason(subject, reason), until_utc)


def unshelve(engine: Engine, person: Person, alarm_id: int, at_utc: datetime) -> None:
    """Put a shelved alarm back on the list before its time. Raises `PenstockError` where it is not shelved."""
    _one(engine, person, "alarm-out" if may(person, "alarm-out") else "alarm", alarm_id, at_utc, Event.UNSHELVE)


def out_of_service(engine: Engine, person: Person, alarm_id: int, at_utc: datetime, reason: str) -> None:
    """Take an alarm out of service until an engineer restores it. Raises `PenstockError` without a reason or the role `alarm-out`, and for
    an alarm of priority 1."""
    told = _reason(f"alarm {alarm_id} out of service", reason)
    _one(engine, person, "alarm-out", alarm_id, at_utc, Event.REMOVE, told)


def restore(engine: Engine, person: Person, alarm_id: int, at_utc: datetime) -> None:
    """Put an alarm back into service. Raises `PenstockError` where it is not out of it."""
    _one(engine, person, "alarm-out", alarm_id, at_utc, Event.RESTORE)


def _reason(subject: str, reason: str) -> str:
    if not reason.strip():
        raise fault(subject, "no reason", "a reason in a few words", "Say why, for the audit trail.")
    return reason.strip()[:300]


def _asked(engine: Engine, person: Person, action: Action, ids: Sequence[int], at_utc: datetime) -> list[Row]:
    """The rows, once the person may do it to each. A refusal is audited."""
    with engine.connect() as connection:
        rows = store.lasting(connection, ids)
    if missing := sorted(set(ids) - {row["alarm_id"] for row in rows}):
        raise fault(f"alarm {missing[0]}", "no alarm of this number lasts", "an alarm of `penstock alarms list`", "Look at the list again.")
    for district in sorted({row["district"] for row in rows}):
        names = [f"{row['kind']} {row['subject']}" for row in rows if row["district"] == district]
        require(engine, person, action, f"alarm {names[0]}", at_utc, district.split(","))
    return rows


def _one(
    engine: Engine,
    person: Person,
    action: Action,
    alarm_id: int,
    at_utc: datetime,
    event: Event,
    reason: str = "",
    until_utc: datetime | None = None,
) -> None:
    (row,) = _asked(engine, person, action, [alarm_id], at_utc)
    if event in (Event.SHELVE, Event.REMOVE) and row["priority"] == ACUTE:
        told = f"{event} of {row['kind']} {row['subject']}"
        raise fault(told, "it is of priority 1", "priority 2 and 3", "Acknowledge it: it stays on the list until it is over.")
    _done(engine, person, [alarm_id], at_utc, event, reason, until_utc)


def _done(
    engine: Engine,
    person: Person,
    ids: Sequence[int],
    at_utc: datetime,
    event: Event,
    reason: str = "",
    until_utc: datetime | None = None,
    wanted: Callable[[Row], bool] = lambda _row: True,
) -> int:
    """Let it happen to the rows as they are now, with journal and audit in the same transaction."""
    if not ids:
        return 0
    with writing(engine) as connection:
        store.lock(connection)
        rows = [row for row in store.lasting(connection, ids) if wanted(row)]
        before = {row["alarm_id"]: dict(row) for row in rows}
        mover = Mover(KINDS, at_utc)
        for row in rows:
            subject = f"{row['kind']} {row['subject']}"
            latches = row["kind"] in KINDS and KINDS[row["kind"]].latched
            moved(subject, State(row["state"]), event, active=row["active"], latches=latches)
            mover.happen(row, event, person.name, reason)
            if row["state"] in HIDDEN:
                row |= {"reason": reason, "until_utc": until_utc}
        store.write(connection, before, rows)
        store.journal(connection, mover.events)
        _audited(connection, person, rows, at_utc, event, reason, until_utc)
    return len(rows)


def _audited(
    connection: Connection, person: Person, rows: Sequence[Row], at_utc: datetime, event: Event, reason: str, until_utc: datetime | None
) -> None:
    if not rows:
        return
    names = [f"{row['kind']} {row['subject']} (#{row['alarm_id']})" for row in rows]
    until = f" until {until_utc:%Y-%m-%d %H:%M} UTC" if until_utc else ""
    told = f"{person.name}: {event} {', '.join(names)}{until}{': ' + reason if reason else ''}"
    operations.record(
        connection, at_utc, person.name, f"alarm {event}", (names[0] if len(names) == 1 else f"{len(names)} alarms")[:120], told
    )
