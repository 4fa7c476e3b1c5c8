"""Rows against the publication they cite: the shipped sets are the reference for a city's copies.

A copy may be rounded; it may not differ. What it equals instead tells how it went wrong: the value of another year, of another
region, of the row above, of another activity, a pound for a kilogram, a short ton for a tonne, net for gross.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from carbon.lint.rows import Finding, Row, Severity, Table

_POUND = Fraction("0.45359237")
# NIST SP 811 appendix B.8: the short ton is 2000 lb, the long ton 2240 lb.
_TONS = (2000 * _POUND / 1000, 2240 * _POUND / 1000, Fraction(2000, 2240))
_HEAT = {("kg", "kWh_net"), ("kg", "kWh_gross")}
_UNKNOWN_COPY = 4  # activities a row may be taken for when its wording is none of the publication's
_LEAST_WORDS = 0.5  # share of a candidate's own words


def _agrees(row: Row, other: Row, ratio: Fraction = Fraction(1)) -> bool:
    """Is the row's value the other's (times a ratio), as exactly as the row is printed and to 3 digits at least?"""
    if row.base is None or not other.base:
        return False
    expected = other.base * ratio
    return abs(row.base - expected) <= min(max(row.half_digit, other.half_digit * ratio), expected / 400)


def _same_years(row: Row, other: Row) -> bool:
    """Is the row about the other's years? Its validity may be wider (another rule says so), its beginning is what tells."""
    return row.years[0] == other.years[0] or other.years == (0, 9999) or (other.years[1] == 9999 and row.years[0] >= other.years[0])


@dataclass(frozen=True)
class Expected:
    """The published rows a row may be a copy of, and how sure that is: what to do about a value that nothing explains."""

    rows: tuple[Row, ...]
    unexplained: Severity | None


def references(row: Row, table: Table) -> Expected:
    """The published rows it copies: same publication, region, years, dimension and gas, and the same activity.

    A reworded activity is the one of which it has most of the words, at least half of those that tell the candidates apart; or
    one of at most four. Where neither helps, nothing is expected: what ships need not be all of a publication.
    """
    same = [
        other
        for other in table.published
        if other["region"] == row["region"] and other.per == row.per and row.publications & other.publications and _same_years(row, other)
    ]
    few = len({other.activity for other in same}) <= _UNKNOWN_COPY
    if worded := [other for other in same if other.activity == row.activity]:
        return _of_gas(row, worded, "refuse")
    return _of_gas(row, _alike(row, same) or (same if few else []), "warn" if few else None)


def _of_gas(row: Row, candidates: list[Row], unexplained: Severity | None) -> Expected:
    """Candidates of the row's gas. Without any, CO2 and CO2e stand for each other, but then only an equal value tells something."""
    if of_gas := [other for other in candidates if other.gas == row.gas]:
        return Expected(tuple(of_gas), unexplained)
    return Expected(tuple(other for other in candidates if {other.gas, row.gas} == {"CO2", "CO2e"} and _agrees(row, other)), None)


def _alike(row: Row, same: list[Row]) -> list[Row]:
    """The candidates whose own words, those that not every candidate has, are in the row's activity.

    A value that agrees with a candidate of more than half as many words is taken for that one: wording is no proof of a wrong number.
    """
    shared = frozenset.intersection(*(other.words for other in same)) if same else frozenset()
    scores = [len((other.words - shared) & row.words) / max(len(other.words - shared), 1) for other in same]
    best = max(scores, default=0)
    if best < _LEAST_WORDS:
        return []
    agreeing = [other for other, score in zip(same, scores, strict=True) if score > best / 2 and _agrees(row, other)]
    return agreeing or [other for other, score in zip(same, scores, strict=True) if score == best]


def copies(table: Table) -> Iterator[Finding]:
    """Rows that cite a shipped publication and give another value or another gas than it prints."""
    for row in table.rows:
        if not row.base or not (expected := references(row, table)).rows:
            continue
        match = next((other for other in expected.rows if _agrees(row, other)), None)
        if match is None:
            yield from _explained(row, expected, table)
        elif match.gas != row.gas:
            observed, allowed = f"{row.gas} where the publication gives {match.gas}", f"{match.gas}, as '{match['id']}'"
            yield row.finding("gas", observed, allowed, "CO2e includes methane and nitrous oxide, CO2 does not; correct the gas.")
        elif match["scope"] != row["scope"]:
            # Scope 3 takes numbers of scope 2 rightly: lost power, a tenant's power. Scopes 1 and 2 take no others.
            inventory = row["scope"] in ("1", "2")
            observed = f"scope {row['scope']} for a number published as scope {match['scope']}"
            severity: Severity = "refuse" if inventory else "warn"
            rule = "footprint" if inventory else "scope"
            yield row.finding(rule, observed, match["scope"], "Keep the scope of the publication.", severity)
        elif row.years[1] > match.years[1]:
            observed = f"valid to {row['valid_to'] or 'no end'}"
            remedy = "End it there; for a later year add that year's factor, or ask for a provisional one."
            yield row.finding("superseded", observed, f"to {match['valid_to']}, as published", remedy)


def _explained(row: Row, expected: Expected, table: Table) -> Iterator[Finding]:
    """How a value that is none of the expected came about, as far as the published tables tell."""
    allowed = " or ".join(f"{other['value']} {other['unit']} ('{other['id']}')" for other in expected.rows)
    if cause := next(_causes(row, expected.rows, table), None):
        yield row.finding(cause[0], f"{row['value']} {row['unit']} is {cause[1]}", allowed, "Take the published value.")
    elif expected.unexplained:
        observed = f"{row['value']} {row['unit']} is no value that this publication gives for {row['region']}"
        yield row.finding("published", observed, allowed, "Compare with the publication.", expected.unexplained)


def _causes(row: Row, expected: tuple[Row, ...], table: Table) -> Iterator[tuple[str, str]]:
    """(rule, words) of everything that could explain the value, the likeliest first."""
    for other in expected:
        for power in (1000, 1_000_000):
            if _agrees(row, other, Fraction(power)) or _agrees(row, other, Fraction(1, power)):
                yield "thousand", f"off by {power}"
        for place in _neighbours(other, table):
            if _agrees(row, place) and place.per == row.per and place["region"] != row["region"]:
                yield "region", f"the value of the row beside it, '{place['id']}' for {place['region']}"
    for found in table.published:
        if found.per == row.per and _agrees(row, found):
            yield from _taken_from(row, expected[0], found)
        elif found.value == row.value and {found.per, row.per} == _HEAT and found.activity == expected[0].activity:
            yield "heat value", f"the value per {found['unit'].partition('/')[2]}, '{found['id']}'"
    for other in expected:
        if any(_agrees(row, other, ratio) for ratio in (_POUND, 1 / _POUND)):
            yield "pound", "off by 0.4536, a pound for a kilogram"
        if any(_agrees(row, other, power) for ratio in _TONS for power in (ratio, 1 / ratio)):
            yield "ton", "off by a short or long ton"
        for ratio in (Fraction(9, 10), Fraction(95, 100), Fraction(10, 9), Fraction(100, 95)):
            fuel = row.per and row.per[1] in ("kWh_net", "kWh_gross", "MJ")
            if fuel and row.base and other.base and abs(row.base / other.base / ratio - 1) < Fraction(1, 100):
                yield "heat value", "off by what net and gross heat value differ"


def _taken_from(row: Row, expected: Row, found: Row) -> Iterator[tuple[str, str]]:
    """The words for a value that another published row has."""
    named = f"'{found['id']}'"
    if found.activity == expected.activity and found["region"] == row["region"] and found.gas == expected.gas:
        yield "year", f"the value of {found['valid_from'][:4] or 'another assessment'}, {named}"
    elif found.family == expected.family and found.years == expected.years and found["region"] != row["region"]:
        yield "region", f"the value of {found['region']}, {named}"
    elif "water" in row.activity and "water" in found.activity and found["region"] == row["region"]:
        yield "water", f"the value of {found['activity']}, {named}"
    elif found["scope"] == "PCF":
        yield "footprint", f"the life-cycle value {named}"
    elif found.publications & row.publications and found["region"] == row["region"]:
        yield "neighbour", f"the value of {found['activity']}, {named}"


def _neighbours(other: Row, table: Table) -> tuple[Row, ...]:
    """The rows above and below in the published table."""
    at = next(i for i, row in enumerate(table.published) if row is other)
    return tuple(table.published[i] for i in (at - 1, at + 1) if 0 <= i < len(table.published))
