"""Household books in the store: consent and its withdrawal, the owner's own book, publications over many.

Nobody but the owner named in the consent reads a household's book, whatever the role; people of the utility read publications. Every
refusal is audited, and it sounds the same whether the household exists or not.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import get_args

import pandas as pd
from sqlalchemy import Connection, Engine, delete, func, select

from carbon.household.release import Release, release
from carbon.household.rules import SCALE, Measure
from city.clock import local_date
from city.problems import PenstockError, fault
from service import schema as t
from service.buildings import use_of_sites
from service.decisions import Person, require
from service.instruments import MONTH, month_span
from service.settings import LoadedCity
from service.store import alone, operations, writing

MILLION = 10**6


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


def give(
    engine: Engine, city: LoadedCity, person: Person, household: str, owner: str, at_utc: datetime, note: str, since: str | None = None
) -> str:
    """Record that the owner of a household (a site of the city) opts in; from then on its book may be made.

    `since`: the civil month from which the use is the owner's own, the present one when not given. Raises `PenstockError` without the
    role, for an unknown site, without an owner, while another owner's consent is in force, and for a month in which one was.
    """
    require(engine, person, "consent", household, at_utc)
    zone, subject, owner = city.settings.city.time_zone, f"household '{household}'", owner.strip()
    this_month = f"{local_date(at_utc, zone):%Y-%m}"
    since = since or this_month
    if household not in (sites := [site.id for site in city.settings.sites]):
        raise fault(subject, "no such site", ", ".join(sites[:12]), "Name a site of city.toml.")
    if not 0 < len(owner) <= 80:
        raise fault(subject, "no owner", "the owner's sign-in name, at most 80 characters", "Give --owner.")
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
            gone = connection.execute(delete(t.household_month).where(t.household_month.c.household == household)).rowcount
            _note(connection, household, who, "withdrawn", mine.since, at_utc, who, f"{gone} rows of its book deleted")
            return f"{household}: consent withdrawn, {gone} rows of its book deleted"
    raise _refused(engine, household, who, "consent", at_utc)


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
    consent = consents(engine).get(household)
    if consent is None or consent.owner != who:
        raise _refused(engine, household, who, "book", at_utc)
    c = t.household_month.c
    statement = select(c.month, c.measure, c.amount, c.missing).where(c.household == household).order_by(c.month, c.measure)
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    with writing(engine) as connection:
        operations.record(connection, at_utc, who, "household book", household, f"{who} read the own book")
    return pd.DataFrame([tuple(row) for row in rows], columns=["month", "measure", "amount", "missing"])


def refresh(engine: Engine, city: LoadedCity, year: int) -> int:
    """Make the books of a civil year again from the ledger, of all households whose consent is in force. Returns how many have one."""
    made = use_of_sites(engine, city, year)
    with writing(engine) as connection:
        alone(connection, t.household_consent)  # a withdrawal waits: nothing of a household that has left is written
        open_to = consents(connection)
        begun = made["site"].map({home: consent.since for home, consent in open_to.items()})  # not-a-number without a consent
        rows = made[made["month"] >= begun.fillna("9999-99")].rename(columns={"site": "household"})
        connection.execute(delete(t.household_month).where(t.household_month.c.month.like(f"{year}-%")))
        if len(rows):
            connection.execute(t.household_month.insert(), rows.to_dict("records"))
    return int(rows["household"].nunique())


def publish(engine: Engine, city: LoadedCity, person: Person, measure: str, period: str, at_utc: datetime) -> Release:
    """Totals of a measure by district over a civil month or year that has ended, noisy and k-anonymous, see `carbon.household.release`.

    The same question gets the answer that was given first, for ever: asking again averages no noise away and costs nothing. Raises
    `PenstockError`, audited, without the role, for an unknown measure or a period that goes on, and when a household's
    privacy budget of that year would be overspent: then nothing is published.
    """
    require(engine, person, "publish", measure, at_utc)
    span = _ended(city, period, at_utc)
    if measure not in get_args(Measure):
        raise fault("publication", f"measure '{measure}'", ", ".join(get_args(Measure)), "Correct --measure.")
    name = hashlib.sha256(f"{measure} {period} by district".encode()).hexdigest()
    refresh(engine, city, int(period[:4]))
    try:
        with writing(engine) as connection:
            alone(connection, t.household_release)
            kept = connection.execute(select(t.household_release.c.detail).where(t.household_release.c.release_id == name)).scalar()
            if kept is not None:
                return Release.read(kept)
            made = _made(connection, city, measure, period, span)
            row = {"release_id": name, "measure": measure, "period": period, "detail": made.detail(), "at_utc": at_utc, "who": person.name}
            connection.execute(t.household_release.insert().values(**row))
            _spend(connection, city, name, period)
            told = f"{measure} {period}: {len(made.totals)} districts shown, {len(made.withheld)} withheld, epsilon {made.epsilon}"
            operations.record(connection, at_utc, person.name, "publish households", name, told)
    except PenstockError as error:
        operations.record_refusal(engine, at_utc, person.name, "publish households", error)
        raise
    return made


def published(engine: Engine) -> list[tuple[str, str, Release]]:
    """(measure, period, publication) of all that was published, by period and measure."""
    c = t.household_release.c
    with engine.connect() as connection:
        rows = connection.execute(select(c.measure, c.period, c.detail).order_by(c.period, c.measure)).all()
    return [(row.measure, row.period, Release.read(row.detail)) for row in rows]


def _ended(city: LoadedCity, period: str, at_utc: datetime) -> int:
    """Months of a civil month or year that has ended."""
    last = f"{period}-12" if len(period) == 4 else period
    if not MONTH.fullmatch(last):
        raise fault("publication", f"period '{period}'", "a civil month such as 2023-05, or a year", "Correct --period.")
    if month_span(last, city.settings.city.time_zone)[1] > at_utc:
        raise fault("publication", f"{period} has not ended", "a period that is over", "Publish when it has ended.")
    return 12 if len(period) == 4 else 1


def _made(connection: Connection, city: LoadedCity, measure: str, period: str, span: int) -> Release:
    rules = city.settings.households
    largest = rules.largest_per_month.get(measure)  # type: ignore[call-overload]
    if largest is None:
        raise fault("publication", f"no largest_per_month of {measure}", "a limit for each measure", "Add it to [households].")
    district = {site.id: site.district or "elsewhere" for site in city.settings.sites}
    c = t.household_month.c
    statement = select(c.household, func.sum(c.amount)).where(c.measure == measure, c.month.like(f"{period}%")).group_by(c.household)
    amounts = {row[0]: int(row[1]) for row in connection.execute(statement)}
    values = [(home, district.get(home, "elsewhere"), amounts.get(home, 0)) for home in _members(connection, period)]
    groups = sorted({*district.values(), "elsewhere"})
    return release(values, groups, rules.k, Fraction(rules.epsilon), int(largest * SCALE[measure]) * span)


def _members(connection: Connection, period: str) -> list[str]:
    """The households whose books reach back to the beginning of a period."""
    first = f"{period}-01"[:7]
    return sorted(home for home, consent in consents(connection).items() if consent.since <= first)


def _spend(connection: Connection, city: LoadedCity, name: str, period: str) -> None:
    """Charge every household of the publication; refuse it whole when one of them has not enough left."""
    rules, c, year = city.settings.households, t.household_spent.c, int(period[:4])
    cost, most = int(rules.epsilon * MILLION), int(rules.epsilon_per_year * MILLION)
    statement = select(c.household, func.sum(c.epsilon_millionths)).where(c.year == year).group_by(c.household)
    spent = {row[0]: int(row[1]) for row in connection.execute(statement)}
    homes = _members(connection, period)
    over = [home for home in homes if spent.get(home, 0) + cost > most]
    if over:
        observed = f"{len(over)} households have spent {most / MILLION:g} of epsilon on {year}, or would"
        remedy = "Ask fewer questions of a year; what was published can be read again without cost."
        raise fault("publication", observed, f"at most {rules.epsilon_per_year} a year, {rules.epsilon} each time", remedy)
    if homes:
        rows = [{"household": home, "year": year, "release_id": name, "epsilon_millionths": cost} for home in homes]
        connection.execute(t.household_spent.insert(), rows)
