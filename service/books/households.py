"""Household books in the store: consent and its withdrawal, and the owner's own book.

Nobody but the owner named in the consent reads a household's book, whatever the role; people of the utility read publications. Every
refusal is audited, and it sounds the same whether the household exists or not.
"""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select

from city.clock import local_date
from city.problems import PenstockError, fault
from service import schema as t
from service.books.buildings import use_of_sites
from service.books.instruments import MONTH
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import alone, operations, writing
from service.store.operations import spelled_alike


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent in force."""

    owner: str
    since: str  # first civil month of the book: what was used before may have been somebody else's


def consents(source: Engine | Connection) -> dict[str, Consent]:
    """{household: consent} of those whose consent is in force."""
    statement = select(t.household_consent).order_by(t.household_consent.c.consent_id)
    if isinstance(source, Engine):
        with source.connect() as connection:
            return consents(connection)
    made: dict[str, Consent] = {}
    for row in source.execute(statement):
        if row.event == "given":
            made[row.household] = Consent(row.owner, row.since)
        else:
            made.pop(row.household, None)
    return made


def of_owner(engine: Engine, owner: str) -> dict[str, Consent | None]:
    """{household: consent} of the households that gave theirs by this owner last; None where it was withdrawn."""
    c = t.household_consent.c
    with engine.connect() as connection:
        last = {row.household: row for row in connection.execute(select(t.household_consent).order_by(c.consent_id))}
    return {name: Consent(row.owner, row.since) if row.event == "given" else None for name, row in last.items() if row.owner == owner}


def give_again(engine: Engine, city: LoadedCity, person: Person, household: str, at_utc: datetime) -> str:
    """The owner, whom a colleague of the utility knew at the first consent, opts in again after withdrawing; from this month on.

    Raises `PenstockError` for anybody but the last owner.
    """
    if household not in of_owner(engine, person.name):
        raise _refused(engine, household, person.name, "consent", at_utc)
    since = f"{local_date(at_utc, city.settings.city.time_zone):%Y-%m}"
    with writing(engine) as connection:
        alone(connection, t.household_consent)
        if household in consents(connection):
            return f"{household}: consent was in force before, nothing changed"
        _note(connection, household, person.name, "given", since, at_utc, person.name, "opted in again")
    return f"{household}: consent of {person.name} recorded, book from {since} on"


def give(
    engine: Engine, city: LoadedCity, person: Person, household: str, owner: str, at_utc: datetime, note: str, since: str | None = None
) -> str:
    """Record that the owner of a household (a site of the city) opts in; from then on its book may be made.

    `since`: the civil month from which the use is the owner's own, the present one when not given. Raises `PenstockError` without the
    role, for an unknown site, without an owner or with the person as one, while another owner's consent is in force, and for a month
    in which one was.
    """
    require(engine, person, "consent", household, at_utc)
    zone, subject, owner = city.settings.city.time_zone, f"household '{household}'", owner.strip()
    this_month = f"{local_date(at_utc, zone):%Y-%m}"
    since = since or this_month
    if household not in (sites := [site.id for site in city.settings.sites]):
        raise fault(subject, "no such site", ", ".join(sites[:12]), "Name a site of city.toml.")
    if not (0 < len(owner) <= 80 and owner.isprintable()):
        raise fault(subject, "no owner, or no name", "the owner's sign-in name, at most 80 characters", "Give --owner.")
    if spelled_alike(owner) == spelled_alike(person.name):  # else any planner could make any household's book the own one
        error = fault(subject, f"{owner} enters a consent of {owner}", "a colleague who enters it", "Ask one.")
        operations.record_refusal(engine, at_utc, person.name, "consent", error)
        raise error
    if not MONTH.fullmatch(since) or since > this_month:
        raise fault(subject, f"since {since}", f"a civil month up to {this_month}", "Correct --since.")
    with writing(engine) as connection:
        alone(connection, t.household_consent)
        other = consents(connection).get(household)
        if other is not None and other.owner == owner:
            return f"{household}: consent of its owner was in force before, nothing changed"
        if other is not None:
            raise fault(subject, "a consent is in force", "one owner", "Withdraw it first.")
        c = t.household_consent.c
        former = (c.household == household, c.owner != owner, c.event == "withdrawn")
        ended = connection.execute(select(func.max(c.at_utc)).where(*former)).scalar()
        if ended is not None and since <= f"{local_date(ended, zone):%Y-%m}":
            raise fault(subject, f"since {since}", "a month after the former owner's last one", "Give a later --since.")
        _note(connection, household, owner, "given", since, at_utc, person.name, note or "opted in")
    return f"{household}: consent of {owner} recorded at {at_utc:%Y-%m-%dT%H:%MZ}, book from {since} on"


def withdraw(engine: Engine, household: str, who: str, at_utc: datetime) -> str:
    """End the consent, by its owner, and delete the household's derived book with it, in one transaction.

    What was published before stays: it is of many and carries noise. What was spent of the privacy budget stays too, under
    the site's name, so that leaving and coming back does not renew it. Raises `PenstockError` for anybody but the owner.
    """
    with writing(engine) as connection:
        alone(connection, t.household_consent)
        mine = consents(connection).get(household)
        if mine is not None and mine.owner == who:
            gone = _forget(connection, t.household_month.c.household == household)
            _note(connection, household, who, "withdrawn", mine.since, at_utc, who, f"{gone} rows of its book deleted")
            return f"{household}: consent withdrawn, {gone} rows of its book deleted"
    raise _refused(engine, household, who, "consent", at_utc)


def _forget(connection: Connection, which: ColumnElement[bool]) -> int:
    """Delete rows of books; returns how many. SQLite overwrites what they held in its file."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    return connection.execute(delete(t.household_month).where(which)).rowcount


def _note(connection: Connection, household: str, owner: str, event: str, since: str, at_utc: datetime, who: str, note: str) -> None:
    row = {"household": household, "owner": owner, "event": event, "since": since, "at_utc": at_utc, "who": who, "note": note}
    connection.execute(t.household_consent.insert().values(**row))
    operations.record(connection, at_utc, who, f"consent {event}", household, note)


def _refused(engine: Engine, household: str, who: str, action: str, at_utc: datetime) -> PenstockError:
    observed, allowed = f"not open to {who}", "a household whose owner's consent is in force, by that owner"
    error = fault(f"household '{household}'", observed, allowed, "Sign in as the owner, or opt in first.")
    operations.record_refusal(engine, at_utc, who, f"household {action}", error)
    return error


def book(engine: Engine, household: str, who: str, at_utc: datetime) -> pd.DataFrame:
    """The owner's own book: month, measure, amount [stored units], missing. Raises `PenstockError` for anybody else."""
    c = t.household_month.c
    statement = select(c.month, c.measure, c.amount, c.missing).where(c.household == household).order_by(c.month, c.measure)
    with writing(engine) as connection:
        alone(connection, t.household_consent)  # the book that is read is the one of the consent that was looked at
        consent = consents(connection).get(household)
        if consent is not None and consent.owner == who:
            operations.record(connection, at_utc, who, "household book", household, f"{who} read the own book")
            rows = [tuple(row) for row in connection.execute(statement)]
            return pd.DataFrame(rows, columns=["month", "measure", "amount", "missing"])
    raise _refused(engine, household, who, "book", at_utc)


def refresh(engine: Engine, city: LoadedCity, person: Person, year: int, at_utc: datetime) -> int:
    """Make the books of a civil year again from the ledger, of all households whose consent is in force. Returns how many have one.

    Raises `PenstockError` without the role.
    """
    require(engine, person, "consent", f"books of {year}", at_utc)
    return write_books(engine, use_of_sites(engine, city, year), person, year, at_utc)


def write_books(engine: Engine, made: pd.DataFrame, person: Person, year: int, at_utc: datetime) -> int:
    """The books of a year out of `made`, the use of all sites, in place of those before. Returns how many households have one."""
    with writing(engine) as connection:
        alone(connection, t.household_consent)  # a withdrawal waits: nothing of a household that has left is written
        open_to = consents(connection)
        begun = made["site"].map({home: consent.since for home, consent in open_to.items()})  # not-a-number without a consent
        rows = made[made["month"] >= begun.fillna("9999-99")].rename(columns={"site": "household"})
        _forget(connection, t.household_month.c.month.like(f"{year}-%"))
        if len(rows):
            connection.execute(t.household_month.insert(), rows.to_dict("records"))
        operations.record(connection, at_utc, person.name, "household refresh", str(year), "books made again from the ledger")
    return int(rows["household"].nunique())
