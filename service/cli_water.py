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
