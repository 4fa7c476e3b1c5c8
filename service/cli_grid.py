"""`penstock grid ...`: the power grid, its state, losses and outages, and what is switched."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The power grid: its state, losses and outages, and what is switched.")


@app.command()
def check(city: City = None) -> None:
    """Tell what is wrong with the network and with what city.toml says about it."""
    from service.cli import environment, finish
    from service.grid import listing
    from service.settings import load

    found = listing.findings(load(environment(city)))
    for problem in found:
        typer.echo(str(problem))
    typer.echo(f"{len(found)} problems" if found else "nothing is wrong with the network")
    finish("problems" if found else "done")


@app.command()
def flow(city: City = None, now: Now = None) -> None:
    """Compute the states that are missing, and show the newest: power, losses, loading, voltage, what is out of its limits."""
    from service.cli import environment, moment
    from service.grid import listing, watching
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    engine, loaded = open_store(env.url), load(env)
    watching.follow(engine, loaded, at)
    for line in listing.flow(engine, loaded, at):
        typer.echo(line)


@app.command()
def outages(everything: Annotated[bool, typer.Option("--all", help="those that are over as well")] = False, city: City = None) -> None:
    """List open outages, where the fault may be, who is without power, and what is proposed."""
    from service.cli import environment
    from service.grid import listing
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in listing.outages(open_store(env.url), load(env).settings.city.time_zone, everything=everything):
        typer.echo(line)


@app.command()
def propose(
    outage: Annotated[str, typer.Argument(help="id of an open outage")], who: Who = None, city: City = None, now: Now = None
) -> None:
    """Look for a restoration anew, from where the switches stand now; what was proposed and not approved is superseded."""
    from service.cli import environment, moment, operator
    from service.decisions import known
    from service.grid import proposing
    from service.grid.side import required
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    loaded = load(env)
    person = known(loaded, operator(env, who))
    typer.echo(proposing.propose_for(open_store(env.url), required(loaded), person, outage, at))


@app.command()
def told(
    switch: Annotated[str, typer.Argument(help="switch of the network")],
    state: Annotated[str, typer.Argument(help="open or closed")],
    proposal: Annotated[str | None, typer.Option("--step-of", help="the restoration it is a step of")] = None,
    note: Annotated[str, typer.Option("--note", help="a few words for the audit trail")] = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say that a switch was opened or closed by hand: the state of the grid follows it."""
    from service.cli import environment, moment, operator
    from service.decisions import known
    from service.grid import switches
    from service.grid.side import required
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    loaded = load(env)
    person = known(loaded, operator(env, who))
    typer.echo(switches.tell(open_store(env.url), required(loaded), person, switch, state, at, note, proposal))


@app.command()
def losses(
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first local day")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="the day after the last")] = None,
    city: City = None,
) -> None:
    """Show the technical losses per day, and per feeder of the newest day."""
    from service.cli import environment
    from service.grid import listing
    from service.store import open_store

    for line in listing.losses(open_store(environment(city).url), start.date() if start else None, end.date() if end else None):
        typer.echo(line)


@app.command("open-points")
def open_points(
    share: Annotated[float, typer.Option("--share", min=0.01, max=2.0, help="of the design load that it is asked at")] = 0.7,
    city: City = None,
) -> None:
    """Tell where the network had best be open for the least losses; nothing is changed."""
    from service.cli import environment
    from service.grid.open_points import told
    from service.grid.side import required
    from service.settings import load

    for line in told(required(load(environment(city))), share):
        typer.echo(line)
