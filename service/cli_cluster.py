"""`penstock cluster ...`: a night on several machines. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A night on several machines: scheduler and workers.")


@app.callback()
def cluster() -> None:
    """A night on several machines: scheduler and workers."""


@app.command()
def scheduler(
    city: City = None,
    now: Now = None,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; others than this machine's ask for certificates")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port to listen on; 0: a free one")] = 8786,
) -> None:
    """Hand out the work of nights to workers; runs until stopped."""
    from service.cli import environment, moment
    from service.cluster.serving import schedule

    moment(now)
    schedule(environment(city), host, port)


@app.command()
def worker(
    address: Annotated[str, typer.Argument(help="of the scheduler: tls://host:port, or tcp:// on this machine")],
    city: City = None,
    now: Now = None,
) -> None:
    """Work for a scheduler, one task at a time; runs until stopped. City file and database are this machine's own."""
    from service.cli import environment, finish, moment
    from service.cluster.serving import serve

    moment(now)
    finish("done" if serve(environment(city), address) else "failed")


@app.command()
def workers(city: City = None, now: Now = None) -> None:
    """List the workers of the scheduler that [night] workers names."""
    from city.problems import fault
    from service.cli import environment, moment
    from service.cluster.connecting import workers_of
    from service.settings import load

    env = environment(city)
    moment(now)
    named = load(env).settings.night.workers
    if not isinstance(named, str):
        raise fault("night.workers", f"{named}", "the address of a scheduler", "Nothing to list: the night works on this machine alone.")
    for one in workers_of(env, named) or ["no worker"]:
        typer.echo(one)
