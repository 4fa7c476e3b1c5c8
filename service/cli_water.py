"""`penstock water ...`: the water network, what is wrong with it, and what is done with it."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The water network: what is wrong with it, and what is done with it.")


@app.callback()
def water() -> None:
    """Keeps `penstock water check` a command of its own while it is the only one."""


@app.command()
def check(city: City = None) -> None:
    """Tell what in the city's water network and in city.toml's names of it is wrong."""
    from city.problems import fault
    from service import water_names
    from service.cli import environment, finish
    from service.settings import load
    from service.water import water_city

    side = water_city(load(environment(city)))
    if side is None:
        raise fault("city.toml", "no [water]", "a network and its valves", "Add [water].")
    found = list(water_names.problems(side))
    for problem in found:
        typer.echo(str(problem))
    finish("problems" if found else "done")


@app.command()
def balance(
    month: Annotated[str | None, typer.Option("--month", help="local month, as 2026-01; the last whole one when not given")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write the table of the city and every DMA to this file")] = None,
    city: City = None,
) -> None:
    """Show a month's water balance: the IWA table with its 95 % limits, DMAs by recoverable loss, and the loss targets."""
    from service import loss_lines
    from service.cli import environment
    from service.settings import load
    from service.store import open_store
    from service.water import required

    env = environment(city)
    side = required(load(env))
    for line in loss_lines.balance(open_store(env.url), side, month, csv):
        typer.echo(line)


@app.command()
def pressure_what_if(
    zone: Annotated[str, typer.Argument(help="DMA whose inlet gets a pressure-reducing valve")],
    setting: Annotated[float, typer.Argument(help="average pressure it is set to leave in the DMA [m]")],
    city: City = None,
    now: Now = None,
) -> None:
    """Tell what a lower pressure in a DMA would save in a year: water, bursts, electricity, carbon, money."""
    from service import loss_lines
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store
    from service.water import required

    env = environment(city)
    side = required(load(env))
    for line in loss_lines.pressure(open_store(env.url), side, zone, setting, moment(now)):
        typer.echo(line)
