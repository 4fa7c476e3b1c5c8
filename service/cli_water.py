"""`penstock water ...`: the water network, what is wrong with it, and what is done with it."""

from pathlib import Path
from typing import Annotated

import typer

City = Annotated[Path | None, typer.Option("--city", help="the city file; PENSTOCK_CITY, ./city.toml or the demo city when not given")]
Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset")]
Who = Annotated[str | None, typer.Option("--who", help="name for the audit table; PENSTOCK_OPERATOR when not given")]
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The water network: what is wrong with it, and what is done with it.")


@app.command()
def check(
    network: Annotated[Path | None, typer.Argument(help="an EPANET INP file; the city's network when not given")] = None,
    inflow: Annotated[float | None, typer.Option("--inflow", help="what meters say goes in on average [m3/h], to judge demands by")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write all findings to this file")] = None,
    json: Annotated[bool, typer.Option("--json", help="print findings and what works as JSON")] = False,
    every: Annotated[bool, typer.Option("--all", help="print every finding, not the first ones of a kind")] = False,
    city: City = None,
) -> None:
    """Tell what is wrong with a water network (loose parts, sizes, units, names), and what still works."""
    from networks.findings import table
    from service import asked_files, water_check
    from service.cli import environment, finish
    from service.settings import load
    from service.water import required

    found = water_check.of_file(network, inflow) if network else water_check.of_city(required(load(environment(city))), inflow)
    if csv:
        asked_files.write_table(csv, table(found))
    for line in [water_check.as_json(found)] if json else water_check.lines(found, every=every):
        typer.echo(line)
    finish("problems" if water_check.failing(found) else "done")


@app.command("import")
def import_(
    files: Annotated[list[str], typer.Argument(help="GeoJSON layers, named or told as KIND=FILE; an INP file; a valve table in use (CSV)")],
    into: Annotated[Path, typer.Option("--into", help="the folder to make")],
    field: Annotated[
        list[str] | None, typer.Option("--field", help="our name of a property = theirs: diameter_mm=NW or pipes.diameter_mm=NW")
    ] = None,
    coordinates: Annotated[str, typer.Option("--coordinates", help="degrees or metres, where a layer does not say it")] = "",
    tolerance: Annotated[float, typer.Option("--tolerance", min=0.001, help="what lies nearer than this meets [m]")] = 0.5,
    reach: Annotated[float, typer.Option("--reach", min=0.0, help="a meter further from every pipe than this belongs to none [m]")] = 50.0,
) -> None:
    """Make a network, valves, customers and feeders from GIS layers and an INP file, and tell what does not connect."""
    from service import water_check, water_import
    from service.cli import finish

    done = water_import.bring(water_import.sort(files), into.name, water_import.pairs(field or []), coordinates, tolerance, reach)
    for line in [*water_check.lines(done.findings), *water_import.summary(done)]:
        typer.echo(line)
    typer.echo(f"{into}: {', '.join(water_import.write(done, into))}")
    finish("problems" if water_check.failing(done.findings) else "done")


@app.command()
def balance(
    month: Annotated[str | None, typer.Option("--month", help="local month, as 2026-01; the last whole one when not given")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="write the table of the city and every DMA to this file")] = None,
    city: City = None,
) -> None:
    """Show a month's water balance: the IWA table with its 95 % limits, DMAs by recoverable loss, and the loss targets."""
    from service import loss_lines
    from service.cli import environment
    from service.settings import load
    from service.store import open_store
    from service.water import required

    env = environment(city)
    side = required(load(env))
    for line in loss_lines.balance(open_store(env.url), side, month, csv):
        typer.echo(line)


@app.command()
def pressure_what_if(
    zone: Annotated[str, typer.Argument(help="DMA whose inlet gets a pressure-reducing valve")],
    setting: Annotated[float, typer.Argument(help="average pressure it is set to leave in the DMA [m]")],
    city: City = None,
    now: Now = None,
) -> None:
    """Tell what a lower pressure in a DMA would save in a year: water, bursts, electricity, carbon, money."""
    from service import loss_lines
    from service.cli import environment, moment
    from service.settings import load
    from service.store import open_store
    from service.water import required

    env = environment(city)
    side = required(load(env))
    for line in loss_lines.pressure(open_store(env.url), side, zone, setting, moment(now)):
        typer.echo(line)


@app.command()
def pumps(
    network: Annotated[Path, typer.Argument(help="an EPANET INP file with pumps, tanks, a tariff and the demand of the day")],
    starts: Annotated[int | None, typer.Option("--starts", min=0, help="most starts, and most stops, of each pump")] = None,
    pressure: Annotated[list[str] | None, typer.Option("--pressure", help="least pressure, JUNCTION=METRES")] = None,
    reserve: Annotated[list[str] | None, typer.Option("--reserve", help="water always kept for fire, TANK=M3")] = None,
    turnover: Annotated[list[str] | None, typer.Option("--turnover", help="least volume out per day in mean volumes, TANK=NUMBER")] = None,
    age: Annotated[list[str] | None, typer.Option("--age", help="most water age, NODE=HOURS")] = None,
    may_fill: Annotated[bool, typer.Option("--may-fill", help="full tanks shut themselves off (altitude valves)")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="write who runs in which hour to this file")] = None,
) -> None:
    """Plan a day of pumping: the cheapest schedule that EPANET finds feasible within the limits."""
    from networks.pumping import PumpLimits
    from service import asked_files, water_pumps
    from service.water_pumps import numbers

    asked = {"pressure": pressure, "reserve": reserve, "turnover": turnover, "age": age}
    least, kept, turns, most = (numbers(options, name) for name, options in asked.items())
    limits = PumpLimits(starts, least, reserve_m3=kept, turnover=turns, age_h=most, may_fill=may_fill)
    plan = water_pumps.planned(network, limits)
    if csv:
        asked_files.write_table(csv, plan.running.rename_axis("step").reset_index())
    for line in water_pumps.lines(plan):
        typer.echo(line)
