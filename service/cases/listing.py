"""Cases as lines of text, and who may own one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from service.access.accounts import who_may
from service.cases.figures import figures
from service.cases.states import STATES
from service.cases.store import Case, listed
from service.settings import LoadedCity


def owners(city: LoadedCity, district: str = "") -> list[str]:
    """Who may own a case there: the accounts that may see to one, and the crews; nobody is named where the city has no accounts."""
    able = who_may(city, "case", {district})
    return [*able, *(crew.id for crew in city.settings.crews)] if able else []


def lines(engine: Engine, city: LoadedCity, now_utc: datetime, *, everything: bool = False) -> Iterator[str]:
    """A line per case, what is due first on top; then the figures of every kind."""
    settings, zone = city.settings.cases, ZoneInfo(city.settings.city.time_zone)
    cases = listed(engine, settings, states=STATES)
    shown = [case for case in cases if everything or case.due_utc is not None]
    if not shown:
        yield "no case is open"
    for case in sorted(shown, key=urgency):
        late, owner = case.overdue(now_utc), f", {case.owner}" if case.owner else ""
        due = f"; OVERDUE by {late / timedelta(hours=1):.1f} h" if late else ""
        since = f"{case.since_utc.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        yield f"case {case.case_id}  {case.state}{owner} since {since}{due}  {case.kind} {case.subject}: {case.sentence}"
    for one in figures(cases, now_utc):
        hours = ", ".join(f"{value:.1f} h to {step}" for step, value in one.hours.items() if value is not None)
        false = f", {100 * one.false:.0f} % of {one.rated} rated were nothing" if one.false is not None else ""
        yield f"{one.kind}: {one.open} open, {one.overdue} overdue, {one.ended} ended" + (f"; median {hours}" if hours else "") + false


def urgency(case: Case) -> tuple[bool, float, int]:
    """The order in which cases are to be seen to: the soonest due first, then what has ended, the newest first."""
    due = case.due_utc
    return due is None, due.timestamp() if due else -case.since_utc.timestamp(), case.case_id
