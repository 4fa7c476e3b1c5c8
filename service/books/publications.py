"""Publications over households in the store: what was asked has one answer, and each costs the households in it of their budget."""

import hashlib
from datetime import datetime
from fractions import Fraction
from typing import get_args

from sqlalchemy import Connection, Engine, func, select

from carbon.household.release import Release, release
from carbon.household.rules import SCALE, Measure
from city.problems import PenstockError, fault
from service import schema as t
from service.books.buildings import use_of_sites
from service.books.households import consents, write_books
from service.books.instruments import MONTH, month_span
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import alone, operations, writing

MILLION = 10**6


def publish(engine: Engine, city: LoadedCity, person: Person, measure: str, period: str, at_utc: datetime) -> Release:
    """Totals of a measure by district over a civil month or year that has ended, noisy and k-anonymous, see `carbon.household.release`.

    The same question gets the answer that was given first, for ever: asking again averages no noise away and costs nothing. Raises
    `PenstockError`, audited, without the role, for an unknown measure or a period that goes on, and when a household's
    privacy budget of that year would be overspent: then nothing is published.
    """
    require(engine, person, "publish", measure, at_utc)
    try:
        return _answered(engine, city, person, measure, period, at_utc)
    except PenstockError as error:
        operations.record_refusal(engine, at_utc, person.name, "publish households", error)
        raise


def _answered(engine: Engine, city: LoadedCity, person: Person, measure: str, period: str, at_utc: datetime) -> Release:
    span = _ended(city, period, at_utc)
    if measure not in get_args(Measure):
        raise fault("publication", f"measure '{measure}'", ", ".join(get_args(Measure)), "Correct the measure.")
    name = hashlib.sha256(f"{measure} {period} by district".encode()).hexdigest()
    with engine.connect() as connection:
        before = _answer(connection, name)
    if before is not None:
        return before
    use = use_of_sites(engine, city, year := int(period[:4]))
    if not use["month"].str.startswith(period).any():  # an answer is for ever: it must not be one to an empty ledger
        raise fault("publication", f"the ledger holds nothing of {period}", "a period that is posted", "Run the night first.")
    write_books(engine, use, person, year, at_utc)
    with writing(engine) as connection:  # answer and charge together, or neither
        alone(connection, t.household_release)
        alone(connection, t.household_consent)  # who is counted is who is charged
        if (before := _answer(connection, name)) is not None:
            return before
        made = _made(connection, city, measure, period, span)
        row = {"release_id": name, "measure": measure, "period": period, "detail": made.detail(), "at_utc": at_utc, "who": person.name}
        connection.execute(t.household_release.insert().values(**row))
        _spend(connection, city, name, period)
        told = f"{measure} {period}: {len(made.totals)} districts shown, {len(made.withheld)} withheld, epsilon {made.epsilon}"
        operations.record(connection, at_utc, person.name, "publish households", name, told)
    return made


def _answer(connection: Connection, name: str) -> Release | None:
    """What was published before as the answer to a question."""
    kept = connection.execute(select(t.household_release.c.detail).where(t.household_release.c.release_id == name)).scalar()
    return None if kept is None else Release.read(kept)


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
    if any(spent.get(home, 0) + cost > most for home in homes):  # how many would tell the size of groups
        observed = f"a household would have spent more than {most / MILLION:g} of epsilon on {year}"
        remedy = "Ask fewer questions of a year; what was published can be read again without cost."
        raise fault("publication", observed, f"at most {rules.epsilon_per_year} a year, {rules.epsilon} each time", remedy)
    if homes:
        rows = [{"household": home, "year": year, "release_id": name, "epsilon_millionths": cost} for home in homes]
        connection.execute(t.household_spent.insert(), rows)
