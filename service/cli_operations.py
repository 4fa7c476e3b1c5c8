"""`penstock status` and `penstock doctor`: how the service does. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def status(city: City = None, now: Now = None, as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
    """What runs, what the last night said, what waits for approval, what is abnormal."""
    from service.cli import environment, finish, moment
    from service.status import show

    finish(show(environment(city), moment(now), as_json=as_json))


def doctor(city: City = None, now: Now = None) -> None:
    """Check city file, database, field links, disk and fonts, and say what to do about each fault."""
    from service.cli import environment, finish, moment
    from service.doctor import examine

    finish(examine(environment(city), moment(now)))
