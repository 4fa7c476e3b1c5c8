"""What a person may decide, asked again where it is written: a page that hides a button is no lock."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from city.problems import fault
from service import known_events, valve_states
from service.access.roles import MAY, NOWHERE, WHOLE_CITY, Action, Person, Role, may, reaches, roles_for
from service.access.sign_in import known
from service.known_events import Entry
from service.leakage import told
from service.settings import LoadedCity
from service.store import operations

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


def _reason(subject: str, reason: str) -> str:
    if not reason.strip():
        raise fault(subject, "no reason", "a reason in a few words", "Say why, for the audit trail.")
    return reason.strip()


def approve(engine: Engine, person: Person, plan_id: str, at_utc: datetime, reason: str) -> int:
    """Approve a plan or an isolation; returns how many commands that released, 0 when a second person must approve too.

    Raises `PenstockError` without the role or current commands, and for a second approval by the same person.
    """
    require(engine, person, "approve", plan_id, at_utc)
    return operations.approve(engine, plan_id, person.name, at_utc, reason.strip())


def hold(engine: Engine, person: Person, subject: str, at_utc: datetime, reason: str) -> None:
    """Hold an asset or point, or everything with `operations.STOP`. Raises `PenstockError` without the role or a reason.

    The emergency stop alone needs no reason: nobody should have to type before it.
    """
    require(engine, person, "hold", subject, at_utc)
    told = reason.strip() if subject == operations.STOP else _reason(f"hold on {subject}", reason)
    operations.place_hold(engine, subject, person.name, at_utc, told)


def release(engine: Engine, person: Person, subject: str, at_utc: datetime) -> int:
    """Release every hold on a subject; returns how many. Raises `PenstockError` without the role."""
    require(engine, person, "release", subject, at_utc)
    return operations.release_hold(engine, subject, person.name, at_utc)


def ask(engine: Engine, person: Person, kind: Action, at_utc: datetime, detail: dict[str, Any]) -> int:
    """Put a request in the queue of `penstock work`; returns its id. Raises `PenstockError` without the role."""
    require(engine, person, kind, "the plan", at_utc)
    return operations.ask(engine, kind, person.name, at_utc, detail)


def enter_event(engine: Engine, city: LoadedCity, person: Person, entry: Entry, at_utc: datetime) -> int:
    """Tell the forecast of a known event; returns its number. Raises `PenstockError` without the role or for what is wrong with it."""
    require(engine, person, "event", entry.subject, at_utc)
    return known_events.enter(engine, city, entry, person.name, at_utc)


def cancel_event(engine: Engine, person: Person, event_id: int, at_utc: datetime, reason: str) -> str:
    """End a known event now, or before it began; returns what that means. Raises `PenstockError` without the role or a reason."""
    require(engine, person, "event", f"event {event_id}", at_utc)
    return known_events.cancel(engine, event_id, person.name, at_utc, reason)


def tell_dug(engine: Engine, person: Person, case_id: str, pipe: str, at_utc: datetime, note: str, *, found: bool) -> str:
    """Enter what a crew found at a pipe; returns it as a sentence. Raises `PenstockError` without the role or for a wrong case or pipe."""
    require(engine, person, "leak", case_id, at_utc)
    return told.dug(engine, case_id, pipe, person.name, at_utc, note.strip(), found=found)


def tell_repaired(engine: Engine, person: Person, case_id: str, at_utc: datetime, note: str) -> str:
    """Close a leak case as repaired now; returns what that means. Raises `PenstockError` without the role or for a closed case."""
    require(engine, person, "leak", case_id, at_utc)
    return told.repaired(engine, case_id, person.name, at_utc, at_utc, note.strip())


def tell_valve(
    engine: Engine, known: Collection[str], person: Person, valve: str, state: str, turns: float | None, at_utc: datetime, note: str
) -> str:
    """Enter how a valve was found; returns it as a sentence. Raises `PenstockError` without the role or for an unknown valve."""
    require(engine, person, "valve", valve, at_utc)
    return valve_states.tell(engine, known, valve, state, turns, person.name, at_utc, note.strip())
