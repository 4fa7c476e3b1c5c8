"""`penstock water watch`, `leaks`, `dug`, `repaired`, `valve`: the leak watch between nights, and what people found out."""

from typing import Annotated

import typer

from service.cli_water import City, Now, Who, app

Note = Annotated[str, typer.Option("--note", help="what else was seen; kept in the audit table")]
Case = Annotated[str, typer.Argument(help="leak case, e.g. leak-20220615-1430-dma-e")]


@app.command()
def watch(city: City = None, now: Now = None) -> None:
    """Read on to the newest reading and tell new leaks and sensor faults; from a timer, every quarter-hour between nights."""
    from service.cli import environment, finish, moment
    from service.leakage.passing import make

    status, lines = make(environment(city), moment(now))
    for line in lines:
        typer.echo(line)
    finish(status)


@app.command()
def leaks(
    everything: Annotated[bool, typer.Option("--all", help="also those that are repaired or over")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Show the leaks that run: size, place, what they have cost so far."""
    from service.cli import environment, moment
    from service.leakage.listing import lines
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in lines(open_store(env.url), load(env), moment(now), everything=everything):
        typer.echo(line)


@app.command()
def dug(
    case: Case,
    pipe: Annotated[str, typer.Argument(help="pipe that was dug up or listened to")],
    found: Annotated[bool, typer.Option("--found/--not-found", help="was the leak there?")],
    note: Note = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say what a crew found at a pipe: where the leak is likely changes with it."""
    from service import decisions
    from service.cli import environment, moment, person
    from service.store import open_store

    env = environment(city)
    typer.echo(decisions.tell_dug(open_store(env.url), person(env, who), case, pipe, moment(now), note, found=found))


@app.command()
def repaired(
    case: Case,
    end: Annotated[str | None, typer.Option("--at", help="when it was repaired, ISO 8601 with offset; now when not given")] = None,
    note: Note = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say that a leak is repaired: until then its flow is no demand, and from then on it is not expected any more."""
    from city.clock import parse_utc
    from service import decisions
    from service.cli import environment, moment, person
    from service.store import open_store

    env, ended = environment(city), parse_utc(end) if end else None
    typer.echo(decisions.tell_repaired(open_store(env.url), person(env, who), case, moment(now), note, ended))


@app.command()
def valve(
    name: Annotated[str, typer.Argument(metavar="VALVE", help="valve of the valve table")],
    state: Annotated[str, typer.Option("--state", help="stuck, open or closed")],
    turns: Annotated[float | None, typer.Option("--turns", help="turns from open to shut")] = None,
    note: Note = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Say how a valve was found; isolations of open leaks are planned anew with it, one under way when the valve is stuck."""
    from service import decisions, valve_found
    from service.cli import environment, moment, person
    from service.settings import load
    from service.store import open_store
    from service.water import required

    env = environment(city)
    side, engine, by, at = required(load(env)), open_store(env.url), person(env, who), moment(now)
    typer.echo(decisions.tell_valve(engine, side.city, list(side.valves["valve"]), by, name, state, turns, at, note))
    for sentence in valve_found.replanned(engine, side, name, by.name, at):
        typer.echo(sentence)
