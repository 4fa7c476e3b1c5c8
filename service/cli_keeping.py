"""`penstock backup` and `penstock restore`: what a city cannot make again. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def backup(
    folder: Annotated[Path, typer.Argument(help="new folder for it, best on another machine's disk")], city: City = None, now: Now = None
) -> None:
    """Copy database, cold storage, spool and city file to a folder while everything runs on."""
    from service.backup import back_up
    from service.cli import environment, moment

    typer.echo(back_up(environment(city), folder, moment(now)))


def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that `penstock backup` wrote")],
    city: City = None,
    now: Now = None,
    replace: Annotated[bool, typer.Option("--replace", help="in place of the database that is there")] = False,
) -> None:
    """Check a backup, then put it back: all of it, or nothing."""
    from service.cli import environment, moment
    from service.restoring import restore as put_back

    typer.echo(put_back(environment(city), folder, moment(now), replace=replace))
