"""What people do about a case: each step is asked of their role and district, kept as an event and audited, whole or not at all."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from city.problems import fault
from service import schema as t
from service.access.roles import Person
from service.cases.levels import CaseSettings
from service.cases.states import STEPS, after
from service.cases.store import Case, one, read
from service.decisions import require
from service.store import writing
from service.store.operations import record, spelled_alike

# Two people's clocks may differ by so much, and a page is up to this old: their steps are kept in the order in which they were written.
SKEW = timedelta(minutes=5)
_PLAIN = CaseSettings()


def assign(
    engine: Engine, person: Person, case_id: int, at_utc: datetime, owner: str, *, owners: Collection[str] = (), seen: int | None = None
) -> Case:
    """Give a case to an owner, of `owners` where they are told. Raises `PenstockError` without the role, for a stranger, too late."""
    if not 0 < len(owner.strip()) <= 80 or (owners and owner not in owners):
        raise fault(f"owner of case {case_id}", f"'{owner}'", ", ".join(owners) or "a name", "Name who sees to it.")
    return step(engine, person, case_id, "assign", at_utc, owner=owner.strip(), seen=seen)


def work(engine: Engine, person: Person, case_id: int, at_utc: datetime, note: str = "", *, seen: int | None = None) -> Case:
    """Say that the work is done. Raises `PenstockError` without the role and in another state."""
    return step(engine, person, case_id, "work", at_utc, note=note, seen=seen)


def check(engine: Engine, person: Person, case_id: int, at_utc: datetime, note: str = "", *, seen: int | None = None) -> Case:
    """Say that the work is right. Raises `PenstockError` without the role, in another state, and to who did the work."""
    return step(engine, person, case_id, "check", at_utc, note=note, seen=seen)


def close(engine: Engine, person: Person, case_id: int, at_utc: datetime, note: str = "", *, seen: int | None = None) -> Case:
    """End a case; what it was about keeps its own truth: a leak is told repaired where leaks are."""
    return step(engine, person, case_id, "close", at_utc, note=note, seen=seen)


def rate(
    engine: Engine,
    person: Person,
    case_id: int,
    at_utc: datetime,
    marks: int,
    *,
    false_alarm: bool,
    note: str = "",
    seen: int | None = None,
) -> Case:
    """Say how it went, 1 (badly) to 5 (well), and whether there was anything at all. Raises `PenstockError` for other marks."""
    if marks not in range(1, 6):
        raise fault(f"rating of case {case_id}", str(marks), "1, 2, 3, 4 or 5", "5: it went as it should.")
    return step(engine, person, case_id, "rate", at_utc, note=note, facts={"marks": marks, "false_alarm": false_alarm}, seen=seen)


def reopen(engine: Engine, person: Person, case_id: int, at_utc: datetime, reason: str, *, seen: int | None = None) -> Case:
    """Send a case back to its owner: the work was not right, or it came again. Raises `PenstockError` without a reason."""
    return step(engine, person, case_id, "reopen", at_utc, note=reason, seen=seen)


def cancel(
    engine: Engine, person: Person, case_id: int, at_utc: datetime, reason: str, *, same_as: int | None = None, seen: int | None = None
) -> Case:
    """Withdraw a case that was none, or that is another one already. Raises `PenstockError` without a reason or for a wrong other."""
    if same_as is not None:
        other = one(engine, _PLAIN, same_as)
        if other.case_id == case_id or other.state == "cancelled":
            raise fault(
                f"case {case_id} as case {same_as}", "the same one, or cancelled itself", "another case", "Name the one that stays."
            )
    return step(engine, person, case_id, "cancel", at_utc, note=reason, facts={"same_as": same_as} if same_as else None, seen=seen)


def note(engine: Engine, person: Person, case_id: int, at_utc: datetime, text: str) -> Case:
    """Write something down; the case stays where it is."""
    return step(engine, person, case_id, "note", at_utc, note=text)


def step(
    engine: Engine,
    person: Person,
    case_id: int,
    name: str,
    at_utc: datetime,
    *,
    owner: str | None = None,
    note: str = "",
    facts: dict[str, Any] | None = None,
    seen: int | None = None,
) -> Case:
    """Take one step of the diagram and return the case after it. `seen` is the newest event that the person saw.

    Raises `PenstockError` without the role or district, where the diagram has no such step, without a reason where it takes one, to
    who checks the own work, when the case moved since it was seen, and for a time before the case's newest event.
    """
    edge = STEPS[name]
    if edge.action is not None:
        where = one(engine, _PLAIN, case_id).district
        require(engine, person, edge.action, f"case {case_id}", at_utc, frozenset({where}))
    if edge.reason and not note.strip():
        raise fault(f"{name} of case {case_id}", "nothing said", "a few words", "Say why.")
    with writing(engine) as connection:
        return taken(connection, case_id, name, person.name, at_utc, owner=owner, note=note.strip(), facts=facts, seen=seen)


def taken(
    connection: Connection,
    case_id: int,
    name: str,
    who: str,
    at_utc: datetime,
    *,
    owner: str | None = None,
    note: str = "",
    facts: dict[str, Any] | None = None,
    seen: int | None = None,
) -> Case:
    """Write a step that was allowed. Two at once are one after the other: the second sees what the first did."""
    c = t.work_case.c
    connection.execute(select(c.case_id).where(c.case_id == case_id).with_for_update())
    case = read(connection, c.case_id == case_id, _PLAIN)[0]
    last = case.last
    if seen is not None and last.ordinal > seen and name != "note":
        observed = f"{last.who} took the step '{last.step}' at {last.at_utc:%H:%M} UTC in the meantime"
        raise fault(f"{name} of case {case_id}", observed, "a case as it stands", "Look at it again.")
    ahead = last.at_utc > datetime.now(UTC) + SKEW  # written with a clock that was wrong: it must not lock the case
    if STEPS[name].action is not None and last.at_utc - at_utc > SKEW and not ahead:
        raise fault(
            f"{name} of case {case_id}", f"{at_utc:%Y-%m-%d %H:%M} UTC", f"not before {last.at_utc:%Y-%m-%d %H:%M} UTC", "Check the time."
        )
    if name == "check" and case.worked_by is not None and spelled_alike(case.worked_by) == spelled_alike(who):
        raise fault(f"check of case {case_id}", f"{who} did the work", "a second, different person", "Ask another engineer.")
    owner = owner if owner is not None else last.owner
    state = after(name, last.state, owner)
    at_utc = max(at_utc, last.at_utc)
    row = {"case_id": case_id, "ordinal": last.ordinal + 1, "at_utc": at_utc, "who": who, "step": name, "state": state}
    connection.execute(t.case_event.insert().values(**row, owner=owner, note=note, facts=facts or {}))
    to = f" to {owner}" if name in ("assign", "taken") else ""
    record(connection, at_utc, who, f"case {name}", f"case {case_id}", f"{name}{to}; now {state}{': ' + note if note else ''}")
    return read(connection, c.case_id == case_id, _PLAIN)[0]
