"""`penstock explain`: from a printed number to its entries, the readings behind them, the factors and the rule; and their sum."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from sqlalchemy import Engine

from carbon import factors
from carbon.factors import Factor
from carbon.gwp import gwp
from carbon.ledger.civil import from_micros
from carbon.statements.address import Address, parse
from carbon.statements.explain import Entry, Explanation, Group, bounds, one_entry
from carbon.statements.explain import explain as entries_at
from carbon.statements.locating import Located, locate
from carbon.statements.tidy import stated
from city.problems import fault
from city.quantities import Quantity
from service.environment import Environment
from service.settings import LoadedCity, load
from service.statement_source import coal_of
from service.store import ledger, meter_days, open_store

_UNITS = {"mg": (10**9, "t of gas"), "co2e": (10**9, "t CO2e"), "coal": (1000, "tce"), "entries": (1, "entries")}


def explain(env: Environment, cell: str, most: int = 20) -> Iterator[str]:
    """The lines that explain a cell (`inventory.xlsx#Inventory!F7`), an address (`2022-06/site=centre`) or an entry (`12-345`).

    `most`: how many entries are listed one by one. Raises `PenstockError` for a cell that is no sum of entries, and when the entries do
    not add up to the number printed.
    """
    city = load(env)
    engine = open_store(env.url)
    found = locate(_existing(cell, city)) if "#" in cell else None
    known = factors.load(city.factor_folders)
    if re.fullmatch(r"\d+-\d+", cell) and not re.fullmatch(r"\d{4}-\d\d", cell):
        made = one_entry(ledger.open_ledger(engine, city.folder), cell)
    else:
        address = parse(found.address) if found else _whole(parse(cell), city)
        made = _explained(engine, city, address, known, most)
    yield from _head(cell, found, made)
    for group in made.groups:
        yield from _group(group, made, {factor.id: factor for factor in known})
    yield from _entries(engine, city, made)
    yield from _sum(found, made)


def _existing(cell: str, city: LoadedCity) -> str:
    """The cell with the path of its file: as given, or below the city's folder."""
    path, _, place = cell.rpartition("#")
    below = city.folder / path
    return f"{below}#{place}" if not Path(path).exists() and below.exists() else cell


def _whole(address: Address, city: LoadedCity) -> Address:
    """What a plain key means: what is in the city's sum, and as CO2e where it names no gas."""
    where = {**address.where} if "kind" in address.where or address.show != "mg" else {**address.where, "kind": ("posting",)}
    show = f"co2e:{city.settings.carbon.gwp}" if address.show == "mg" and "gas" not in where else address.show
    return Address(address.period, where, show)


def _explained(engine: Engine, city: LoadedCity, address: Address, known: tuple[Factor, ...], most: int) -> Explanation:
    zone = city.settings.city.time_zone
    start, end = (from_micros(edge) for edge in bounds(address.period, zone))
    books = ledger.open_ledger(engine, city.folder, start, end)
    assessment = address.show.partition(":")[2] if address.show.startswith("co2e") else city.settings.carbon.gwp
    coal = coal_of(city, known, address.period) if address.show.startswith("coal") else {}
    if address.show.startswith("coal") and address.show.partition(":")[2] not in coal:
        raise fault(f"address '{address}'", "no coefficient of that basis for the year", "coal:equivalent", "Ask for the other basis.")
    return entries_at(books, address, zone, gwp(known, assessment), coal, most)


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


def _entries(engine: Engine, city: LoadedCity, made: Explanation) -> Iterator[str]:
    """The first entries one by one, each with the readings of its period."""
    if made.entries:
        yield ""
        yield f"entries (the first {len(made.entries)} of {made.rows:,}):"
    for entry in made.entries:
        yield _entry(entry)
    for name in dict.fromkeys(entry.line.point_id for entry in made.entries):
        own = [entry for entry in made.entries if entry.line.point_id == name]
        yield from _readings(engine, city, name, own)


def _entry(entry: Entry) -> str:
    start = from_micros(entry.start)
    end = start + timedelta(seconds=entry.seconds)
    quantity = Quantity(entry.line.quantity)
    told = f"  {entry.name} {entry.line.point_id} {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}:"
    told += f" {stated(Fraction(entry.amount, quantity.scale))} {quantity.unit}, {entry.mg} mg {entry.rule.gas}"
    told += f", {entry.state}, version {entry.version}, known {entry.known_at}"
    return told + (f", takes back {entry.reverses}" if entry.reverses else "") + (f" ({entry.reason})" if entry.reason else "")


def _readings(engine: Engine, city: LoadedCity, name: str, entries: list[Entry]) -> Iterator[str]:
    """The stored usage of a point over its entries, interval by interval, and who made which version of its days."""
    point = city.points.get(name)
    if point is None:
        yield f"  point {name}: no meter; its amounts are made from other points, from documents or from water balances"
        return
    start, end = from_micros(min(e.start for e in entries)), from_micros(max(e.start + e.seconds * 10**6 for e in entries))
    start, end = _on_grid(start, point.step_s, down=True), _on_grid(end, point.step_s, down=False)
    block = meter_days.block(engine, [point], start, min(end, start + timedelta(days=2)))
    quantity = Quantity(point.stored)
    values = ", ".join(
        f"{stated(Fraction(int(value), quantity.scale))}" + ("" if good else "?")
        for value, good in zip(block.values[0][:96], block.usable()[0][:96], strict=True)
    )
    yield f"  readings of {name} from {start:%Y-%m-%dT%H:%MZ}, each {point.step_s} s [{quantity.unit}, ? not usable]: {values}"
    for one in meter_days.versions(engine, [point], start, end):
        known = f"{one.known_at_utc:%Y-%m-%dT%H:%MZ}"
        yield f"    day {one.day_start_utc:%Y-%m-%dT%H:%MZ} version {one.version}, known {known}, {one.who}: {one.reason}"


def _on_grid(time: datetime, step_s: int, *, down: bool) -> datetime:
    seconds = int(time.timestamp())
    return datetime.fromtimestamp((seconds if down else seconds + step_s - 1) // step_s * step_s, UTC)


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
