"""Which posted days know more by now, and which accounts that touches; and, asked for, a restatement of a whole period."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Engine

from carbon.accounts import own_supply
from city.clock import civil_day, local_date
from city.problems import fault
from service.books import roots
from service.books.closing import span
from service.books.posting import Posting
from service.books.signing import signer
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import due, ledger, operations, writing
from service.store.meter_days import Day
from service.turn import turn


class Span(NamedTuple):
    """Civil days that follow each other and have a newer version for the same reasons."""

    days: list[Day]
    reason: str
    points: set[str]


def spans(city: LoadedCity, rows: Iterable[Any], before: datetime) -> list[Span]:
    """The days of `service.store.due.noted` before a time, oldest first."""
    zone = city.settings.city.time_zone
    found: list[Span] = []
    for start, some in groupby(rows, key=lambda row: row.day_start_utc):
        if start >= before:
            continue
        noted = list(some)
        day = civil_day(local_date(start, zone), zone)
        reason, points = "; ".join(dict.fromkeys(row.reason for row in noted)), {row.point_id for row in noted}
        last = found[-1] if found else None
        if last and last.days[-1][1] == day[0] and last.reason == reason:
            last.days.append(day)
            last.points.update(points)
        else:
            found.append(Span([day], reason, points))
    return found


def touched(city: LoadedCity, points: set[str]) -> set[str]:
    """Ids of the accounts whose entries may change with the usage of some points: theirs, and what is derived from them."""
    accounts = {account.id: account for account in city.settings.accounts}
    found = {name for name, account in accounts.items() if account.point in points}
    found |= {name for name, account in accounts.items() if account.kind in ("grid-loss", "water-loss", "water-loss-energy")}
    for plants, consumers in own_supply.pools(city.settings.accounts):
        if found & {*plants, *consumers}:
            found.update(consumers)
    within = list(found)
    while within:  # what a sub-meter saw is taken off its main meter, and so on upwards
        main = accounts[within.pop()].within
        if main in accounts and main not in found:
            found.add(main)
            within.append(main)
    return found


def restate_period(engine: Engine, city: LoadedCity, person: Person, period: str, at_utc: datetime, reason: str) -> list[str]:
    """Hold every posted day of a month or year against its usage, the accounts and the factors as they are now. Returns sentences.

    For what the night cannot see: a bill that came, an account or a factor that was corrected. Raises `PenstockError` without the role
    or a reason, for a period of which nothing is posted, and while a night or another one's deed lasts.
    """
    require(engine, person, "restate", f"period {period}", at_utc)
    if not reason.strip():
        raise fault("--reason", "missing", "why the period is restated", "Say it; it stays with the entries.")
    zone = city.settings.city.time_zone
    start, end = span(period, zone)
    with turn(engine, city.folder, "restatement", f"period {period}") as store:
        rows = ledger.heads(engine)
        if rows:
            start = max(start, civil_day(min(row.first_day for row in rows), zone)[0])
            end = min(end, civil_day(max(row.last_day for row in rows), zone)[1])
        if not rows or end <= start:
            raise fault(f"period {period}", "nothing is posted of it", "a posted period", "Wait for the night that posts it.")
        noted = [row for row in due.noted(engine) if start <= row.day_start_utc < end]
        made = Posting(engine, city, at_utc)
        for days in made.chunks(_days(start, end, zone)):
            made.restate(days, reason.strip())
        told = [f"batch {one.header.number}: {one.header.rows} entries, {one.tonnes:+,.6f} t CO2e" for one in made.made]
        told = told or [f"{period}: every entry is as it would be posted now"]
        sign, problems = signer(city.environment)
        with writing(store) as connection:
            made.list(connection, sign)
            due.settle(connection, noted)
            operations.record(connection, at_utc, person.name, "restate", f"period {period}", f"{'; '.join(told)}; {reason.strip()}")
        problems += made.problems + roots.publish(engine, city)[1]
    return told + [str(problem) for problem in problems]


def _days(start: datetime, end: datetime, zone: str) -> list[Day]:
    days: list[Day] = []
    while start < end:
        days.append(civil_day(local_date(start + timedelta(hours=12), zone), zone))
        start = days[-1][1]
    return days
