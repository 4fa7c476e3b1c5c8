"""`penstock carbon certificates|matching|enterprise|household ...`. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated, Any

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
Year = Annotated[int, typer.Option("--year", min=2000, max=2100, help="civil year")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept in the audit table")]
Count = Annotated[int | None, typer.Option("--count", min=1, help="certificates of 1 MWh, the lowest free serials")]
First = Annotated[str, typer.Option("--first", help="first serial number, instead of a count")]
Last = Annotated[str, typer.Option("--last", help="last serial number; the first one when not given")]
Household = Annotated[str, typer.Argument(help="site id of the household")]

certificates = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Certificates and contracts: import, retire, sell, list.")
household = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Household books: consent, own book, publications.")


def _opened(city: Path | None) -> tuple[Any, Any, Any]:
    """Environment, checked city and store."""
    from service.cli import environment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    return env, load(env), open_store(env.url)


def _person(env: Any, loaded: Any, who: str | None) -> Any:
    from service import decisions
    from service.cli import operator

    return decisions.known(loaded, operator(env, who))


@certificates.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="the registry's CSV, a lot a row")], who: Who = None, city: City = None, now: Now = None
) -> None:
    """Take in lots of certificates, the whole file or nothing of it."""
    from service.books.instruments import take_in
    from service.cli import moment

    env, loaded, engine = _opened(city)
    for line in take_in(engine, loaded, _person(env, loaded, who), file, moment(now)):
        typer.echo(line)


@certificates.command("list")
def list_(city: City = None) -> None:
    """Every lot, and how many of its certificates are free, retired and sold."""
    from service.books.book_lines import of_lots
    from service.books.instruments import holdings

    for line in of_lots(holdings(_opened(city)[2])):
        typer.echo(line)


@certificates.command()
def retire(
    instrument: Annotated[str, typer.Argument(help="a lot, or a contract of city.toml")],
    period: Annotated[str, typer.Option("--period", help="year 2023, month 2023-05 or hour 2023-05-01T10:00+08:00 whose use it covers")],
    account: Annotated[str, typer.Option("--account", help="electricity account; a contract has its own")] = "",
    count: Count = None,
    first: First = "",
    last: Last = "",
    to: Annotated[str, typer.Option("--to", help="beneficiary, as it stands in the registry")] = "",
    reason: Reason = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Retire certificates for an account, or a contract's month: once and for ever."""
    from service.books.instruments import Use, use
    from service.cli import moment

    env, loaded, engine = _opened(city)
    asked = Use(instrument, reason, account, period or "none", count, first, last, to)  # without a period it would be a sale
    typer.echo(use(engine, loaded, _person(env, loaded, who), asked, moment(now)))


@certificates.command()
def sell(
    lot: Annotated[str, typer.Argument(help="a lot")],
    to: Annotated[str, typer.Option("--to", help="the buyer")],
    count: Count = None,
    first: First = "",
    last: Last = "",
    reason: Reason = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say that certificates were sold: the city cannot claim them any more."""
    from service.books.instruments import Use, use
    from service.cli import moment

    env, loaded, engine = _opened(city)
    asked = Use(lot, reason, count=count, first=first, last=last, beneficiary=to)
    typer.echo(use(engine, loaded, _person(env, loaded, who), asked, moment(now)))


def matching(
    year: Year,
    known: Annotated[str | None, typer.Option("--known", help="as known at this time, ISO 8601 with offset")] = None,
    city: City = None,
) -> None:
    """Scope 2 in both views, and how much of the load was renewable in its very hour."""
    from city.clock import parse_utc
    from service.books.book_lines import of_view
    from service.books.scope2 import year_view

    _, loaded, engine = _opened(city)
    for line in of_view(*year_view(engine, loaded, year, parse_utc(known) if known else None)):
        typer.echo(line)


def enterprise(name: Annotated[str, typer.Argument(help="id in [[enterprises]]")], year: Year, city: City = None, now: Now = None) -> None:
    """The monitoring report of an enterprise in the carbon market: data quality, uncertainty, allowances held and owed."""
    from service.books.book_lines import of_report
    from service.books.enterprise import report_of
    from service.cli import moment

    _, loaded, engine = _opened(city)
    for line in of_report(report_of(engine, loaded, name, year, moment(now))):
        typer.echo(line)


def building(name: Annotated[str, typer.Argument(help="id in [[buildings]]")], year: Year, city: City = None) -> None:
    """The book of a building by month: electricity, water, gas and CO2e, also per square metre and person."""
    from service.books.book_lines import of_building
    from service.books.buildings import book_of

    _, loaded, engine = _opened(city)
    for line in of_building(book_of(engine, loaded, name, year)):
        typer.echo(line)


@household.command()
def consent(
    site: Household,
    owner: Annotated[str, typer.Option("--owner", help="sign-in name of the household's owner, who alone may read its book")],
    since: Annotated[str | None, typer.Option("--since", help="first civil month of the owner's own use; the present one")] = None,
    note: Annotated[str, typer.Option("--note", help="how the consent was given")] = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Record that a household opts in."""
    from service.books import households
    from service.cli import moment

    env, loaded, engine = _opened(city)
    typer.echo(households.give(engine, loaded, _person(env, loaded, who), site, owner, moment(now), note, since))


@household.command()
def withdraw(site: Household, who: Who = None, city: City = None, now: Now = None) -> None:
    """End one's consent; the household's book is deleted."""
    from service.books import households
    from service.cli import moment, operator

    env, _, engine = _opened(city)
    typer.echo(households.withdraw(engine, site, operator(env, who), moment(now)))


@household.command()
def refresh(year: Year, who: Who = None, city: City = None, now: Now = None) -> None:
    """Make the books of a year again, of all households that opted in."""
    from service.books import households
    from service.cli import moment

    env, loaded, engine = _opened(city)
    typer.echo(f"{year}: books of {households.refresh(engine, loaded, _person(env, loaded, who), year, moment(now))} households")


@household.command()
def book(site: Household, who: Who = None, city: City = None, now: Now = None) -> None:
    """One's own book by month: electricity, water, gas and CO2e. For the owner alone."""
    from service.books import households
    from service.books.book_lines import of_household
    from service.cli import moment, operator

    env, _, engine = _opened(city)
    for line in of_household(households.book(engine, site, operator(env, who), moment(now))):
        typer.echo(line)


@household.command()
def publish(
    measure: Annotated[str, typer.Argument(help="energy_kwh, volume_m3, gas_m3 or co2e_kg")],
    period: Annotated[str, typer.Argument(help="a civil month 2023-05, or a year")],
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Totals of many homes by district, with noise; the same question always gets its first answer."""
    from service.books import publications
    from service.books.book_lines import of_release
    from service.cli import moment

    env, loaded, engine = _opened(city)
    for line in of_release(publications.publish(engine, loaded, _person(env, loaded, who), measure, period, moment(now)), measure):
        typer.echo(line)


@household.command()
def published(city: City = None) -> None:
    """Every publication so far, as it may be shown to anybody."""
    from service.books.book_lines import of_release
    from service.books.publications import published as kept

    for measure, period, release in kept(_opened(city)[2]):
        typer.echo(f"{measure} {period}")
        for line in of_release(release, measure):
            typer.echo(f"  {line}")
