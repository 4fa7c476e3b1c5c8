"""Calling an event: only what the programme's rules allow, and by two people where it is large."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, Engine, select

from city.clock import as_utc, grid, local, local_date
from city.problems import PenstockError, Problem, fault
from optimisation.assets.demand_response import DemandResponse
from optimisation.response.programme import Programme
from service import schema as t
from service.response import events
from service.response.events import Record
from service.settings import LoadedCity
from service.store import writing
from service.store.operations import record, record_refusal, spelled_alike

STEP = timedelta(minutes=15)


def call(engine: Engine, city: LoadedCity, event_id: int, who: str, at_utc: datetime, reason: str) -> str:
    """Announce a proposed event; returns what came of it. Called again by the same person it changes nothing.

    Raises `PenstockError`: not proposed any more, too late, against the programme's rules, or by somebody who is no operator where
    two operators must agree.
    """
    with engine.connect() as connection:
        found = events.one(connection, event_id)
    if found.state == "announced":
        return f"event {event_id} was announced before, nothing changed"
    if found.state == "cancelled":
        raise fault(f"event {event_id}", "cancelled", "a proposed event", "Plan again, or enter another.")
    asset = events.require_participant(city, found.asset_id)
    problems = broken_rules(engine, city, asset, found.start_utc, found.end_utc or found.start_utc, at_utc, event_id)
    _require_allowed(engine, who, at_utc, problems)
    with writing(engine) as connection:
        return _agreed(connection, found, who, at_utc, reason)


def _agreed(connection: Connection, found: Record, who: str, at_utc: datetime, reason: str) -> str:
    subject, a = f"event-{found.event_id}", t.approval
    agreed = set(connection.execute(select(a.c.who).where(a.c.plan_id == subject)).scalars())
    if spelled_alike(who) not in set(map(spelled_alike, agreed)):
        connection.execute(a.insert().values(plan_id=subject, who=who, at_utc=at_utc, reason=reason.strip(), commands=0))
        agreed.add(who)
    if len(agreed) < found.approvals_needed:
        told = f"event {found.event_id} is called once, by {who}; a second operator must call it too before it is announced"
    else:
        events.change(connection, found.event_id, {"state": "announced", "announced_utc": at_utc, "who": ", ".join(sorted(agreed))})
        told = f"event {found.event_id} of {found.asset_id} is announced, called by {', '.join(sorted(agreed))}"
    record(connection, at_utc, who, "response call", str(found.event_id), told + (f": {reason.strip()}" if reason.strip() else ""))
    return told


def enter(
    engine: Engine,
    city: LoadedCity,
    asset_id: str,
    start: datetime,
    end: datetime,
    kw: float | None,
    who: str,
    at_utc: datetime,
    reason: str,
) -> str:
    """Enter an event of a person's own and call it; `kw` is what the asset offers when not given. Raises as `call`."""
    asset = events.require_participant(city, asset_id)
    first, last, asked = as_utc(start), as_utc(end), asset.offered_kw if kw is None else kw
    subject = f"event of {asset_id}"
    if last <= first:
        raise fault(subject, "does not end after it begins", "an end after the start", "Correct the times.")
    if not 0 < asked <= asset.offered_kw:
        raise fault(subject, f"{asked:g} kW", f"above 0, at most the offered {asset.offered_kw:g} kW", "Ask for what is offered.")
    limit = city.settings.four_eyes.change_above_kw
    values = {
        "programme": asset.programme,
        "asset_id": asset_id,
        "signal": "reduce_kw",
        "state": "proposed",
        "origin": "operator",
        "made_at_utc": at_utc,
        "approvals_needed": 2 if limit is not None and asked > limit else 1,
        "who": who,
        "reason": reason.strip() or "called by hand",
    }
    mine = (events.e.c.origin == "operator") & (events.e.c.asset_id == asset_id) & (events.e.c.start_utc == first)
    same = [r for r in events.records(engine, mine, events.e.c.state != "cancelled") if r.end_utc == last and r.amounts[0][2] == asked]
    if not same:
        _require_allowed(engine, who, at_utc, broken_rules(engine, city, asset, first, last, at_utc))
        with writing(engine) as connection:
            number = events.add(connection, values, [(first, last, asked)])
    return call(engine, city, same[0].event_id if same else number, who, at_utc, reason)


def _require_allowed(engine: Engine, who: str, at_utc: datetime, problems: list[Problem]) -> None:
    """Raises `PenstockError` with what speaks against a call, and keeps the refusal in the audit trail."""
    if problems:
        refused = PenstockError(problems)
        record_refusal(engine, at_utc, who, "response call", refused)
        raise refused


def broken_rules(
    engine: Engine, city: LoadedCity, asset: DemandResponse, start: datetime, end: datetime, at_utc: datetime, event_id: int = 0
) -> list[Problem]:
    """What speaks against calling an asset from start to end: notice, length, hours, season, enrolment, events left, another event."""
    programme, zone = events.programmes(city)[asset.programme], city.settings.city.time_zone
    subject = f"event {event_id} of {asset.id}" if event_id else f"event of {asset.id}"
    told = _timing(programme, start, end, at_utc, zone, subject)
    day = local_date(start, zone)
    if not asset.enrolled_on(day):
        told.append(Problem(subject, f"not enrolled on {day}", f"a day of its enrolment in {programme.id}", "Choose another day."))
    in_season, today = events.left(engine, city, asset, day)
    for left, most, span in ((in_season, programme.events_per_season, "season"), (today, programme.events_per_day, "day")):
        if left == 0:
            told.append(Problem(subject, f"the {most} events of the {span} are used", f"at most {most} a {span}", "Choose another day."))
    rest = timedelta(hours=programme.rebound_h)
    for other in events.held(engine, asset.id, day - timedelta(days=1), local_date(end + rest, zone), zone):
        if other.event_id != event_id and other.start_utc < end + rest and start < (other.ends_utc or end) + rest:
            observed = f"event {other.event_id} is under way, or its energy comes back"
            told.append(Problem(subject, observed, "one event at a time", "Cancel one of them."))
    return told


def _timing(programme: Programme, start: datetime, end: datetime, at_utc: datetime, zone: str, subject: str) -> list[Problem]:
    told, hours = [], (end - start).total_seconds() / 3600
    notice = (start - at_utc).total_seconds() / 3600
    if notice < programme.notice_h - 1e-9:
        observed = f"begins {'in' if notice >= 0 else 'before now, by'} {abs(notice):.2f} h"
        told.append(Problem(subject, observed, f"at least {programme.notice_h:g} h notice", "Choose a later start."))
    if not programme.shortest_h - 1e-9 <= hours <= programme.longest_h + 1e-9:
        told.append(Problem(subject, f"{hours:g} h long", f"{programme.shortest_h:g} to {programme.longest_h:g} h", "Change its length."))
    steps = max(1, int(np.ceil((end - start) / STEP)))
    if hours <= 48 and not programme.open_at(local(grid(start, steps, STEP), zone)).all():
        allowed = f"{programme.season_from} to {programme.season_until}, {', '.join(programme.weekdays)}, hours {list(programme.hours)}"
        told.append(Problem(subject, "outside the hours of its programme", allowed, "Choose another time."))
    return told
