"""Cases that open by themselves, once each, and follow what becomes of their sources; and those that a person opens by a click."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from city.problems import fault
from service import schema as t
from service.access.roles import Person
from service.cases.deciding import taken
from service.cases.kinds import Found, Move, kinds
from service.cases.states import OPEN, STEPS
from service.cases.store import SYSTEM, Case, in_states, read
from service.decisions import require
from service.settings import LoadedCity
from service.store import alone, runs, writing
from service.store.operations import record


def open_case(
    connection: Connection,
    kind: str,
    source_id: str,
    subject: str,
    found_utc: datetime,
    sentence: str,
    district: str = "",
    *,
    priority: int = 2,
    facts: dict[str, Any] | None = None,
    who: str = SYSTEM,
) -> int:
    """Open the case of a source and return its number: that of the one it has, if it has one. For a transaction of `writing`."""
    c = t.work_case.c
    alone(connection, t.work_case)  # two who open the same at once: the second finds the first's
    known = connection.execute(select(c.case_id).where(c.kind == kind, c.source_id == source_id)).scalar()
    if known is not None:
        return int(known)
    row = {"kind": kind, "source_id": source_id, "subject": subject, "district": district, "priority": priority, "found_utc": found_utc}
    made = connection.execute(t.work_case.insert().values(**row, sentence=sentence, facts=facts or {}))
    case_id = int((made.inserted_primary_key or (0,))[0])
    first = {"case_id": case_id, "ordinal": 0, "at_utc": found_utc, "who": who, "step": "found", "state": "found"}
    connection.execute(t.case_event.insert().values(**first, owner=None, note="", facts={}))
    record(connection, found_utc, who, "case found", f"case {case_id}", f"{kind} {subject}: {sentence}")
    return case_id


def from_alarm(engine: Engine, person: Person, alarm_id: int, at_utc: datetime) -> int:
    """A case of an alarm, by one click. Returns its number. Raises `PenstockError` without the role or for an unknown alarm."""
    from service.alarms import listing
    from service.alarms.told import told

    found = listing.one(engine, alarm_id)
    if found is None:
        raise fault(f"alarm {alarm_id}", "unknown", "the number of an alarm", "Look at the list of alarms again.")
    require(engine, person, "case", f"alarm {alarm_id}", at_utc, found.districts)
    district = found.district if len(found.districts) == 1 else ""
    own, facts = (found.subject, at_utc, told(found)[0], district), {"alarm": found.kind, "facts": found.facts}
    with writing(engine) as connection:
        return open_case(connection, "alarm", str(alarm_id), *own, priority=found.priority, facts=facts, who=person.name)


def by_hand(engine: Engine, city: LoadedCity, person: Person, kind: str, subject: str, priority: int, at_utc: datetime, text: str) -> int:
    """A case that somebody was told of. Returns its number: that of the one that is open for this subject, if there is one, which then
    has `text` as a note.

    Raises `PenstockError` without the role, for an unknown kind or priority, or when nothing is said.
    """
    from service.access.districts import districts_of

    if kind not in kinds() or priority not in (1, 2, 3):
        raise fault(f"case of {kind}, priority {priority}", "unknown", f"{', '.join(kinds())}; 1, 2 or 3", "Name one of these.")
    subject, text = subject.strip(), text.strip()
    if not text or not 0 < len(subject) <= 120:
        raise fault(f"case of '{subject}'", "nothing said of it", "a subject and a few words", "Say what was found.")
    where = districts_of(city, subject)
    require(engine, person, "case", subject, at_utc, where)
    district = next(iter(where)) if len(where) == 1 else ""
    same = in_states(OPEN) & (t.work_case.c.kind == kind) & (t.work_case.c.subject == subject)
    with writing(engine) as connection:
        alone(connection, t.work_case)
        if running := connection.execute(select(t.work_case.c.case_id).where(same)).scalar():
            return taken(connection, int(running), "note", person.name, at_utc, note=text).case_id
        newest = connection.execute(select(func.max(t.work_case.c.case_id))).scalar() or 0
        source = f"told {newest + 1}"  # it has no source but what was said, and that may be said again
        return open_case(connection, kind, source, subject, at_utc, text, district, priority=priority, who=person.name)


def follow(engine: Engine, city: LoadedCity, now_utc: datetime) -> int:
    """Open what ought to have a case and move what was seen to; returns how many changed. Called again it changes nothing."""
    newest = runs.recent_runs(engine, 1)
    changed, night = 0, bool(newest) and newest[0].now_utc == now_utc  # it makes its round at its own time
    for name, kind in kinds().items():
        if kind.nightly and not night:
            continue
        cases = _recent(engine, city, name, now_utc)
        made = list(kind.changes(engine, city, now_utc, cases))
        moves = [one for one in made if isinstance(one, Move) and any(_follows(one, case) for case in cases)]
        found = _without_a_case(engine, name, [one for one in made if isinstance(one, Found)])
        if moves or found:
            with writing(engine) as connection:
                alone(connection, t.work_case)  # the night and `work` may both be at it
                changed += sum(_moved(connection, city, name, one) for one in moves)
                for one in found:
                    own = (one.source_id, one.subject, one.found_utc, one.sentence, one.district)
                    open_case(connection, name, *own, priority=one.priority, facts=one.facts)
                changed += len(found)
    return changed


def _recent(engine: Engine, city: LoadedCity, kind: str, now_utc: datetime) -> list[Case]:
    """The cases of a kind that have not ended, and those that moved in the last days."""
    settings = city.settings.cases
    moved = select(t.case_event.c.case_id).where(t.case_event.c.at_utc >= now_utc - timedelta(days=settings.bad_meter_days))
    with engine.connect() as connection:
        return read(connection, (t.work_case.c.kind == kind) & (in_states(OPEN) | t.work_case.c.case_id.in_(moved)), settings)


def _without_a_case(engine: Engine, kind: str, found: Sequence[Found]) -> list[Found]:
    c = t.work_case.c
    known = select(c.source_id).where(c.kind == kind, c.source_id.in_([one.source_id for one in found]))
    if not found:
        return []
    with engine.connect() as connection:
        there = set(connection.execute(known).scalars())
    return [one for one in found if one.source_id not in there]


def _follows(move: Move, case: Case) -> bool:
    """Is this move news to the case? It is taken once: a case that people opened again afterwards stays open."""
    told = any(event.step == move.step for event in case.events)
    return case.source_id == move.source_id and case.state in STEPS[move.step].before and not told


def _moved(connection: Connection, city: LoadedCity, kind: str, move: Move) -> bool:
    """Move the case of a source, unless a person was faster."""
    c = t.work_case.c
    where = (c.kind == kind) & (c.source_id == move.source_id)
    connection.execute(select(c.case_id).where(where).with_for_update())
    for case in read(connection, where, city.settings.cases):
        if _follows(move, case):
            by_person = move.who if move.who != SYSTEM else None
            owner = by_person if move.step == "taken" else case.owner or by_person
            taken(connection, case.case_id, move.step, move.who, move.at_utc, owner=owner, note=move.sentence)
            return True
    return False
