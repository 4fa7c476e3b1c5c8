"""`penstock notices ...` and `penstock run-report`: what is told outside, and what a night leaves to read."""

from datetime import date as Date
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Mails and webhooks about nights and alarms: what waits, test, retry.")


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="also those that were delivered")] = False, city: City = None, now: Now = None
) -> None:
    """Show the notices that wait or were given up, each with what its server said."""
    from zoneinfo import ZoneInfo

    from service.cli import environment, moment
    from service.notices.listing import lines
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    moment(now)
    loaded, engine = load(env), open_store(env.url)
    for line in lines(engine, ZoneInfo(loaded.settings.city.time_zone), everything=everything):
        typer.echo(line)


@app.command("test")
def try_out(
    channel: Annotated[str, typer.Argument(help="id in [[notify]]")],
    city: City = None,
    now: Now = None,
) -> None:
    """Send a test over a channel of [[notify]] now, and say what the server answered."""
    from service.cli import environment, moment
    from service.notices.delivering import try_out as sent
    from service.settings import load

    env = environment(city)
    typer.echo(sent(load(env), channel, moment(now)))


@app.command()
def retry(
    channel: Annotated[str | None, typer.Option("--channel", help="of this channel only")] = None, city: City = None, now: Now = None
) -> None:
    """Send now what waits or was given up. What fails again after its day is given up again."""
    from service.cli import environment, finish, moment
    from service.notices import outbox
    from service.notices.delivering import deliver
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    loaded, engine = load(env), open_store(env.url)
    count = outbox.again(engine, at, channel)
    made = deliver(engine, loaded, at, most=max(count, 1), seconds=600)
    typer.echo(f"{made.sent} of {count} delivered")
    for problem in made.problems:
        typer.echo(str(problem), err=True)
    finish("problems" if made.sent < count else "done")


def run_report(
    city: City = None,
    now: Now = None,
    date: Annotated[str | None, typer.Option("--date", help="the night, YYYY-MM-DD; the newest one when not given")] = None,
    language: Annotated[str | None, typer.Option("--language", help="en or zh; both when not given")] = None,
) -> None:
    """Write the report of a night again (HTML and JSON) and print the paths. The same store gives the same bytes."""
    from city.problems import fault
    from service.cli import environment, moment
    from service.run_report.document import last_run
    from service.run_report.words import LANGUAGES
    from service.run_report.writing import write
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    moment(now)
    if language is not None and language not in LANGUAGES:
        raise fault("--language", f"'{language}'", " or ".join(LANGUAGES), "Choose one of these.")
    loaded, engine = load(env), open_store(env.url)
    night = _night(date)
    if night is None:
        newest = last_run(engine, env.city_id)
        if newest is None:
            raise fault("run report", "no night has run yet", "a night", "Run `penstock night` first.")
        night = newest.night
    for path in write(engine, loaded, night, [language] if language else LANGUAGES):
        typer.echo(str(path))


def _night(date: str | None) -> "Date | None":
    from city.problems import fault

    try:
        return datetime.strptime(date, "%Y-%m-%d").date() if date else None  # noqa: DTZ007 - a civil date
    except ValueError:
        raise fault("--date", f"'{date}'", "a date such as 2022-06-16", "Correct it.") from None
