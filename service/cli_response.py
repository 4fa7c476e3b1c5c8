"""`penstock response ...`: events of demand response, what they are worth, and the servers that call them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from city.problems import Problem

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
Reason = Annotated[str, typer.Option("--reason", help="why, in a few words")]
Out = Annotated[Path | None, typer.Option("--to-file", help="write it there instead of to the screen")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Demand response: programmes, events, settlement, OpenADR 3.")


def _finish(told: "Sequence[str]", problems: "Sequence[Problem]") -> None:
    from service.cli import PROBLEMS

    for sentence in told:
        typer.echo(sentence)
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(PROBLEMS)


def _write(text: str, path: Path | None) -> None:
    from service import asked_files

    if path is None:
        typer.echo(text.rstrip("\n"))
        return
    asked_files.write(path, text)
    typer.echo(str(path))


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="also those that are over or cancelled, with their settlement")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Show the events that are proposed, announced or active."""
    from service.cli import environment, moment
    from service.response import listing
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    for line in listing.lines(open_store(env.url), load(env), moment(now), everything=everything):
        typer.echo(line)


@app.command()
def call(
    event: Annotated[str, typer.Argument(help="number of a proposed event, or an enrolled asset for an event of your own")],
    start: Annotated[str | None, typer.Option("--from", help="begin of an event of your own, ISO 8601 with offset")] = None,
    end: Annotated[str | None, typer.Option("--to", help="its end, ISO 8601 with offset")] = None,
    kw: Annotated[float | None, typer.Option("--kw", help="how much less [kW]; all that is offered when not given")] = None,
    reason: Reason = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Call an event: it is announced, and the next plan keeps it. A large one needs two operators."""
    from city.clock import parse_utc
    from city.problems import fault
    from service.cli import environment, moment, operator
    from service.decisions import permitted
    from service.response import calling, events
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    store, loaded, name, at = open_store(env.url), load(env), operator(env, who), moment(now)
    asset = events.asset_of(store, int(event)) if event.isdecimal() else event
    permitted(store, loaded, name, "response", f"event of {asset}", at, asset)
    if event.isdecimal():
        typer.echo(calling.call(store, loaded, int(event), name, at, reason))
        return
    if start is None or end is None:
        raise fault("--from and --to", "not given", "both, for an event of your own", "Give its begin and end.")
    typer.echo(calling.enter(store, loaded, event, parse_utc(start), parse_utc(end), kw, name, at, reason))


@app.command()
def cancel(
    event: Annotated[int, typer.Argument(help="number of the event")],
    reason: Reason = "",
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """End an event now, or before it begins. What it did until now is settled."""
    from service.cli import environment, moment, operator
    from service.decisions import permitted
    from service.response import events
    from service.settings import load
    from service.store import open_store, writing

    env = environment(city)
    store, loaded, at = open_store(env.url), load(env), moment(now)
    name = permitted(store, loaded, operator(env, who), "response", f"event {event}", at, events.asset_of(store, event))
    with writing(store) as connection:
        typer.echo(events.cancel(connection, loaded, event, name, at, reason))


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="JSON file with OpenADR 3 objects: one, or a list")],
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Take in OpenADR 3 events and reports from a file; what is stored already is left alone."""
    from service.cli import environment, moment, operator
    from service.decisions import permitted
    from service.response import exchange
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    store, loaded, at = open_store(env.url), load(env), moment(now)
    name = permitted(store, loaded, operator(env, who), "response", path.name, at)
    _finish(*exchange.import_file(store, loaded, path, name, at))


@app.command()
def export(
    what: Annotated[str, typer.Argument(help="number of an event, id of a programme, or id of a VTN for the VEN there")],
    to_file: Out = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Write an event (with the report of its settlement), a program or the VEN as OpenADR 3 JSON."""
    from service.cli import environment, moment
    from service.response import exchange
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    moment(now)
    _write(exchange.export(open_store(env.url), load(env), what), to_file)


@app.command()
def poll(city: City = None, now: Now = None) -> None:
    """Ask the VTNs of city.toml for events: take in new ones, change others, cancel what is gone there."""
    from service.cli import environment, moment
    from service.response import exchange
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    _finish(*exchange.poll(open_store(env.url), env, load(env), moment(now)))


@app.command()
def settle(
    event: Annotated[int | None, typer.Argument(help="number of an event; all that are over when not given")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write the intervals of every settlement to this file")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Settle events that are over against their baselines, from the validated days of the meters."""
    from service.cli import environment, moment, operator
    from service.decisions import permitted
    from service.response import listing, settling
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    store, loaded, at = open_store(env.url), load(env), moment(now)
    name = permitted(store, loaded, operator(env, who), "response", f"event {event}" if event else "events that are over", at)
    told, problems = settling.settle_due(store, loaded, name, at, event)
    if csv is not None:
        _write(listing.intervals_csv(store, event), csv)
    _finish(told or ["no event is due"], problems)


@app.command()
def report(city: City = None, now: Now = None) -> None:
    """Post the settlements of events that VTNs called as OpenADR 3 reports, once each."""
    from service.cli import environment, moment
    from service.response import exchange
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    told, problems = exchange.post_reports(open_store(env.url), env, load(env), moment(now))
    _finish(told or ([] if problems else ["no report is due"]), problems)
