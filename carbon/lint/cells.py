"""Rules that need one row: what cannot be read, is not cited, or contradicts itself."""

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from carbon.factors import regions
from carbon.lint.rows import Finding, Row, Table
from carbon.units import KNOWN

_FOOTPRINT = re.compile(r"life[- ]?cycle|footprint|cradle|\blca\b|足迹|生命周期", re.IGNORECASE)
_UPSTREAM = re.compile(r"\bwtt\b|well[- ]to[- ]tank|upstream|transmission and distribution|输配|上游", re.IGNORECASE)

# National defaults of the carbon market's reports [kgCO2/kWh], and the last year of data each was for: notices Huanban Qihou 2021 No. 9,
# Huanban Qihou Han 2022 No. 111 and 2023 No. 43. They live on in tables without a year.
_OLD_DEFAULTS = {Fraction("0.6101"): 2020, Fraction("0.5810"): 2021, Fraction("0.5703"): 2022}


def numbers(table: Table) -> Iterator[Finding]:
    """Values that are no plain decimal, and zero, which is more often a lost value than a measured one."""
    for row in table.rows:
        if not row.value:
            yield row.finding(
                "number", f"value '{row['value']}'", "a positive decimal number", "Write one number; a range is not a factor."
            )


def units(table: Table) -> Iterator[Finding]:
    """Units nobody can compute with."""
    for row in table.rows:
        if row.unit is None:
            yield row.finding("unit", f"unit '{row['unit']}'", ", ".join(KNOWN), "Convert to a known unit and say so in the source.")


def known_regions(table: Table) -> Iterator[Finding]:
    """Regions that are in no list of codes."""
    for row in table.rows:
        if not regions.known(row["region"]):
            allowed = f"an ISO 3166 code such as {', '.join(regions.near(row['region']))}"
            yield row.finding("region code", f"region '{row['region']}'", allowed, "Correct the code; it is written in capitals.")


def sourced(table: Table) -> Iterator[Finding]:
    """Rows without what makes them citable."""
    for row in table.rows:
        if lacking := [name for name in ("id", "activity", "region", "source", "licence") if row[name] in ("", "-", "?")]:
            yield row.finding("unsourced", f"no {', '.join(lacking)}", "every row cited", "Name publication, number and date.")


def verified(table: Table) -> Iterator[Finding]:
    """Rows nobody has compared with their source."""
    for row in table.rows:
        if row["status"] != "verified":
            yield row.finding("unverified", f"status '{row['status']}'", "verified", "Compare with the source, or leave the row out.")


def dates(table: Table) -> Iterator[Finding]:
    """Validity that cannot be read or ends before it begins, and an id or a source that names another year than the validity."""
    for row in table.rows:
        texts = row["valid_from"], row["valid_to"]
        try:
            first, last = (date.fromisoformat(text) if text else None for text in texts)
        except ValueError:
            yield row.finding("dates", f"validity '{texts[0]}' to '{texts[1]}'", "YYYY-MM-DD", "Correct the date.")
            continue
        if first and last and last < first:
            yield row.finding("dates", f"valid from {first} to {last}", "an end after the beginning", "Exchange or correct the dates.")
        elif first and last and first.year == last.year:
            yield from _named_year(row, first.year)


def _named_year(row: Row, year: int) -> Iterator[Finding]:
    """A row of one year whose id, activity or source names another as the year of its data."""
    by_id = re.search(r"[._](20\d\d)(?=[._]|$)", row["id"])
    by_source = re.search(r"(20\d\d)(?: electricity|年电力)", row["source"])
    for where, named in (("id", by_id), ("source", by_source)):
        if named and int(named[1]) != year:
            yield row.finding("year", f"valid in {year}", f"{named[1]}, as its {where} says", f"Correct the validity or the {where}.")
            return


def gas_of_unit(table: Table) -> Iterator[Finding]:
    """Carbon dioxide in a unit of CO2e, or the reverse."""
    for row in table.rows:
        said = re.search(r"CO2e?", row["unit"])
        if said and row.activity != "gwp" and row.gas in ("CO2", "CO2e") and row.gas != said[0]:
            remedy = "Look into the source: CO2e includes methane and nitrous oxide, CO2 does not."
            yield row.finding("gas", f"gas {row.gas} in {row['unit']}", "gas and unit that agree", remedy)


def inventory_scope(table: Table) -> Iterator[Finding]:
    """Life-cycle and upstream factors that call themselves scope 1 or 2."""
    for row in table.rows:
        words = f"{row['activity']} {row['source']}"
        if row["scope"] not in ("1", "2") or row.unit is None or row.unit.counts != "kg":
            continue
        if found := _FOOTPRINT.search(words):
            remedy = "Keep life-cycle factors out of inventories: scope PCF."
            yield row.finding("footprint", f"'{found[0]}' in scope {row['scope']}", "scope PCF or 3", remedy)
        elif found := _UPSTREAM.search(words):
            yield row.finding("footprint", f"'{found[0]}' in scope {row['scope']}", "scope 3", "Upstream emissions belong to scope 3.")


def old_defaults(table: Table) -> Iterator[Finding]:
    """A national default of former years where a newer one is published."""
    for row in table.rows:
        last = _OLD_DEFAULTS.get(row.base or Fraction(0)) if row["region"] == "CN" and row.per == ("kg", "kWh") else None
        if last and row.years[1] > last:
            observed = f"{row['value']} {row['unit']}, the carbon market's default for {last}, valid to {row['valid_to'] or 'no end'}"
            remedy = "Take the factor of the year, of the province where there is one."
            yield row.finding("superseded", observed, f"to {last}-12-31", remedy, "warn")
