"""`penstock explain`: from a printed number to its entries, the readings behind them, the factors and the rule; and their sum."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from carbon import factors
from carbon.factors import Factor
from carbon.gwp import gwp
from carbon.ledger.civil import from_micros
from carbon.settings import Carbon
from carbon.statements.address import Address, parse
from carbon.statements.explain import Entry, Explanation, Group, bounds, one_entry
from carbon.statements.explain import explain as entries_at
from carbon.statements.locating import Located, locate
from carbon.statements.tidy import stated
from city.clock import civil_day, local_date
from city.places import Point
from city.problems import fault
from city.quantities import Quantity
from service import schema as t
from service.environment import Environment
from service.store import ledger, meter_days, open_store

_DAYS = timedelta(days=1)  # of readings told, besides the first one's
_UNITS = {"mg": (10**9, "t of gas"), "co2e": (10**9, "t CO2e"), "coal": (1000, "tce"), "entries": (1, "entries")}


def explain(env: Environment, cell: str, most: int = 20) -> Iterator[str]:
    """The lines that explain a cell (`inventory.xlsx#Inventory!F7`), an address (`2022-06/site=centre`) or an entry (`12-345`).

    `most`: how many entries are listed one by one. Raises `PenstockError` for a cell that is no sum of entries, and when the entries do
    not add up to the number printed.
    """
    zone, told = _settings(env)
    engine = open_store(env.url)
    found = locate(_existing(cell, env.folder)) if "#" in cell else None
    known = factors.load(env.factor_folders)
    if re.fullmatch(r"\d+-\d+", cell) and not re.fullmatch(r"\d{4}-\d\d", cell):
        made = one_entry(ledger.open_ledger(engine, env.folder), cell)
    else:
        address = parse(found.address) if found else _whole(parse(cell), told.gwp)
        made = _explained(engine, env, address, known, zone, told.gwp, most)
    yield from _head(cell, found, made)
    for group in made.groups:
        yield from _group(group, made, {factor.id: factor for factor in known})
    yield from _entries(engine, zone, made)
    yield from _sum(found, made)


def _settings(env: Environment) -> tuple[str, Carbon]:
    """Time zone and [carbon] of the city file, without checking the rest of it: that takes longer than the answer."""
    try:
        return str(env.raw["city"]["time_zone"]), Carbon.model_validate(env.raw.get("carbon", {}))
    except (KeyError, TypeError, ValueError):
        from service.settings import load

        city = load(env)  # tells every fault of the file
        return city.settings.city.time_zone, city.settings.carbon


def _existing(cell: str, folder: Path) -> str:
    """The cell with the path of its file: as given, or below the city's folder."""
    path, _, place = cell.rpartition("#")
    return f"{folder / path}#{place}" if not Path(path).exists() and (folder / path).exists() else cell


def _whole(address: Address, assessment: str) -> Address:
    """What a typed key means: masses and coal are those of the city's sum unless it names a kind, and CO2e where it names no gas."""
    counts = address.show in ("amount", "entries") or "kind" in address.where
    where = {**address.where} if counts else {**address.where, "kind": ("posting",)}
    show = f"co2e:{assessment}" if address.show == "mg" and "gas" not in where else address.show
    return Address(address.period, where, show)


def _explained(
    engine: Engine, env: Environment, address: Address, known: tuple[Factor, ...], zone: str, assessment: str, most: int
) -> Explanation:
    start, end = (from_micros(edge) for edge in bounds(address.period, zone))
    books = ledger.open_ledger(engine, env.folder, start, end)
    assessment = address.show.partition(":")[2] if address.show.startswith("co2e") else assessment
    return entries_at(books, address, zone, gwp(known, assessment), _coal(env, address, known), most)


def _coal(env: Environment, address: Address, known: tuple[Factor, ...]) -> dict[str, dict[str, Any]]:
    """Weights in standard coal, where the number is one of energy."""
    if not address.show.startswith("coal"):
        return {}
    from service.settings import load
    from service.statements.source import coal_of

    found = coal_of(load(env), known, address.period)
    if address.show.partition(":")[2] not in found:
        raise fault(f"address '{address}'", "no coefficient of that basis for the year", "coal:equivalent", "Ask for the other basis.")
    return found


def _unit(made: Explanation) -> tuple[int, str]:
    """What the number shown is divided by, and its unit."""
    show = made.address.show.partition(":")[0]
    if show in _UNITS:
        return _UNITS[show]
    quantities = {Quantity(group.line.quantity) for group in made.groups}
    if len(quantities) > 1:
        units = ", ".join(sorted(quantity.unit for quantity in quantities))
        raise fault(f"address '{made.address}'", f"amounts in {units}", "one unit", "Add a condition such as quantity=energy_kwh.")
    quantity = quantities.pop()
    return quantity.scale, quantity.unit


def _head(cell: str, found: Located | None, made: Explanation) -> Iterator[str]:
    if found:
        yield f"{cell}: {found.title}, {found.row}, {found.column}"
        yield f"printed {found.printed or found.exact} {found.unit}, exactly {found.exact}; address {made.address}"
    per, unit = _unit(made)
    accounts = len({group.line.account_id for group in made.groups})
    yield f"{stated(made.total / per)} {unit} from {made.rows:,} entries of {accounts} accounts"


def _group(group: Group, made: Explanation, known: dict[str, Factor]) -> Iterator[str]:
    """Account and point, amount, rule as a fraction, its factors, and what they add."""
    line, rule, quantity = group.line, group.rule, Quantity(group.line.quantity)
    per, unit = _unit(made)
    amount = stated(Fraction(group.amount, quantity.scale))
    yield ""
    yield f"account {line.account_id} (point {line.point_id}, site {line.site}): {group.entries:,} entries, {amount} {quantity.unit}"
    provisional = " PROVISIONAL" if rule.provisional else ""
    yield f"  rule {rule.rule_id} [{rule.kind}, {rule.basis}]{provisional}: mg of {rule.gas} = amount x {rule.numerator}/{rule.denominator}"
    for name, digest in rule.parts:
        factor = known.get(name)
        if factor is None or factor.sha256 != digest:
            yield f"    factor {name}: no longer in the factor sets with hash {digest}"
        else:
            yield f"    factor {name} = {factor.value} {factor.unit}, {factor.set_name or 'own set'}, {factor.source}, sha256 {digest}"
    if rule.note:
        yield f"    note: {rule.note}"
    yield f"  {stated(Fraction(group.mg, 10**6))} kg of {rule.gas}; adds {stated(group.adds / per)} {unit}"


def _entries(engine: Engine, zone: str, made: Explanation) -> Iterator[str]:
    """The first entries one by one, then the readings of their meters."""
    if made.entries:
        yield ""
        yield f"entries (the first {len(made.entries)} of {made.rows:,}):"
    for entry in made.entries:
        yield _entry(entry)
    for name in dict.fromkeys(entry.line.point_id for entry in made.entries):
        yield from _readings(engine, zone, name, [entry for entry in made.entries if entry.line.point_id == name])


def _entry(entry: Entry) -> str:
    start = from_micros(entry.start)
    end = start + timedelta(seconds=entry.seconds)
    quantity = Quantity(entry.line.quantity)
    told = f"  {entry.name} {entry.line.point_id} {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}:"
    told += f" {stated(Fraction(entry.amount, quantity.scale))} {quantity.unit}, {entry.mg} mg {entry.rule.gas}"
    told += f", {entry.state}, version {entry.version}, known {entry.known_at}"
    return told + (f", takes back {entry.reverses}" if entry.reverses else "") + (f" ({entry.reason})" if entry.reason else "")


def _readings(engine: Engine, zone: str, name: str, entries: list[Entry]) -> Iterator[str]:
    """The stored usage of a point over its entries, interval by interval, and who made which version of its days."""
    start, end = from_micros(min(e.start for e in entries)), from_micros(max(e.start + e.seconds * 10**6 for e in entries))
    first = civil_day(local_date(start, zone), zone)[0]
    last = min(civil_day(local_date(end - timedelta(seconds=1), zone), zone)[1], civil_day(local_date(start, zone) + _DAYS, zone)[1])
    step_s = _step(engine, name, first, last)
    if step_s is None:
        yield f"  point {name}: no stored readings; its amounts come from other points, from documents or from water balances"
        return
    quantity = Quantity(entries[0].line.quantity)
    point = Point(id=name, meter="", quantity=quantity, step_s=step_s)
    block = meter_days.block(engine, [point], first, last)
    cut = slice(int((start - first).total_seconds()) // step_s, min(block.steps, -(int((end - first).total_seconds()) // -step_s)))
    told = zip(block.values[0, cut].tolist(), block.usable()[0, cut].tolist(), strict=True)
    values = ", ".join(stated(Fraction(value, quantity.scale)) + ("" if usable else "?") for value, usable in told)
    yield f"  readings of {name} from {start:%Y-%m-%dT%H:%MZ}, each {step_s} s [{quantity.unit}, ? not usable]: {values}"
    for one in meter_days.versions(engine, [point], first, last):
        known = f"{one.known_at_utc:%Y-%m-%dT%H:%MZ}"
        yield f"    day {one.day_start_utc:%Y-%m-%dT%H:%MZ} version {one.version}, known {known}, {one.who}: {one.reason}"


def _step(engine: Engine, name: str, start: datetime, end: datetime) -> int | None:
    """Step of a point's stored days [s], or None when none is stored."""
    day, point = t.meter_day.c, t.point.c
    statement = select(day.step_s).join(t.point, point.point_key == day.point_key)
    statement = statement.where(point.point_id == name, day.day_start_utc >= start, day.day_start_utc < end)
    with engine.connect() as connection:
        return connection.execute(statement.limit(1)).scalar()


def _sum(found: Located | None, made: Explanation) -> Iterator[str]:
    """The check: groups add up to the number, and the number is the one printed."""
    per, unit = _unit(made)
    total = sum((group.adds for group in made.groups), Fraction(0)) / per
    yield ""
    yield f"sum of the accounts: {stated(total)} {unit}"
    if found and stated(total) != found.exact:
        observed = f"{found.exact} in the file, {stated(total)} in the ledger"
        raise fault(
            f"cell {found.column}, {found.row}", observed, "the same number", "The file or the ledger changed since: write it again."
        )
