"""`penstock meters ...`: commissioning and care of the field. Heavy imports live inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Commission, check and correct meters.")


@app.callback()
def meters() -> None:
    """Commission, check and correct meters."""


@app.command()
def probe(
    target: Annotated[str, typer.Argument(help="a meter, or a link and then UNIT")],
    unit: Annotated[int | None, typer.Argument(help="unit id on the link", min=0, max=255)] = None,
    model: Annotated[str | None, typer.Option("--model", help="register map to read it by; a meter has its own")] = None,
    register: Annotated[str | None, typer.Option("--register", help="show this register in every format and order")] = None,
    address: Annotated[int | None, typer.Option("--address", help="read bare words from here, without a map", min=0, max=65535)] = None,
    count: Annotated[int, typer.Option("--count", help="how many words", min=1, max=125)] = 4,
    table: Annotated[str, typer.Option("--table", help="holding, input, coil or discrete")] = "holding",
    city: City = None,
) -> None:
    """Show what a device sends: bare words, values by its map, and every format and byte order. Writes nothing."""
    from service.cli import environment
    from service.commissioning import probe_map, probe_words, table_named
    from service.settings import load

    loaded = load(environment(city))
    if address is None:
        probe_map(loaded, target, unit, model, register)
    else:
        probe_words(loaded, target, unit, table_named(table), address, count)


@app.command()
def discover(
    link: Annotated[str, typer.Argument(help="link of city.toml")],
    unit: Annotated[int, typer.Argument(help="unit id", min=0, max=255)],
    write: Annotated[Path | None, typer.Option("--write", help="write the register map to this new TOML file")] = None,
    city: City = None,
) -> None:
    """Ask a SunSpec device which models it holds and show, or write, its register map. Writes nothing to the device."""
    from service.cli import environment
    from service.commissioning import discovered
    from service.settings import load

    discovered(load(environment(city)), link, unit, write)


@app.command("dead-letters")
def dead_letters(
    city: City = None,
    retry: Annotated[bool, typer.Option("--retry", help="offer them to the store again, e.g. after an upgrade")] = False,
    export: Annotated[Path | None, typer.Option("--export", help="write them to this file, one JSON object per line")] = None,
    now: Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")] = None,
) -> None:
    """List the readings that the store refused, with the reason; nothing is thrown away."""
    from service import dead_letters as dead
    from service.cli import environment, moment, whoever
    from service.settings import load
    from service.store import open_store

    env, at = environment(city), moment(now)
    engine = open_store(env.url)
    if retry:
        typer.echo(dead.retry(engine, load(env), whoever(env), at))
    if export is not None:
        typer.echo(dead.export(engine, export))
    if not retry and export is None:
        for sentence in dead.told(engine):
            typer.echo(sentence)


@app.command("recover-spool")
def recover_spool(
    damaged: Annotated[Path, typer.Argument(help="the damaged file, moved away from the data folder; it is not changed")],
    city: City = None,
) -> None:
    """Put what can still be read of a damaged spool into the one that is used now; what the store has already stays as it is."""
    from meters.spool.recovery import recover
    from meters.spool.spool import Spool
    from service.cli import environment

    with Spool(environment(city).folder / "spool.db") as spool:
        kept, lost = recover(damaged, spool)
    typer.echo(f"{kept} batches recovered, {lost} lost; `penstock poll` delivers them")


@app.command("station-token")
def station_token() -> None:
    """Make a token for a station, and the hash of it for the central's [[stations]]."""
    from service.edge.tokens import made

    for sentence in made():
        typer.echo(sentence)


@app.command()
def health(
    city: City = None,
    now: Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")] = None,
    days: Annotated[int, typer.Option("--days", help="how far back", min=1, max=35)] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object per device")] = False,
) -> None:
    """Who answers, who does not and why, batteries and clocks; and which device to repair or replace first."""
    import json

    from service import health as device_health
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store

    env = environment(city)
    found = device_health.devices(open_store(env.url), load(env), moment(now), days)
    lines = (json.dumps(device_health.as_dict(one)) for one in found) if as_json else device_health.told(found, days)
    for line in lines:
        typer.echo(line)


@app.command("queue")
def asked(
    start: Annotated[str, typer.Option("--from", help="a time of the first day, ISO 8601 with offset")],
    end: Annotated[str, typer.Option("--to", help="end of the last day")],
    city: City = None,
) -> None:
    """What validation doubted or warned of in these days and nobody has settled yet, by what hangs on it."""
    from city.clock import parse_utc
    from service.cli import environment
    from service.settings import load
    from service.store import open_store
    from service.view.validation import queue, told

    env = environment(city)
    loaded = load(env)
    found = queue(open_store(env.url), loaded, parse_utc(start), parse_utc(end))
    for sentence in told(found, loaded.settings.city.time_zone):
        typer.echo(sentence)


@app.command("edit")
def edit_values(
    point: Annotated[str, typer.Argument(help="<meter>.<register>")],
    start: Annotated[str, typer.Option("--from", help="first interval, ISO 8601 with offset")],
    end: Annotated[str, typer.Option("--to", help="end of the last interval")],
    reason: Annotated[str, typer.Option("--reason", help="why; it stays with the version")],
    value: Annotated[float | None, typer.Option("--value", help="put this into each interval [unit per interval]")] = None,
    line: Annotated[tuple[float, float] | None, typer.Option("--line", help="a line from the first interval to the last")] = None,
    copy: Annotated[str | None, typer.Option("--copy", help="the values of this civil day, YYYY-MM-DD, at the same times")] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="a line between neighbours, or days alike")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="keep what was read and call it good")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="keep the values and let nobody use them")] = False,
    who: Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")] = None,
    city: City = None,
    now: Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")] = None,
) -> None:
    """Correct validated values: a new version of their days, with who and why. What was there before stays readable."""
    from city.clock import parse_utc
    from service.cli import environment, moment, person
    from service.settings import load
    from service.store import open_store
    from service.vee.editing import chosen, edit

    env = environment(city)
    given = {"--value": value, "--line": line, "--copy": copy, "--estimate": estimate, "--accept": accept, "--refuse": refuse}
    by, what, at = person(env, who), chosen(given), moment(now)
    typer.echo(edit(open_store(env.url), load(env), by, point, parse_utc(start), parse_utc(end), what, reason, at))


@app.command()
def versions(
    point: Annotated[str, typer.Argument(help="<meter>.<register>")],
    start: Annotated[str, typer.Option("--from", help="a time of the first day, ISO 8601 with offset")],
    end: Annotated[str, typer.Option("--to", help="end of the last day")],
    city: City = None,
) -> None:
    """List the versions of a point's days: who made each, when, and why."""
    from city.clock import parse_utc
    from service.cli import environment
    from service.settings import load
    from service.store import open_store
    from service.vee.editing import told

    env = environment(city)
    found = list(told(open_store(env.url), load(env), point, parse_utc(start), parse_utc(end)))
    typer.echo("\n".join(found) or f"{point}: no validated day from {start} to {end}")


@app.command("import-map")
def import_map(
    tool: Annotated[str, typer.Argument(help="whose map it is: homeassistant, myems, telegraf or thingsboard")],
    file: Annotated[Path, typer.Argument(help="its file")],
    write: Annotated[Path | None, typer.Option("--write", help="write the maps, and entries for city.toml, into this folder")] = None,
) -> None:
    """Turn another tool's register map into ours, and say what could not be carried over."""
    from service.map_import import import_foreign

    for sentence in import_foreign(tool, file, write):
        typer.echo(sentence)


@app.command()
def totals(
    day: Annotated[str | None, typer.Argument(help="YYYY-MM-DD; the last validated day when not given")] = None,
    by: Annotated[str, typer.Option("--by", help="zone or site")] = "zone",
    city: City = None,
) -> None:
    """Say what the meters of a day add up to."""
    from service import totals as meters_totals
    from service.cli import environment

    for sentence in meters_totals.told(environment(city), day, by):
        typer.echo(sentence)
