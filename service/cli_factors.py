"""`penstock carbon factors ...`: which factors there are, and where each is from. Heavy imports live inside."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Emission factors: the shipped sets and the city's own.")


@app.command("list")
def list_(city: City = None) -> None:
    """List the factor sets with publisher, licence, number of factors and hash."""
    from service.books.factor_listing import sets
    from service.cli import environment

    for line in sets(environment(city).factor_folders):
        typer.echo(line)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="words of activity, region (also its name), basis, gas or source; all must be there")],
    region: Annotated[str | None, typer.Option("--region", help="ISO 3166 code, such as CN-ZJ")] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="civil day it must be valid on")] = None,
    city: City = None,
) -> None:
    """Find factors by words."""
    from service.books import factor_listing
    from service.cli import environment

    for line in factor_listing.search(environment(city).factor_folders, words, region, on.date() if on else None):
        typer.echo(line)


@app.command()
def show(factor_id: Annotated[str, typer.Argument(help="id of the factor")], city: City = None) -> None:
    """Show one factor with all that is known of it, and the other years of its series."""
    from service.books import factor_listing
    from service.cli import environment

    for line in factor_listing.one(environment(city).factor_folders, factor_id):
        typer.echo(line)
