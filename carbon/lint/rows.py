"""Rows as the linter sees them: text cells, and what can be read from them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Literal

from carbon.units import KNOWN, FactorUnit
from city.problems import Problem

Severity = Literal["refuse", "warn"]


@dataclass(frozen=True, slots=True)
class Finding(Problem):
    """A problem of a factor row (or an account's use of one) with the rule that found it."""

    rule: str
    severity: Severity


@dataclass(frozen=True)
class Row:
    """One row of a CSV: where it stands (`file.csv:line`) and its cells."""

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def finding(self, rule: str, observed: str, allowed: str, remedy: str, severity: Severity = "refuse") -> Finding:
        return Finding(f"factor '{self['id']}' ({self.place})", observed, allowed, remedy, rule, severity)

    @cached_property
    def value(self) -> Fraction | None:
        text = self["value"]
        return Fraction(text) if re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?", text) else None

    @property
    def unit(self) -> FactorUnit | None:
        return KNOWN.get(self["unit"])

    @cached_property
    def base(self) -> Fraction | None:
        """The value in its base unit; None when value or unit cannot be read (other rules say so)."""
        return self.value * self.unit.to_base if self.value is not None and self.unit else None

    @property
    def per(self) -> tuple[str, str] | None:
        """What is counted per what: kg per kWh, kgce per m3."""
        return (self.unit.counts, self.unit.per) if self.unit else None

    @cached_property
    def half_digit(self) -> Fraction:
        """Half of the last printed digit, in the base unit: as far as a rounded copy may be off."""
        decimals = len(self["value"].partition(".")[2])
        return Fraction(1, 2 * 10**decimals) * (self.unit.to_base if self.unit else 1)

    @cached_property
    def years(self) -> tuple[int, int]:
        """First and last civil year of validity; 0 and 9999 where open or unreadable."""
        edges = []
        for column, open_end in (("valid_from", 0), ("valid_to", 9999)):
            try:
                edges.append(date.fromisoformat(self[column]).year)
            except ValueError:
                edges.append(open_end)
        return edges[0], edges[1]

    @cached_property
    def activity(self) -> str:
        return self["activity"].casefold()

    @cached_property
    def family(self) -> str:
        """The activity without the place or the product it is about."""
        head = re.split(r",| / |\(", self["activity"])[0].strip().casefold()
        return re.sub(r"^.* (stationary combustion|-> standard coal)$", r"\1", head)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w{3,}", self.activity))

    @cached_property
    def gas(self) -> str:
        """CO2, CO2e, CH4, ...; the parts of a CO2e value keep their own words."""
        return self["gas"].removeprefix("kg ")

    @cached_property
    def series(self) -> tuple[str, ...]:
        """What rows of other years of the same thing share; a warming potential is another one in each assessment."""
        assessment = ",".join(sorted(self.publications)) if self.activity == "gwp" else ""
        return self.activity, self.gas, self["unit"], self["region"], assessment

    @cached_property
    def publications(self) -> frozenset[str]:
        """What it cites, in a form that two wordings of one source share: numbers of notices, standards, reports."""
        text = self["source"]
        found = {f"notice {year}/{number}" for year, number in re.findall(r"(20\d\d)\s*(?:No\.?|年第?)\s*(\d+)", text)}
        found |= {f"gbt {number}" for number in re.findall(r"GB\s*/?\s*T\s*([\d.]*\d)", text)}
        found |= {f"egrid {year}" for year in re.findall(r"eGRID\s*(20\d\d)", text, re.IGNORECASE)}
        found |= {f"ar{number} {years or 100}" for number, years in re.findall(r"AR([456])(?:GWP(\d+))?", text)}
        if named := re.search(r"(DESNZ|Defra)\D*(20\d\d)", text, re.IGNORECASE):
            found.add(f"desnz {named[2]}")
        if "IPCC 2006" in text:
            found.add("ipcc 2006")
        return frozenset(found or {text.casefold()})


@dataclass(frozen=True)
class Table:
    """What is linted, and the published rows it is compared with: none of them is in both."""

    rows: tuple[Row, ...]
    published: tuple[Row, ...] = ()

    @cached_property
    def every(self) -> tuple[Row, ...]:
        return (*self.rows, *self.published)

    @cached_property
    def _own(self) -> frozenset[int]:
        return frozenset(map(id, self.rows))

    def own(self, *rows: Row) -> list[Row]:
        """Those of the rows that are linted, not published."""
        return [row for row in rows if id(row) in self._own]


Given = Row | tuple[str, dict[str, str]]  # as `carbon.factors.read_rows` gives it


def table_of(rows: Iterable[Given], published: Iterable[Given] = ()) -> Table:
    """A table from rows; those of a caller who lints often may be made once."""
    both = (tuple(row if isinstance(row, Row) else Row(*row) for row in some) for some in (rows, published))
    return Table(*both)
