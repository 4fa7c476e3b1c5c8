"""What a person may decide, asked again where it is written: a page that hides a button is no lock."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from city.problems import PenstockError, fault
from service import known_events, valve_states
from service import schema as t
from service.access.districts import districts_of, districts_of_leak, districts_of_plan
from service.access.roles import MAY, NOWHERE, PROPOSING, WHOLE_CITY, Action, Person, Role, may, reaches, roles_for
from service.access.sign_in import known
from service.known_events import Entry
from service.leakage import told
from service.settings import LoadedCity
from service.store import alone, operations, writing

__all__ = ["NOWHERE", "WHOLE_CITY", "Action", "Person", "Role", "known", "may", "require"]


def require(
    engine: Engine, person: Person, action: Action, subject: str, at_utc: datetime, districts: Collection[str] | None = None
) -> None:
    """Refuse, and audit the refusal, what the person's role does not allow, or what lies in another part of the city.

    `districts` is where it takes effect (`service.access.districts.districts_of`). What is not told is the whole city: somebody who
    is bound to districts is refused then, unless the action touches nothing there (`NOWHERE`). Raises `PenstockError`.
    """
    where = WHOLE_CITY if districts is None else frozenset(districts)
    if action in person.unconfirmed and action in MAY[person.role]:
        observed, allowed = f"{person.name} has shown no second factor", "a sign-in with the code of one"
    elif not may(person, action):
        observed, allowed = f"{person.name} is signed in as {person.role}", f"an account with role {' or '.join(roles_for(action))}"
    elif not reaches(person, where):
        observed = f"{person.name} is bound to {', '.join(person.districts)}"
        beyond = sorted(where - set(person.districts) - WHOLE_CITY)
        allowed = f"somebody who has {', '.join(beyond) if beyond else 'the whole city'}"
    else:
        return
    refused = fault(f"{action} of {subject}", observed, allowed, "Ask one of them.")
    operations.record_refusal(engine, at_utc, person.name, action, refused)
    raise refused


def permitted(engine: Engine, city: LoadedCity, who: str, action: Action, subject: str, at_utc: datetime, about: str = "") -> str:
    """The name of somebody on the command line who may do it, `about` a point, an asset, a zone (of the whole city when empty).

    Raises `PenstockError` as `known` and `require` do.
    """
    person = known(city, who)
    require(engine, person, action, subject, at_utc, _where(city, person, about) if about else None)
    return person.name


def _reason(subject: str, reason: str) -> str:
    if not reason.strip():
        raise fault(subject, "no reason", "a reason in a few words", "Say why, for the audit trail.")
    return reason.strip()


def approve(engine: Engine, city: LoadedCity, person: Person, plan_id: str, at_utc: datetime, reason: str) -> int:
    """Approve a plan or an isolation; returns how many commands that released, 0 when a second person must approve too.

    Raises `PenstockError` without the role, a district or current commands, and for a second approval by the same person.
    """
    return approve_all(engine, city, person, [plan_id], at_utc, reason)[plan_id]


def approve_all(engine: Engine, city: LoadedCity, person: Person, plan_ids: Sequence[str], at_utc: datetime, reason: str) -> dict[str, int]:
    """`approve` for several together: all of them or none."""
    for plan_id in plan_ids:
        where = districts_of_plan(engine, city, plan_id) if person.districts else None
        for action in _asked_for(engine, plan_id):
            require(engine, person, action, plan_id, at_utc, where)
        _interlock(engine, city, person, plan_id, at_utc)
    return operations.approve_all(engine, plan_ids, person.name, at_utc, reason.strip())


def _interlock(engine: Engine, city: LoadedCity, person: Person, plan_id: str, at_utc: datetime) -> None:
    from service.grid import interlock  # which asks here for the right to tell a switch

    try:
        interlock.require_current(engine, city, plan_id, at_utc)
    except PenstockError as error:
        operations.record_refusal(engine, at_utc, person.name, "approve", error)
        raise


def _asked_for(engine: Engine, plan_id: str) -> tuple[Action, ...]:
    """What the approval takes: of a restoration, the right to switch as well."""
    with engine.connect() as connection:
        restores = connection.execute(select(t.grid_proposal.c.proposal_id).where(t.grid_proposal.c.proposal_id == plan_id)).first()
    return ("approve", "switch") if restores else ("approve",)


def hold(
    engine: Engine,
    city: LoadedCity,
    person: Person,
    subject: str,
    at_utc: datetime,
    reason: str,
    until_utc: datetime | None = None,
    setpoint: float | None = None,
) -> None:
    """Hold an asset or point, or everything with `operations.STOP`. Raises `PenstockError` without the role, the district or a reason.

    The emergency stop alone needs no reason and no second factor, and every operator has it whatever the district: nobody should have
    to type, or to look for a phone, before it. `until_utc` and `setpoint` as in `operations.place_hold`.
    """
    stops = subject == operations.STOP
    asked = person.model_copy(update={"unconfirmed": ()}) if stops else person
    require(engine, asked, "hold", subject, at_utc, _where(city, person, subject))
    told = reason.strip() if stops else _reason(f"hold on {subject}", reason)
    operations.place_hold(engine, subject, person.name, at_utc, told, until_utc, setpoint)
    _annunciate(engine, city, at_utc)


def release(engine: Engine, city: LoadedCity, person: Person, subject: str, at_utc: datetime) -> int:
    """Release every hold on a subject; returns how many. Raises `PenstockError` without the role or the district.

    The emergency stop is released by somebody who has the whole city.
    """
    require(engine, person, "release", subject, at_utc, None if subject == operations.STOP else _where(city, person, subject))
    count = operations.release_hold(engine, subject, person.name, at_utc)
    _annunciate(engine, city, at_utc)
    return count


def _annunciate(engine: Engine, city: LoadedCity, at_utc: datetime) -> None:
    """Show holds and commands on the alarm list at once; what stands on readings comes with the next round."""
    from service.alarms.refresh import refreshed

    refreshed(engine, city, at_utc, ("control",))


def ask(engine: Engine, person: Person, kind: Action, at_utc: datetime, detail: dict[str, Any]) -> int:
    """Put a request in the queue of `penstock work`; returns its id. Raises `PenstockError` without the role."""
    require(engine, person, kind, "the plan", at_utc, NOWHERE if kind in PROPOSING else None)
    return operations.ask(engine, kind, person.name, at_utc, detail)


def enter_event(engine: Engine, city: LoadedCity, person: Person, entry: Entry, at_utc: datetime) -> int:
    """Tell the forecast of a known event; returns its number. Raises `PenstockError` without the role, the district, or for what is wrong
    with it."""
    require(engine, person, "event", entry.subject, at_utc, _where(city, person, entry.subject))
    return known_events.enter(engine, city, entry, person.name, at_utc)


def enter_events(
    engine: Engine, city: LoadedCity, person: Person, entries: Sequence[Entry], at_utc: datetime, source: tuple[str, str]
) -> tuple[int, int]:
    """Tell the forecast of many events, found right before, in one transaction. Returns how many are new, and how many were there.

    `source` is the name of the file that told them and its SHA-256: one line of the audit beside that of each event.
    One that was entered before is left alone, unless it was cancelled before its end. Raises `PenstockError` without the role or one of
    the districts.
    """
    for entry in entries:
        require(engine, person, "event", entry.subject, at_utc, _where(city, person, entry.subject))
    with writing(engine) as connection:
        alone(connection, t.known_event)  # two files at once would each find the other's events new
        there = {known_events.key(entry) for entry in known_events.entered(connection)}
        new = [entry for entry in entries if known_events.key(entry) not in there]
        for entry in new:
            known_events.add(connection, city, entry, person.name, at_utc)
        name, digest = source
        told = f"{name}: {len(new)} of {len(entries)} events are new; SHA-256 {digest}"
        operations.record(connection, at_utc, person.name, "take events", name[:80], told)
    return len(new), len(entries) - len(new)


def cancel_event(
    engine: Engine, city: LoadedCity, person: Person, event_id: int, at_utc: datetime, reason: str, *, never_happened: bool = False
) -> str:
    """End a known event now, or before it began; returns what that means. Raises `PenstockError` without role, district or reason."""
    subject = known_events.subject_of(engine, event_id)
    require(engine, person, "event", f"event {event_id}", at_utc, _where(city, person, subject))
    return known_events.cancel(engine, event_id, person.name, at_utc, reason, never_happened=never_happened)


def tell_dug(engine: Engine, person: Person, case_id: str, pipe: str, at_utc: datetime, note: str, *, found: bool) -> str:
    """Enter what a crew found at a pipe; returns it as a sentence. Raises `PenstockError` without the role or the case's DMA, and for a
    wrong case or pipe."""
    require(engine, person, "leak", case_id, at_utc, districts_of_leak(engine, case_id))
    return told.dug(engine, case_id, pipe, person.name, at_utc, note.strip(), found=found)


def tell_repaired(engine: Engine, person: Person, case_id: str, at_utc: datetime, note: str, ended_utc: datetime | None = None) -> str:
    """Close a leak case as repaired, now or at `ended_utc`; returns what that means. Raises `PenstockError` without the role or the case's
    DMA, and for a closed case."""
    require(engine, person, "leak", case_id, at_utc, districts_of_leak(engine, case_id))
    return told.repaired(engine, case_id, person.name, at_utc, ended_utc or at_utc, note.strip())


def tell_valve(
    engine: Engine,
    city: LoadedCity,
    known: Collection[str],
    person: Person,
    valve: str,
    state: str,
    turns: float | None,
    at_utc: datetime,
    note: str,
) -> str:
    """Enter how a valve was found; returns it as a sentence.

    Raises `PenstockError` without the role or the DMA, and for an unknown valve.
    """
    require(engine, person, "valve", valve, at_utc, _where(city, person, valve))
    return valve_states.tell(engine, known, valve, state, turns, person.name, at_utc, note.strip())


def _where(city: LoadedCity, person: Person, subject: str) -> frozenset[str] | None:
    """The districts of a subject, looked up only for somebody who is bound to some."""
    return districts_of(city, subject) if person.districts or subject == operations.STOP else None
