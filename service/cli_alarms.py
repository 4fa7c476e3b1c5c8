"""`penstock alarms`: the list, what people do to it, and how well it serves."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from service.cli_water import City, Now, Who

app = typer.Typer(no_args_is_help=True, help="Alarms after ISA-18.2: list, acknowledge, shelve, figures.")
Json = Annotated[bool, typer.Option("--json", help="JSON instead of lines")]
Number = Annotated[int, typer.Argument(help="number of the alarm, as `penstock alarms list` shows it")]
Numbers = Annotated[list[int], typer.Argument(help="numbers of alarms, as `penstock alarms list` shows them")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept in the audit table")]


def _asked(city: Any, now: str | None, who: str | None = None) -> tuple[Any, ...]:
    """(engine, city, now, person) of a command; the time of a city with a simulator is that of its newest reading."""
    from service.cli import environment, moment, operator
    from service.decisions import known
    from service.settings import load
    from service.store import open_store
    from service.view.moment import now as clock

    env = environment(city)
    loaded, engine = load(env), open_store(env.url)
    at = moment(now) if now else clock(engine, loaded)[0]
    return engine, loaded, at, known(loaded, operator(env, who)) if who is not None else None


@app.command("list")
def list_(
    aside: Annotated[bool, typer.Option("--aside", help="what is shelved, suppressed by design or out of service")] = False,
    evaluate: Annotated[bool, typer.Option("--refresh", help="evaluate first what is abnormal now")] = False,
    city: City = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Show the alarms that last, worst first, each with what to do."""
    from service.alarms import printed
    from service.alarms.refresh import refresh

    engine, loaded, at, _ = _asked(city, now)
    if evaluate:
        refresh(engine, loaded, at)
    for line in printed.listing(engine, loaded, at, aside=aside, as_json=as_json):
        typer.echo(line)


@app.command()
def ack(alarm: Numbers, who: Who = None, city: City = None, now: Now = None) -> None:
    """Acknowledge alarms: seen, and somebody is on it."""
    from service.alarms.deeds import acknowledge

    engine, _, at, person = _asked(city, now, who or "")
    typer.echo(f"{acknowledge(engine, person, alarm, at)} acknowledged by {person.name}")


@app.command()
def reset(alarm: Number, who: Who = None, city: City = None, now: Now = None) -> None:
    """Take a latched alarm off the list after somebody has looked."""
    from service.alarms import deeds

    engine, _, at, person = _asked(city, now, who or "")
    deeds.reset(engine, person, alarm, at)
    typer.echo(f"alarm {alarm}: reset by {person.name}")


@app.command()
def shelve(
    alarm: Number,
    reason: Reason,
    hours: Annotated[float, typer.Option("--hours", min=0.1, help="for how long; longer than a shift only for engineers")] = 1.0,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Put an alarm aside for some hours; it comes back by itself."""
    from service.alarms import deeds

    engine, loaded, at, person = _asked(city, now, who or "")
    until = at + timedelta(hours=hours)
    deeds.shelve(engine, loaded.settings.alarms, person, alarm, at, until, reason)
    typer.echo(f"alarm {alarm}: shelved by {person.name} until {until:%Y-%m-%d %H:%M} UTC")


@app.command()
def unshelve(alarm: Number, who: Who = None, city: City = None, now: Now = None) -> None:
    """Put a shelved alarm back on the list before its time."""
    from service.alarms import deeds

    engine, _, at, person = _asked(city, now, who or "")
    deeds.unshelve(engine, person, alarm, at)
    typer.echo(f"alarm {alarm}: on the list again, by {person.name}")


@app.command("out-of-service")
def out_of_service(
    alarm: Number,
    reason: Reason = "",
    restore: Annotated[bool, typer.Option("--restore", help="put it back into service instead")] = False,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Take an alarm out of service until it is restored; engineers only."""
    from service.alarms import deeds

    engine, _, at, person = _asked(city, now, who or "")
    if restore:
        deeds.restore(engine, person, alarm, at)
    else:
        deeds.out_of_service(engine, person, alarm, at, reason)
    typer.echo(f"alarm {alarm}: {'in service again' if restore else 'out of service'}, by {person.name}")


@app.command()
def report(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="up to now")] = 7,
    city: City = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Figures of the last days against the targets of ISA-18.2: rates, floods, the most frequent, time to acknowledge."""
    from service.alarms import printed
    from service.alarms.figures import lately

    engine, loaded, at, _ = _asked(city, now)
    made = lately(engine, at, days, loaded.settings.alarms.operator_positions)
    for line in [json.dumps(made.told(), ensure_ascii=False)] if as_json else printed.figures(made):
        typer.echo(line)
