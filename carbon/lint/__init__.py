"""A first linter of factor sets: what goes wrong when tables are copied, told per row. Nothing it says is an opinion."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from statistics import median

from carbon.factors import SHIPPED, read_rows
from carbon.units import KNOWN, FactorUnit
from city.problems import Problem

Row = tuple[str, dict[str, str]]  # place (file:line) and cells as text
Rule = Callable[[Sequence[Row]], Iterator[Problem]]

# Widest span [base unit] seen in nature or in print; a slip by 1000 leaves it from anywhere inside for the narrow ones.
_SPANS: dict[tuple[str, str, str], tuple[str, str]] = {
    ("2", "kg", "kWh"): ("0.005", "2"),
    ("PCF", "kg", "kWh"): ("0.05", "2"),
    ("1", "kg", "kWh"): ("0.01", "3"),
    ("3", "kg", "m3"): ("0.01", "5"),
    ("2", "kg", "MJ"): ("0.01", "0.4"),
    ("energy", "kgce", "kWh"): ("0.1", "0.6"),
    ("energy", "kgce", "m3"): ("0.1", "3"),
    ("energy", "kgce", "MJ"): ("0.03", "0.04"),
    ("1", "MJ", "m3"): ("3", "60"),
    ("1", "kgC", "MJ"): ("0.01", "0.04"),
    ("1", "1", "1"): ("0.5", "1"),
}
_SLIP = 31  # about the square root of 1000: beyond it a value divided by 1000 lies nearer to its neighbours than itself


def _told(row: Row) -> str:
    return f"factor '{row[1]['id']}' ({row[0]})"


def _value(row: Row) -> Fraction | None:
    text = row[1]["value"]
    return Fraction(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _base(row: Row) -> tuple[Fraction, FactorUnit] | None:
    """The value in its base unit, or None when value or unit is not readable (another rule says so)."""
    value, unit = _value(row), KNOWN.get(row[1]["unit"])
    return (value * unit.to_base, unit) if value and unit else None


def bad_numbers(rows: Sequence[Row]) -> Iterator[Problem]:
    """Values that are no plain decimal, and zero, which is more often a lost value than a measured one."""
    for row in rows:
        if not _value(row):
            allowed = "a positive decimal number"
            yield Problem(_told(row), f"value '{row[1]['value']}'", allowed, "Write one number; a range is not a factor.")


def bad_units(rows: Sequence[Row]) -> Iterator[Problem]:
    """Units nobody can compute with."""
    for row in rows:
        if row[1]["unit"] not in KNOWN:
            yield Problem(_told(row), f"unit '{row[1]['unit']}'", ", ".join(KNOWN), "Convert to a known unit and say so in the source.")


def double_ids(rows: Sequence[Row]) -> Iterator[Problem]:
    """One id with two numbers. The same number quoted in two tables is no fault."""
    seen: dict[str, Row] = {}
    numbers = ("gas", "value", "unit", "region", "valid_from", "valid_to")
    for row in rows:
        first = seen.setdefault(row[1]["id"], row)
        if any(first[1][name] != row[1][name] for name in numbers):
            yield Problem(_told(row), f"another number than in {first[0]}", "one number per id", "Give the new number its own id.")


def unsourced(rows: Sequence[Row]) -> Iterator[Problem]:
    """Rows without what makes them citable."""
    for row in rows:
        if lacking := [name for name in ("id", "activity", "region", "source", "licence") if row[1][name] in ("", "-", "?")]:
            yield Problem(_told(row), f"no {', '.join(lacking)}", "every row cited", "Name publication, number and date.")


def unverified(rows: Sequence[Row]) -> Iterator[Problem]:
    """Rows nobody has compared with their source."""
    for row in rows:
        if row[1]["status"] != "verified":
            yield Problem(_told(row), f"status '{row[1]['status']}'", "verified", "Compare with the source, or leave the row out.")


def bad_dates(rows: Sequence[Row]) -> Iterator[Problem]:
    """Validity that cannot be read or ends before it begins, and an id that names another year than the validity."""
    for row in rows:
        try:
            edges = [date.fromisoformat(row[1][name]) if row[1][name] else None for name in ("valid_from", "valid_to")]
        except ValueError:
            yield Problem(_told(row), f"validity '{row[1]['valid_from']}' to '{row[1]['valid_to']}'", "YYYY-MM-DD", "Correct the date.")
            continue
        first, last = edges
        if first and last and last < first:
            yield Problem(_told(row), f"valid from {first} to {last}", "an end after the beginning", "Exchange or correct the dates.")
        named = re.search(r"[._](20\d\d)(?=[._]|$)", row[1]["id"])
        if named and first and last and first.year == last.year != int(named[1]):
            yield Problem(_told(row), f"valid in {first.year}", f"{named[1]}, as its id says", "Correct the validity or the id.")


def _family(row: Row, unit: FactorUnit) -> tuple[str, ...]:
    """What makes rows comparable: gas, base unit, and the activity without the place or product it is about."""
    activity = re.split(r",| / |\(", row[1]["activity"])[0].strip().casefold()
    activity = re.sub(r"^.* (stationary combustion|-> standard coal)$", r"\1", activity)
    gas = row[1]["gas"].removeprefix("kg ")
    if activity == "gwp":  # CH4-fossil and CH4-non-fossil are neighbours of CH4
        gas = gas.split("-")[0]
    return activity, gas, unit.counts, unit.per


def _is_water_coal(row: Row, unit: FactorUnit) -> bool:
    """Water as a working medium is a thousandth of any fuel's standard coal per kilogram, and no slip."""
    return unit.counts == "kgce" and "water" in row[1]["activity"].casefold()


def _span(row: Row, unit: FactorUnit) -> tuple[Fraction, Fraction]:
    if _is_water_coal(row, unit) and unit.per == "kg":
        return Fraction("0.0001"), Fraction("0.001")
    low, high = _SPANS.get((row[1]["scope"], unit.counts, unit.per), ("0", "1000000000"))
    return Fraction(low), Fraction(high)


def thousand_slips(rows: Sequence[Row]) -> Iterator[Problem]:
    """Values 1000 times too large or small (kg for t, kWh for MWh): far from the median of comparable rows or out of any span.

    A family of two cannot say which of the two slipped, so both are named.
    """
    families: dict[tuple[str, ...], list[tuple[Row, Fraction]]] = defaultdict(list)
    for row in rows:
        if (base := _base(row)) is None:
            continue
        value, unit = base
        low, high = _span(row, unit)
        if value < low or value > high:
            observed, allowed = f"{float(value):g} {unit.counts}/{unit.per}", f"{float(low):g} to {float(high):g}"
            yield Problem(_told(row), observed, allowed, "Look for a slip of the unit, kg for t or kWh for MWh.")
        elif not _is_water_coal(row, unit):
            families[_family(row, unit)].append((row, value))
    for members in families.values():
        for place, (row, value) in enumerate(members):
            others = [other for at, (_, other) in enumerate(members) if at != place]
            if others and not Fraction(1, _SLIP) < value / median(others) < _SLIP:
                observed = f"{float(value):g} where {len(others)} comparable rows have a median of {float(median(others)):g}"
                yield Problem(_told(row), observed, f"within a factor of {_SLIP}", "Look for a slip of the unit, kg for t or kWh for MWh.")


RULES: tuple[Rule, ...] = (bad_numbers, bad_units, double_ids, unsourced, unverified, bad_dates, thousand_slips)


def lint(rows: Iterable[Row]) -> tuple[Problem, ...]:
    """Every finding of every rule over rows as `carbon.factors.read_rows` gives them; empty when there is none."""
    held = tuple(rows)
    return tuple(problem for rule in RULES for problem in rule(held))


def lint_folders(folders: Sequence[Path] = ()) -> tuple[Problem, ...]:
    """Lint the shipped sets and those of `folders` together, so that a city's rows are compared with published ones."""
    return lint(row for folder in (SHIPPED, *folders) for row in read_rows(folder))
