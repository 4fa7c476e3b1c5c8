"""`penstock export` and `penstock exchange take`: everything out, and what may come in. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Take tables in that other systems hold.")


def export(
    kinds: Annotated[list[str] | None, typer.Argument(help="kinds, as --list names them; all when none is given")] = None,
    form: Annotated[str, typer.Option("--format", help="csv or parquet")] = "parquet",
    since: Annotated[str | None, typer.Option("--since", help="from here on, ISO 8601 with offset; kinds without a time are whole")] = None,
    until: Annotated[str | None, typer.Option("--until", help="up to here, itself not in it")] = None,
    into: Annotated[Path | None, typer.Option("--into", help="an empty or new folder")] = None,
    show: Annotated[bool, typer.Option("--list", help="only tell what there is to export, and what is withheld and why")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Write what the store holds as CSV or Parquet into a folder, with a manifest of every file's SHA-256 and columns."""
    from city.clock import parse_utc
    from city.problems import fault
    from service.cli import environment, moment
    from service.exchange import exporting

    moment(now)
    if show:
        for line in exporting.listed():
            typer.echo(line)
        return
    if into is None:
        raise fault("--into", "missing", "an empty or new folder", "Name one.")
    first, last = (parse_utc(told) if told else None for told in (since, until))
    for line in exporting.export(environment(city), kinds or [], form, into, first, last):
        typer.echo(line)


@app.callback()
def exchange() -> None:
    """Take tables in that other systems hold."""


@app.command()
def take(
    kind: Annotated[str, typer.Argument(help="readings, history, events, weather or certificates")],
    file: Annotated[Path, typer.Argument(help="CSV (.csv, .csv.gz, .csv.zst) or Parquet")],
    who: Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")] = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Check a whole file, then store it in one transaction, or nothing of it; the same file again changes nothing."""
    from service.cli import environment, moment, person
    from service.exchange.taking import take as taken

    env = environment(city)
    for line in taken(env, person(env, who), kind, file, moment(now)):
        typer.echo(line)
