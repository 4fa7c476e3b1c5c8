"""`penstock new`: the first command of a new city."""

from pathlib import Path
from typing import Annotated

import typer

Now = Annotated[str | None, typer.Option("--now", help="the time that counts as now, ISO 8601 with offset; the clock when not given")]


def new(
    folder: Annotated[Path, typer.Argument(help="a new folder; its name is the city's short name unless --id says another")],
    name: Annotated[str | None, typer.Option("--name", help="as people call the city; the folder's name when not given")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="short name: a to z, 0 to 9 and -")] = None,
    zone: Annotated[str, typer.Option("--zone", help="IANA time zone of tariffs, civil days and people")] = "Europe/Rome",
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 code whose public holidays hold")] = "IT",
    region: Annotated[str, typer.Option("--region", help="ISO 3166-2 region whose emission factors hold")] = "CN-ZJ",
    currency: Annotated[str, typer.Option("--currency", help="of every price")] = "EUR",
    csv: Annotated[Path | None, typer.Option("--csv", help="your history: a time column, and a column per meter with its unit")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="with --csv: unit of columns that do not name theirs: kWh, kW, m3, ...")
    ] = None,
    decimal: Annotated[str | None, typer.Option("--decimal", help="with --csv: decimal sign, . or , where it cannot be told")] = None,
    meter: Annotated[
        str | None, typer.Option("--meter", help="a real meter: tcp://HOST:PORT, rtu+tcp://..., tls://... or serial:...")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="with --meter: its register map, such as eastron-sdm630")] = "electricity-meter",
    meter_unit: Annotated[int, typer.Option("--meter-unit", min=0, max=255, help="with --meter: its Modbus unit")] = 1,
    simulator: Annotated[bool, typer.Option("--simulator", help="a small simulated field instead: hall, roof, battery")] = False,
    simulator_port: Annotated[
        int, typer.Option("--simulator-port", min=1, max=65535, help="where the simulated field will listen")
    ] = 15502,
    now: Now = None,
) -> None:
    """Begin a city of your own: writes FOLDER with a small commented city.toml from a CSV, a meter, or a simulated field. Asks nothing."""
    from service.beginning.begin import begin
    from service.beginning.city_file import Device, Named
    from service.cli import moment

    at = moment(now)
    short = id_ or folder.resolve().name.lower().replace("_", "-").replace(" ", "-")
    place = Named(short, name or folder.resolve().name, zone, country.upper(), region.upper(), currency.upper())
    device = Device(meter, model, meter_unit, "") if meter else None
    for line in begin(folder, place, at, csv, unit, _sign(decimal), device, simulator_port if simulator else None):
        typer.echo(line)


def _sign(decimal: str | None) -> str | None:
    from city.problems import fault

    if decimal not in (None, ".", ","):
        raise fault(f"--decimal {decimal}", "no decimal sign", ". or ,", "Correct it.")
    return decimal
