"""Events from outside: taken in from a file or a VTN, changed when they change there, cancelled when they are gone there."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from city.problems import PenstockError, Problem, fault
from optimisation.response.programme import Programme
from service.openadr.objects import Addressed, Event, Program, Report, Ven
from service.openadr.settings import Vtn
from service.openadr.signals import OF_AN_ASSET, Asked, asked
from service.response import events, reports
from service.response.events import Record
from service.settings import LoadedCity
from service.store.operations import record

e = events.e


def take(connection: Connection, city: LoadedCity, found: Addressed, who: str, now_utc: datetime, vtn: Vtn | None = None) -> list[str]:
    """Store what an object of OpenADR asks or tells; the same one again changes nothing. Returns a sentence each.

    Raises `PenstockError`: no such programme, payloads or units that cannot be used, an event that names nobody here.
    """
    if isinstance(found, Event):
        return _take_event(connection, city, found, who, now_utc, vtn)
    if isinstance(found, Report):
        return [reports.take(connection, found, now_utc)]
    if isinstance(found, Program):
        known = [p.id for p in city.settings.programmes if p.program_id in (found.id, found.program_name)]
        told = f"is {known[0]} of city.toml" if known else "is not in city.toml: add a table [[programmes]] with openadr_id"
        return [f"program {found.program_name} {told}"]
    name = found.ven_name if isinstance(found, Ven) else ""
    known = [vtn.id for vtn in city.settings.vtns if vtn.ven_name == name]
    return [f"ven {name} is this city at {', '.join(known)}" if known else f"ven {name} is not this city"]


def _take_event(connection: Connection, city: LoadedCity, event: Event, who: str, now_utc: datetime, vtn: Vtn | None) -> list[str]:
    programme = _programme(city, event, vtn)
    vtn = vtn or reports.server_of(city, programme)
    names = [vtn.ven_name, *vtn.groups] if vtn else []
    enrolled = [asset.id for asset in events.participants(city).values() if asset.programme == programme.id]
    subject = f"event {event.id or event.event_name or 'without id'} of {programme.id}"
    found = asked(event, programme, enrolled, names, city.settings.city.currency, now_utc)
    before = {row.foreign_id: row for row in _stored(connection, programme, _id(event))}
    told = [] if found or before else [f"{subject} asks nothing of this city, nothing changed"]
    for one in found:
        key = f"{programme.id}/{_id(event)}/{one.signal}/{one.asset}"
        told += _put(connection, city, before.pop(key, None), key, event, programme, one, who, now_utc)
    for row in before.values():
        if row.state == "announced" and row.state_at(now_utc) != "done":
            told.append(events.cancel(connection, city, row.event_id, who, now_utc, "it is asked no more"))
    return told


def _put(
    connection: Connection,
    city: LoadedCity,
    before: Record | None,
    key: str,
    event: Event,
    programme: Programme,
    one: Asked,
    who: str,
    now_utc: datetime,
) -> list[str]:
    """Store one signal of an event, or change what is stored of it. What is over or was cancelled stays as it was."""
    document = event.to_json()
    values = {
        "document": document,
        "modified_utc": now_utc,
        "reason": _printable(event.event_name) or f"OpenADR event {_id(event)}",
        "who": who,
    }
    if before is None:
        values |= {"programme": programme.id, "asset_id": one.asset, "signal": one.signal, "state": "announced", "origin": "openadr"}
        values |= {"foreign_id": key, "made_at_utc": now_utc, "announced_utc": now_utc}
        number = events.add(connection, values, one.amounts)
        told = events.said(city, events.one(connection, number), now_utc)
    elif before.document == document or before.state == "cancelled":
        return [f"event {before.event_id} is {'cancelled' if before.state == 'cancelled' else 'stored'} already, nothing changed"]
    elif before.state_at(now_utc) == "done":
        return [f"event {before.event_id} is over, the change was not taken"]
    else:
        number = before.event_id
        events.change(connection, number, values, one)
        told = f"event {number} of {one.asset} was changed"
    record(connection, now_utc, who, "response event", str(number), told)
    late = (one.amounts[0][0] - now_utc).total_seconds() / 3600
    if one.signal in OF_AN_ASSET and late < programme.notice_h:
        told += f" (told {max(late, 0):.1f} h before, {programme.notice_h:g} h were agreed)"
    return [told]


def gone(connection: Connection, city: LoadedCity, programme: Programme, listed: Collection[str], who: str, now_utc: datetime) -> list[str]:
    """Cancel what a VTN asked of a programme and lists no more, unless it is over. Returns a sentence each."""
    c = e.c
    rows = connection.execute(events.e.select().where(c.origin == "openadr", c.programme == programme.id, c.state == "announced")).all()
    told = []
    for one in map(events.record_of, rows):
        if (one.document or {}).get("id") not in listed and one.state_at(now_utc) != "done":
            told.append(events.cancel(connection, city, one.event_id, who, now_utc, "the server lists it no more"))
            if now_utc < one.start_utc:  # listed again, e.g. after a fault of the server, it is a new event
                events.change(connection, one.event_id, {"foreign_id": f"{one.foreign_id}/gone-{one.event_id}"})
    return told


def _stored(connection: Connection, programme: Programme, event_id: str) -> Sequence[Record]:
    # startswith escapes what LIKE would read as a wildcard
    where = e.c.foreign_id.startswith(f"{programme.id}/{event_id}/", autoescape=True)
    return [events.record_of(row) for row in connection.execute(e.select().where(where))]


def _programme(city: LoadedCity, event: Event, vtn: Vtn | None) -> Programme:
    fits = [p for p in city.settings.programmes if p.program_id == event.program_id and (vtn is None or p.vtn == vtn.id)]
    if len(fits) != 1:
        known = ", ".join(p.program_id for p in city.settings.programmes) or "none"
        observed = f"program '{event.program_id}' is {'in several' if fits else 'none'} of [[programmes]]"
        raise PenstockError(Problem(f"event {event.id or ''}".strip(), observed, f"one of {known}", "Set openadr_id of the programme."))
    return fits[0]


def _id(event: Event) -> str:
    """Its id at the server; a file without one is known by its content."""
    return event.id or hashlib.sha256(json.dumps(event.to_json(), sort_keys=True).encode()).hexdigest()[:24]


def objects_of(content: Any, subject: str) -> list[Any]:
    """One object, or a list of them. Raises `PenstockError` for an empty list."""
    listed = content if isinstance(content, list) else [content]
    if not listed:
        raise fault(subject, "an empty list", "one OpenADR object or more", "Send events or reports.")
    return listed


def _printable(text: str | None) -> str:
    """What a sender calls its event, fit for a line of a list."""
    return "".join(c if c.isprintable() else " " for c in (text or "")[:200]).strip()
