"""Notes of a shift, and the hand-over: two names, the one who goes and the one who comes. Nothing is ever changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from city.problems import fault
from service import schema as t
from service.access.roles import NOWHERE, Person
from service.decisions import require
from service.settings import LoadedCity
from service.shifts.changes import between, since_utc
from service.store import alone, writing
from service.store.operations import record, spelled_alike

LONGEST = 4000  # characters of a note or a summary


@dataclass(frozen=True)
class Note:
    """What somebody wrote down. `corrects`: the number of the note that it is instead of; `corrected_by`: of the one instead of it."""

    note_id: int
    at_utc: datetime
    who: str
    about: str
    text: str
    corrects: int | None
    corrected_by: int | None = None


@dataclass(frozen=True)
class HandOver:
    """A shift's summary and who took it over, None while nobody has. `changes`: how many lines of each group it stood on."""

    hand_over_id: int
    since_utc: datetime
    at_utc: datetime
    outgoing: str
    text: str
    changes: dict[str, int]
    incoming: str | None = None
    signed_utc: datetime | None = None


def note(engine: Engine, person: Person, at_utc: datetime, text: str, about: str = "", *, corrects: int | None = None) -> int:
    """Write a note, or one that stands instead of another; returns its number. Raises `PenstockError` without the role or a text."""
    require(engine, person, "shift", about or "the shift log", at_utc, NOWHERE)
    n, said = t.shift_note.c, _said("note", text)
    with writing(engine) as connection:
        if corrects is not None:
            alone(connection, t.shift_note)
            _correctable(connection.execute(select(n.note_id, n.corrects)).tuples().all(), corrects)
        row = {"at_utc": at_utc, "who": person.name, "about": about[:120], "text": said, "corrects": corrects}
        number = int((connection.execute(t.shift_note.insert().values(**row)).inserted_primary_key or (0,))[0])
        told = f"note {number}" + (f" instead of {corrects}" if corrects else "")
        record(connection, at_utc, person.name, "shift note", about[:120] or "shift", f"{told}: {said}")
    return number


def _correctable(notes: Any, corrects: int) -> None:
    if corrects not in {number for number, _ in notes}:
        raise fault(f"note {corrects}", "unknown", "the number of a note", "Look at the log again.")
    by = next((number for number, former in notes if former == corrects), None)
    if by is not None:
        raise fault(f"note {corrects}", f"corrected by note {by} already", f"note {by}", "Correct that one.")


def _said(what: str, text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST:
        raise fault(what, f"{len(text.strip())} characters", f"1 to {LONGEST}", "Say it in a few sentences.")
    return text.strip()


def notes(engine: Engine, start_utc: datetime, end_utc: datetime) -> list[Note]:
    """The notes of a span of time, the newest first; corrected ones stand there with the number of the note instead."""
    n = t.shift_note.c
    with engine.connect() as connection:
        rows = connection.execute(select(t.shift_note).where(n.at_utc > start_utc, n.at_utc <= end_utc).order_by(n.note_id.desc())).all()
        numbers = [row.note_id for row in rows]
        instead = connection.execute(select(n.corrects, n.note_id).where(n.corrects.in_(numbers))).tuples()
        by: dict[int, int] = dict(instead.all())
    return [Note(**row._mapping, corrected_by=by.get(row.note_id)) for row in rows]


def hand_over(engine: Engine, city: LoadedCity, person: Person, at_utc: datetime, text: str) -> int:
    """Write the summary of a shift for who comes next; returns its number. Counts what changed since this person took over.

    Raises `PenstockError` without the role or a text, and while this person's former summary waits to be signed.
    """
    require(engine, person, "shift", "the shift", at_utc, NOWHERE)
    said, since = _said("hand-over", text), since_utc(engine, city, at_utc, person.name)
    counted = Counter(change.group for change in between(engine, city, since, at_utc))
    with writing(engine) as connection:
        alone(connection, t.hand_over)
        own = spelled_alike(person.name)
        waits = next((row for row in _waiting(connection) if spelled_alike(row.outgoing) == own), None)
        if waits is not None:
            observed = f"summary {waits.hand_over_id} of {person.name} waits to be signed"
            raise fault("hand-over", observed, "one at a time", "Ask who comes next to sign it; add what is missing as a note.")
        row = {"since_utc": since, "at_utc": at_utc, "outgoing": person.name, "text": said, "changes": dict(counted)}
        number = int((connection.execute(t.hand_over.insert().values(**row)).inserted_primary_key or (0,))[0])
        record(connection, at_utc, person.name, "hand over", f"hand-over {number}", said)
    return number


def sign(engine: Engine, person: Person, at_utc: datetime, hand_over_id: int) -> str:
    """Take over a shift; returns who handed it over. Raises `PenstockError` without the role, to who wrote it, and when it is signed."""
    require(engine, person, "shift", f"hand-over {hand_over_id}", at_utc, NOWHERE)
    h, s = t.hand_over.c, t.hand_over_signed.c
    with writing(engine) as connection:
        row = connection.execute(select(t.hand_over).where(h.hand_over_id == hand_over_id).with_for_update()).first()
        if row is None:
            raise fault(f"hand-over {hand_over_id}", "unknown", "the number of a hand-over", "Look at the log again.")
        if spelled_alike(row.outgoing) == spelled_alike(person.name):
            raise fault(f"hand-over {hand_over_id}", f"{person.name} wrote it", "a second, different person", "Ask who comes next.")
        by = connection.execute(select(s.incoming).where(s.hand_over_id == hand_over_id)).scalar()
        if by is not None:
            raise fault(f"hand-over {hand_over_id}", f"signed by {by} already", "one that waits", "Nothing: the shift is handed over.")
        signed = {"hand_over_id": hand_over_id, "at_utc": max(at_utc, row.at_utc), "incoming": person.name}
        connection.execute(t.hand_over_signed.insert().values(**signed))
        record(connection, at_utc, person.name, "take over", f"hand-over {hand_over_id}", f"{person.name} takes over from {row.outgoing}")
        return str(row.outgoing)


def _waiting(connection: Any) -> Sequence[Any]:
    """The summaries that nobody has signed; two people may hand over at once."""
    h, s = t.hand_over.c, t.hand_over_signed.c
    unsigned: Sequence[Any] = connection.execute(select(t.hand_over).where(h.hand_over_id.not_in(select(s.hand_over_id)))).all()
    return unsigned


def hand_overs(engine: Engine, newest: int = 20) -> list[HandOver]:
    """The newest hand-overs, the newest first."""
    h, s = t.hand_over.c, t.hand_over_signed.c
    both = select(t.hand_over, s.incoming, s.at_utc.label("signed_utc")).outerjoin(t.hand_over_signed, s.hand_over_id == h.hand_over_id)
    with engine.connect() as connection:
        return [HandOver(**row._mapping) for row in connection.execute(both.order_by(h.hand_over_id.desc()).limit(newest))]
