"""`penstock forecast event ...`: shutdowns, festivals, outages and works that the forecast must know of."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
Reason = Annotated[str, typer.Option("--reason", help="why, in a few words")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Shutdowns, festivals, outages and works that forecasts must know of.")


@app.command()
def add(
    subject: Annotated[str, typer.Argument(help="a point, meter or zone, a kind of forecast (load, water ...), or all")],
    kind: Annotated[str, typer.Option("--kind", help="shutdown, festival, outage, works or other")],
    start: Annotated[str, typer.Option("--from", help="begin, ISO 8601 with offset")],
    end: Annotated[str, typer.Option("--to", help="end, ISO 8601 with offset")],
    reason: Reason = "",
    factor: Annotated[float | None, typer.Option("--factor", help="times the forecast; 0: nothing is left")] = None,
    level: Annotated[float | None, typer.Option("--level", help="at this level instead [kW or m3/h]; one series only")] = None,
    like: Annotated[str | None, typer.Option("--like", help="like a workday, saturday, sunday (or holiday), monday ... friday")] = None,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """Tell the forecast what is going to happen, or the training what happened."""
    from city.clock import parse_utc
    from service import decisions, known_events
    from service.cli import environment, moment, operator
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    entry = known_events.Entry(kind, subject, parse_utc(start), parse_utc(end), reason, factor, level, like)
    number = decisions.enter_event(open_store(env.url), loaded, decisions.known(loaded, operator(env, who)), entry, moment(now))
    count = len(known_events.series_of(loaded, subject))
    typer.echo(f"event {number}: {kind} of {subject}, {count} series; the next forecast knows of it")


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="also those that are over or cancelled")] = False,
    city: City = None,
    now: Now = None,
) -> None:
    """Show the events that are acting or to come."""
    from service import known_events
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    zone = loaded.settings.city.time_zone
    frame = known_events.listed(open_store(env.url), moment(now), everything=everything)
    if frame.empty:
        typer.echo("no event is known" if everything else "no event is acting or to come")
    for row in frame.itertuples():
        start, end = (time.tz_convert(zone).strftime("%Y-%m-%d %H:%M") for time in (row.start_utc, row.end_utc))
        typer.echo(f"{row.event_id}  {row.state}: {row.kind} of {row.subject}, {start} to {end}, {row.effect}; {row.reason} ({row.who})")


@app.command()
def cancel(
    number: Annotated[int, typer.Argument(help="number of the event")],
    reason: Reason = "",
    never: Annotated[bool, typer.Option("--never-happened", help="entered by mistake: its past counts as ordinary again")] = False,
    who: Who = None,
    city: City = None,
    now: Now = None,
) -> None:
    """End an event now, or before it began. It stays in the list and in the audit trail."""
    from service import decisions
    from service.cli import environment, moment, operator
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    loaded = load(env)
    person = decisions.known(loaded, operator(env, who))
    typer.echo(decisions.cancel_event(open_store(env.url), loaded, person, number, moment(now), reason, never_happened=never))
