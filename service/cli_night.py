"""`penstock night`. Heavy imports live inside the command."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def night(city: City = None, now: Now = None) -> None:
    """Run, or resume, the night: validate, forecast, plan, leaks, ledger, targets."""
    from service.cli import environment, finish, moment
    from service.nightly import run_night

    finish(run_night(environment(city), moment(now)))
