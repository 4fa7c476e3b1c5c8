"""`penstock night`. Heavy imports live inside the command."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


Date = Annotated[str | None, typer.Option("--date", help="the night of this local date again, at the time of its first run")]
Again = Annotated[
    list[str] | None,
    typer.Option("--again", help="do this finished step again, or all of them: plans get a new number, the ledger restates"),
]
Dry = Annotated[bool, typer.Option("--dry-run", help="compute all of it on a copy, write nothing, and say what would be written")]


def night(city: City = None, now: Now = None, date: Date = None, again: Again = None, dry_run: Dry = False) -> None:
    """Run, or resume, the night: validate, forecast, plan, leaks, ledger, targets."""
    from service.cli import environment, finish, moment
    from service.nightly import run_night

    finish(run_night(environment(city), moment(now), date, again or (), dry_run=dry_run))
