"""`penstock meters probe` and `discover`: a look at one device over the links of city.toml. Reads only."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from city import quality as q
from city.problems import fault
from city.quality import Cause
from city.quantities import Quantity
from meters.links.link import Link, LinkConfig, LinkFault
from meters.maps import probe
from meters.maps.formats import TABLES, Table
from meters.maps.map_file import as_toml
from meters.maps.registers import NAME, DeviceModel, Register, load_model, same_serial
from meters.maps.sunspec import discover
from service.settings import LoadedCity

T = TypeVar("T")
_YEAR_10000_S = 253_402_300_800  # what no calendar shows any more [s since 1970]


def probe_map(city: LoadedCity, target: str, unit: int | None, model: str | None, register: str | None) -> None:
    """Print every register of a device as its map reads it, and with `register` that one in every format and order.

    `target` is a meter (its link, unit, base and map are known) or a link (then `unit` and `model` are needed).
    Raises `PenstockError`: unknown names, a silent device.
    """
    link_id, number, base, known = _device(city, target, unit, model)
    if known is None:
        raise fault(f"link {target}", "no map", "--model NAME, or --address and --count", "Say what to read.")
    seen = _asked(city, link_id, lambda link: probe.read_map(link, number, known, base))
    console = _console()
    console.print(_map_grid(f"unit {number} of link {link_id}, map {known.name}", seen, base))
    console.print(probe.suggestion(seen) or "No other byte order fits better.", highlight=False, markup=False, soft_wrap=True)
    identity = next((one for one in seen if one.register.serial), None)
    serial = city.meter[target].serial if target in city.meter else ""
    if identity is not None and serial and not same_serial(identity.shown, serial):
        console.print(f"It says serial number '{identity.shown}'; city.toml says '{serial}': another meter.", highlight=False, markup=False)
    for one in seen:
        if one.register.expect is not None and one.words and q.cause_of(one.quality) is Cause.WRONG_METER:
            held = f"{one.register.name} holds {one.shown or 'nothing'}, not {one.register.expect}"
            console.print(f"{held}: another device or map, so no value is believed.", highlight=False, markup=False, soft_wrap=True)
    if register is not None:
        one = next(one for one in seen if one.register is known.register(register))
        console.print(_formats_grid(f"{register}, in the unit of its map", probe.readings(one.register.address, one.words, one.register)))


def probe_words(city: LoadedCity, target: str, unit: int | None, table: Table, address: int, count: int) -> None:
    """Print `count` bare words from `address` and what they mean in every format and order. No map is needed.

    Raises `PenstockError`: unknown names, a silent device, an exception.
    """
    link_id, number, base, _ = _device(city, target, unit, None)
    try:
        words = _asked(city, link_id, lambda link: probe.read_words(link, number, table, base + address, count))
    except LinkFault as failure:
        where = f"unit {number} of link {link_id}, {table} {base + address} to {base + address + count - 1}"
        raise fault(where, f"{failure}", "registers the device has", "Try other addresses, --table or a smaller --count.") from None
    console = _console()
    console.print(" ".join(f"{word:04X}" for word in words), highlight=False)
    if table in ("holding", "input"):
        console.print(_formats_grid(f"{table} from {base + address}", probe.readings(base + address, words)))


def table_named(name: str) -> Table:
    """The Modbus table of that name. Raises `PenstockError`."""
    for table in TABLES:
        if table == name:
            return table
    raise fault(f"--table {name}", "no such table", f"one of {', '.join(TABLES)}", "Correct it.")


def discovered(city: LoadedCity, link_id: str, unit: int, write: Path | None) -> None:
    """Print the register map of a SunSpec device, or write it to the file `write`, which must not exist yet.

    Raises `PenstockError`: unknown link, silent or refusing device, no SunSpec device, a file that is there already or could not be a map.
    """
    if write is not None and (write.suffix != ".toml" or not NAME.fullmatch(write.stem)):
        raise fault(str(write), "no name of a map", "small letters, digits, - and _, then .toml", "Choose such a name.")
    name = write.stem if write is not None else "sunspec"

    async def over(link: Link) -> DeviceModel:
        async def read(address: int, count: int) -> Sequence[int]:
            return await probe.read_words(link, unit, "holding", address, count)

        return await discover(read, name)

    try:
        model = _asked(city, link_id, over)
    except LinkFault as failure:
        where = f"unit {unit} of link {link_id}"
        raise fault(where, f"{failure}", "a chain of SunSpec models that can be read", "Try again; else write a map by hand.") from None
    if write is None:
        typer.echo(as_toml(model), nl=False)
        return
    try:
        with write.open("x", encoding="utf-8") as file:
            file.write(as_toml(model))
    except OSError as error:
        raise fault(str(write), str(error.strerror), "a new file in a folder that is there", "Choose another name.") from None
    typer.echo(f"{write}: {len(model.registers)} registers, {len(model.points)} of them measured. {model.description}")


def _device(city: LoadedCity, target: str, unit: int | None, model: str | None) -> tuple[str, int, int, DeviceModel | None]:
    """Link, unit, base and map of a meter or of a bare link."""
    meter = city.meter.get(target)
    name = model or (meter.model if meter is not None else None)
    known = None if name is None else load_model(name, (city.beside / "devices",))
    if meter is not None:
        if meter.link is None or meter.unit is None:
            raise fault(f"meter {target}", "read from no link", "a meter with link and unit", "Only a field device can be asked.")
        return meter.link, meter.unit if unit is None else unit, meter.base, known
    if unit is None:
        _link_config(city, target)
        raise fault(f"link {target}", "no unit", "a unit id behind the link's name", "Say which device.")
    return target, unit, 0, known


def _link_config(city: LoadedCity, name: str) -> LinkConfig:
    found = {link.id: link for link in city.settings.links}
    if name not in found:
        names = ", ".join([*found, *list(city.meter)[:8]])
        raise fault(f"'{name}'", "no such link or meter", f"one of {names}", "Check the spelling, or add the link to city.toml.")
    return found[name]


def _asked(city: LoadedCity, link_id: str, work: Callable[[Link], Awaitable[T]]) -> T:
    """Open the link, do the work, close it again."""

    async def run() -> T:
        link = Link(_link_config(city, link_id))
        try:
            return await work(link)
        finally:
            link.close()

    return asyncio.run(run())


def _console() -> Console:
    """Where nobody says how wide it is (a file, a pipe), wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _map_grid(title: str, seen: Sequence[probe.Seen], base: int) -> Grid:
    grid = Grid(title=title, title_justify="left")
    for name in ("register", "table", "address", "type", "words", "value", "unit", "quality", "fits as"):
        grid.add_column(name, justify="right" if name in ("address", "value") else "left", overflow="fold")
    for one in seen:
        register, cause = one.register, q.cause_of(one.quality)
        value = f"{one.shown} ({meaning})" if (meaning := _meaning(register, one.shown)) else one.shown
        unit = register.quantity.unit if register.quantity is not None else ""
        state = "ok" if not cause else cause.name.lower().replace("_", " ")
        words = " ".join(f"{word:04X}" for word in one.words)
        at = str(base + register.address)
        cells = (register.name, register.table, at, register.type, words, value, unit, state, " ".join(one.fits))
        grid.add_row(*map(Text, cells))  # not markup: a device's text is what the device says
    return grid


def _meaning(register: Register, shown: str) -> str | None:
    """What a state is called, and what time a clock shows."""
    if not shown or register.type == "string":
        return None
    if register.quantity is Quantity.CLOCK_S:
        seconds = float(shown)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if 0 <= seconds < _YEAR_10000_S else "no time"
    return register.enum.get(int(float(shown)))


def _formats_grid(title: str, readings: Sequence[probe.Reading]) -> Grid:
    grid = Grid(title=f"{title} (* plausible)", title_justify="left")
    for name in ("address", "type", *probe.ORDERS):
        grid.add_column(name, justify="left" if name == "type" else "right")
    for one in readings:
        cells = ["" if (n := one.numbers.get(order)) is None else f"{n:.10g}" for order in probe.ORDERS]
        marked = [f"{cell} *" if cell and order in one.plausible else cell for cell, order in zip(cells, probe.ORDERS, strict=True)]
        grid.add_row(str(one.address), one.kind, *marked)
    return grid
