"""`penstock forecast ...`: what people tell the forecasts and ask of them. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

from service import cli_events

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Known events, weather and models of the forecasts."
)


@app.callback()
def forecast() -> None:
    """Known events, weather and models of the forecasts."""


weather_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Files of a weather service, and how old the newest is.")
app.add_typer(weather_app, name="weather")
app.add_typer(cli_events.app, name="event")


@weather_app.command("import")
def weather_import(
    file: Annotated[Path, typer.Argument(help="CSV (issued_at, time, variable, value) or JSON with hourly arrays")],
    source: Annotated[str | None, typer.Option("--source", help="which of [[weather]] it comes from, where there are several")] = None,
    archive: Annotated[bool, typer.Option("--archive", help="an archive: believe its times of issue, though it arrives now")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Take in one file of measured or forecast weather; what is stored already is left alone."""
    from service import weather
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in weather.imported(open_store(env.url), load(env), file, source, moment(now), archive):
        typer.echo(line)


@weather_app.command("status")
def weather_status(city: City = None, now: Now = None) -> None:
    """How old the newest weather forecast is, how far it reaches and what it tells."""
    from service import weather
    from service.cli import environment, finish, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    told, problems = weather.state(open_store(env.url), load(env), moment(now))
    for line in (*told, *problems):
        typer.echo(str(line))
    finish("problems" if problems else "done")


@app.command()
def models(
    every: Annotated[bool, typer.Option("--all", help="also those that were refused or retired")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """The machines that answer: their group, age, what they learned from, and why they went live."""
    from service.cli import environment, moment
    from service.forecasts.listing import page
    from service.store import open_store

    env = environment(city)
    for line in page(open_store(env.url), moment(now), every=every):
        typer.echo(line)


@app.command("now")
def now_(hours: Annotated[int, typer.Option("--hours", help="how far ahead [h]")] = 48, city: City = None, now: Now = None) -> None:
    """Ask the live machines at this time of day, with what was read today; nothing is trained, the night's forecasts stay."""
    from service.cli import environment, finish, moment
    from service.forecasts.refreshing import refresh
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    told, problems = refresh(load(env), open_store(env.url), moment(now), hours)
    for line in (told, *problems):
        typer.echo(str(line))
    finish("problems" if problems else "done")


@app.command()
def recompute(
    series: Annotated[str | None, typer.Argument(help="one series; all of the night when not given")] = None,
    night: Annotated[str, typer.Option("--night", help="date of the night, e.g. 2025-03-01")] = "",
    city: City = None,
    now: Now = None,
) -> None:
    """Make stored forecasts again from their machine and what was known then; says whether they are the same to the last bit."""
    from service.cli import environment, finish, moment
    from service.forecasts.recomputing import night_of, recompute
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    moment(now)
    told, same = recompute(load(env), open_store(env.url), night_of(night), series)
    typer.echo("\n".join(told))
    finish("done" if same else "problems")


@app.command()
def backtest(
    origins: Annotated[int, typer.Option("--origins", help="daily origins, the last one two days ago")] = 7,
    series: Annotated[list[str] | None, typer.Option("--series", help="only this one; may be given several times")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write the table there as well")] = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Skill over rolling origins, each seeing only what was known at it, against seasonal naive and the profile."""
    from service import asked_files
    from service.cli import environment, moment
    from service.forecasts.backtesting import backtest, page
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded, engine, at = load(env), open_store(env.url), moment(now)
    found = backtest(loaded, engine, origins, series or [], at)
    if csv is not None:
        asked_files.write_table(csv, found)
    for line in page(found):
        typer.echo(line)
