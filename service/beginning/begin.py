"""`penstock new`: writes a folder with a small city.toml and what it needs, and proves that the product can read it before it is done."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import available_timezones

from city.problems import PenstockError, Problem, fault
from service.beginning.city_file import Device, Named, text_of
from service.beginning.columns import Proposed, proposed
from service.beginning.text_table import looked_at

_FILE = "history.csv"


def begin(
    folder: Path,
    place: Named,
    now_utc: datetime,
    csv: Path | None = None,
    unit: str | None = None,
    decimal: str | None = None,
    device: Device | None = None,
    field_port: int | None = None,
) -> Iterator[str]:
    """Make `folder` with city.toml, its history and a simulated field (where it has a port), all or nothing. Yields what comes next.

    Raises `PenstockError` in sentences: a folder that is not empty, a CSV that cannot be told, names that are none, a device model
    that is not known.
    """
    _possible(folder, place, csv, device, simulated=field_port is not None)
    table = None
    if csv is not None:
        form = looked_at(csv, place.country, decimal)
        table = proposed(csv, form, place.zone, unit)
    if device is not None and table is not None:
        device = Device(device.url, device.model, device.unit, device.meter or table.series[0].meter)
    elif device is not None:
        device = Device(device.url, device.model, device.unit, device.meter or "main")
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        told = _written(half, place, now_utc, table, csv, device, field_port)
        if folder.exists():
            folder.rmdir()  # empty: looked at above
        half.chmod(0o750)
        half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    yield f"{folder}/city.toml: {place.name}, {place.zone}"
    yield from told
    if place.foreign_factors:
        yield f"CO2 is counted with the emission factors of {place.region}, not of {place.country}: write your own (docs/factors.md)"
    yield from _next(folder, place.id, table, device, field_port)


def _possible(folder: Path, place: Named, csv: Path | None, device: Device | None, *, simulated: bool) -> None:
    """Raises `PenstockError` with every fault of what was asked for."""
    problems = []
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        problems.append(Problem(str(folder), "there already, and not empty", "a new or an empty folder", "Choose another name."))
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", place.id):
        problems.append(Problem(f"city id '{place.id}'", "no short name", "a to z, 0 to 9 and -, at most 40", "Give --id."))
    if place.zone not in available_timezones():
        problems.append(Problem(f"--zone {place.zone}", "no IANA time zone", "Europe/Rome, Asia/Shanghai, ...", "Correct it."))
    if not place.name.strip() or not place.name.isprintable() or len(place.name) > 80:
        problems.append(Problem("--name", "empty, too long or not printable", "1 to 80 printable characters", "Correct it."))
    if csv is not None and simulated:
        remedy = "Leave one out; a real meter goes with --meter."
        problems.append(Problem("--csv and --simulator", "given together", "one of them", remedy))
    if device is not None and simulated:
        problems.append(Problem("--meter and --simulator", "given together", "one of them", "Leave one out."))
    if csv is None and device is None and not simulated:
        allowed = "--csv FILE, --meter tcp://HOST:PORT, both of them, or --simulator"
        problems.append(Problem("penstock new", "nothing to begin with", allowed, "Give one; --simulator needs nothing else."))
    if problems:
        raise PenstockError(problems)


def _written(
    half: Path, place: Named, now_utc: datetime, table: Proposed | None, csv: Path | None, device: Device | None, field_port: int | None
) -> list[str]:
    """The files, read back by what will read them."""
    data, told = half / "var" / place.id, list[str]()
    data.mkdir(parents=True)
    if field_port is not None:
        from service.beginning import simulated_field

        simulated_field.write(data, now_utc, place.zone)
        told.append(f"a simulated field: hall, roof and battery; {simulated_field.DAYS_BACK} days of invented history")
    if csv is not None:
        shutil.copyfile(csv, data / _FILE)
    (half / "city.toml").write_text(text_of(place, table, _FILE, device, field_port), encoding="utf-8")
    return told + _read_back(half, data, table)


def _read_back(half: Path, data: Path, table: Proposed | None) -> list[str]:
    """Load the city as every command does, and the history as `penstock import` does. Raises `PenstockError` for what they refuse."""
    from meters.roads.drop import read_drop
    from service.environment import Environment
    from service.settings import load

    city = load(Environment(city=half / "city.toml", home=data))
    if table is None:
        return []
    told = [f"{', '.join(f'{one.column.strip()} -> {one.point} ({one.unit}, times {one.factor:g})' for one in table.series)}", *table.told]
    for block in read_drop(data / _FILE, city.settings.imports[0].mapping):
        missing = float((block.quality & 0xFF == 0).mean())
        days = (block.end_utc - block.start_utc).total_seconds() / 86400
        told.append(f"{block.start_utc:%Y-%m-%d %H:%M} to {block.end_utc:%Y-%m-%d %H:%M} UTC, {days:.1f} days, {missing:.1%} missing")
        if missing > 0.5:
            observed = f"{missing:.0%} of its intervals of {table.step_s} s are missing"
            raise fault(_FILE, observed, "at most half", "Give a CSV whose rows follow each other.")
        if days < 14:
            told.append(
                f"forecasts want 14 days or more of history to follow a week; until then they repeat what there is ({days:.0f} days)"
            )
    return told


def _next(folder: Path, city_id: str, table: Proposed | None, device: Device | None, field_port: int | None) -> Iterator[str]:
    """What to type next."""
    yield f"next:  cd {folder}"
    if field_port is not None:
        spec = f"var/{city_id}/field/simulator.json"
        yield f"       python -m meters.simulator --spec {spec} --port {field_port} --speed 1 --start now --lifetime 86400 &"
    yield "       penstock init && penstock doctor"
    if table is not None or field_port is not None:
        yield "       penstock import"
    if device is not None or field_port is not None:
        yield "       penstock poll          # runs until stopped"
    if table is not None:
        yield f"       penstock night --now TIME   # to try it: the midnight after {table.last:%Y-%m-%d %H:%M}, where the history ends"
    else:
        yield "       penstock night"
