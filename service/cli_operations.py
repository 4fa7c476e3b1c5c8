"""`penstock status`, `penstock doctor` and `penstock metrics`: how the service does. Heavy imports live inside the commands."""

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


def doctor(
    city: City = None,
    now: Now = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="without what asks others or computes: links, solver, plan, network, ledger")
    ] = False,
) -> None:
    """Check city file, database, devices, clock, disk, solver, fonts and what runs, and say what to do about each fault."""
    from service.cli import environment, finish, moment
    from service.doctor import examine

    finish(examine(environment(city), moment(now), as_json=as_json, fast=fast))


def metrics(
    city: City = None,
    now: Now = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port to listen on; 0: a free one")] = 9464,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; another one is for the monitoring's own network")
    ] = "127.0.0.1",
) -> None:
    """Serve figures for Prometheus (/metrics) and health (/health/live, /health/ready); runs until stopped."""
    from service.cli import environment, moment
    from service.metrics.serving import serve

    serve(environment(city), host, port, moment(now) if now else None)
