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
