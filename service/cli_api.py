"""`penstock api` and `penstock api token`: the read-only JSON API. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]
app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Answer the read-only JSON API (docs/openapi.json), or make a token for it.",
)


@app.callback()
def api(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="address to listen on; TLS is needed for any but this machine's own")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one")] = 8600,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="certificate chain (PEM)")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="its private key (PEM)")] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=0, max=65535, help="serve /metrics and /health on this loopback port as well")
    ] = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Answer the read-only JSON API until stopped; `penstock api token` makes a token for it."""
    if context.invoked_subcommand is not None:
        return
    from service.api.serving import serve
    from service.cli import environment, moment

    at = moment(now) if now else None
    serve(environment(city), host, port, certificate, key, at, metrics_port)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="who asks with it: lower-case letters, digits and -")],
    scope: Annotated[
        str, typer.Option("--scope", help="city, readings, forecasts, plans, statements, operations, targets, households; commas between")
    ] = "",
    zones: Annotated[
        str, typer.Option("--zones", help="zones or sites it is bound to, commas between; the whole city when not given")
    ] = "",
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="how long it is good")] = 365,
    city: City = None,
    now: Now = None,
) -> None:
    """Make a token: printed this once, with the [[api_tokens]] entry that holds its hash."""
    from service.api.tokens import made
    from service.cli import environment, moment
    from service.settings import load

    scopes, districts = ([one.strip() for one in told.split(",") if one.strip()] for told in (scope, zones))
    for line in made(load(environment(city)), name, scopes, districts, days, moment(now)):
        typer.echo(line)
