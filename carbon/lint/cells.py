"""Rules that need one row: what cannot be read, is not cited, or contradicts itself."""

import re
from collections.abc import Iterator
from fractions import Fraction

from carbon.factors.reading import factor_of
from carbon.lint.rows import Finding, Row, Severity, Table
from city.problems import PenstockError

_FOOTPRINT = re.compile(r"life[- ]?cycle|footprint|cradle|\blca\b|足迹|生命周期", re.IGNORECASE)
_UPSTREAM = re.compile(r"\bwtt\b|well[- ]to[- ]tank|upstream|transmission and distribution|输配|上游", re.IGNORECASE)

_SAYS: tuple[tuple[str, Severity], ...] = (("activity", "refuse"), ("source", "warn"))

# National defaults of the carbon market's reports [kgCO2/kWh], and the last year each was for: 0.6101 until the notice of March 2022
# put 0.5810 in its place for 2021, 0.5703 for 2022 by the notice of February 2023. They live on in tables without a year.
_OLD_DEFAULTS = {Fraction("0.6101"): 2020, Fraction("0.5810"): 2021, Fraction("0.5703"): 2022}


def readable(table: Table) -> Iterator[Finding]:
    """Rows that no set may have, in the words of the loader: unread, not cited, not verified."""
    for row in table.rows:
        try:
            factor_of(row.place, row.cells, {})
        except PenstockError as error:
            yield from refusals(error, "row")


def refusals(error: PenstockError, rule: str) -> Iterator[Finding]:
    """The problems of an error as findings to refuse."""
    for one in error.problems:
        yield Finding(one.subject, one.observed, one.allowed, one.remedy, rule, "refuse")


def zero(table: Table) -> Iterator[Finding]:
    """Zero, which is right for power by a contract with wind or water, and may be a lost value."""
    for row in table.rows:
        if row.value == 0:
            yield row.finding("number", f"value '{row['value']}'", "most often more than 0", "Look whether the source says 0.", "warn")


def named_years(table: Table) -> Iterator[Finding]:
    """Rows of one year whose id or source names another as the year of its data."""
    for row in table.rows:
        if row.years[0] == row.years[1]:
            yield from _named_year(row, row.years[0])


def _named_year(row: Row, year: int) -> Iterator[Finding]:
    by_id = re.search(r"[._](20\d\d)(?=[._]|$)", row["id"])
    by_source = re.search(r"(20\d\d)(?: electricity|年电力)", row["source"])
    for where, named in (("id", by_id), ("source", by_source)):
        if named and int(named[1]) != year:
            remedy = f"Correct the validity or the {where}; the year of a contract may stay."
            yield row.finding("year", f"valid in {year}", f"{named[1]}, as its {where} says", remedy, "warn")
            return


def gas_of_unit(table: Table) -> Iterator[Finding]:
    """Carbon dioxide in a unit of CO2e, or the reverse."""
    for row in table.rows:
        said = re.search(r"CO2e?", row["unit"])
        if said and row.activity != "gwp" and row.gas in ("CO2", "CO2e") and row.gas != said[0]:
            remedy = "Look into the source: CO2e includes methane and nitrous oxide, CO2 does not."
            yield row.finding("gas", f"gas {row.gas} in {row['unit']}", "gas and unit that agree", remedy)


def inventory_scope(table: Table) -> Iterator[Finding]:
    """Life-cycle and upstream factors that call themselves scope 1 or 2; a source that only sounds so is to be looked at."""
    for row in table.rows:
        if row["scope"] not in ("1", "2") or row.unit is None or row.unit.counts != "kg":
            continue
        for column, severity in _SAYS:
            for words, scope in ((_FOOTPRINT, "PCF"), (_UPSTREAM, "3")):
                if found := words.search(row[column]):
                    observed = f"'{found[0]}' as its {column} in scope {row['scope']}"
                    remedy = "Keep life-cycle and upstream factors out of scopes 1 and 2."
                    yield row.finding("footprint", observed, f"scope {scope}", remedy, severity)


def old_defaults(table: Table) -> Iterator[Finding]:
    """A national default of former years where a newer one is published."""
    for row in table.rows:
        last = _OLD_DEFAULTS.get(row.base or Fraction(0)) if row["region"] == "CN" and row.per == ("kg", "kWh") else None
        if last and row.years[1] > last:
            observed = f"{row['value']} {row['unit']}, the carbon market's default for {last}, valid to {row['valid_to'] or 'no end'}"
            remedy = "Take the factor of the year, of the province where there is one."
            yield row.finding("superseded", observed, f"to {last}-12-31", remedy, "warn")
