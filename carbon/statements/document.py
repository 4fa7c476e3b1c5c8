"""What every statement is before it is a file: sections of text, tables of typed cells and charts, and the seal of its ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from carbon.statements.rounding import controlled, largest_remainder

Kind = Literal["label", "number", "text"]


@dataclass(frozen=True, slots=True)
class Value:
    """A number: exact, and as printed at its column's places.

    `address` is where `penstock explain` finds the entries whose sum it is (see `carbon.statements.address`), empty for a
    number that is no sum of entries. `exact` may be a ratio; CSV and JSON state it to twelve places.
    """

    exact: Fraction | Decimal | int
    address: str = ""
    printed: Decimal | None = None


Cell = Value | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `key` in CSV and JSON, `title` where people read, `unit`, printed decimal `places`.

    `adds` names the columns whose sum it is, so that it is printed as their sum.
    """

    key: str
    title: str
    kind: Kind = "label"
    unit: str = ""
    places: int = 0
    adds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row: cells in column order; a total names by `of` the rows (by place in the table) whose sum it is."""

    cells: tuple[Cell, ...]
    of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under columns; `key` is its sheet and file name, `notes` stand below it."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def place(self, key: str) -> int:
        """Position of the column `key`."""
        return next(i for i, column in enumerate(self.columns) if column.key == key)


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars of a chart; None where there is no value."""

    name: str
    values: tuple[float | None, ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of numbers that a table beside it gives: stacked bars or lines over `labels`."""

    title: str
    unit: str
    kind: Literal["bars", "lines"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a document: text, charts, tables."""

    key: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Seal:
    """What ties a statement to its ledger: root [hex], batches, when known, signature and public key (empty: not signed)."""

    root: str
    batches: int = 0
    known_at_utc: str = ""
    signature: str = ""
    public_key: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # name of each proof file -> its SHA-256 [hex]


@dataclass(frozen=True, slots=True)
class Document:
    """One statement, ready to be written as CSV, XLSX, PDF or JSON."""

    kind: str
    title: str
    city: str
    period: str
    language: str
    sections: tuple[Section, ...]
    seal: Seal

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(table for section in self.sections for table in section.tables)


def rounded(table: Table) -> Table:
    """The table with every number's `printed` set so that rows and columns add up as printed.

    Columns that a total column adds are rounded together with the lines (`controlled`), other columns with totals as a list
    (`largest_remainder`), and lines without a total row each number for itself, half to even, so that one number prints the same in all of
    them. A total is the sum of what is printed.
    """
    lines = [place for place, row in enumerate(table.rows) if not row.of]
    summed = {c for row in table.rows if row.of for c, cell in enumerate(row.cells) if isinstance(cell, Value)}
    printed: dict[tuple[int, int], int] = {}
    parts = {key for column in table.columns for key in column.adds}
    for total in (column for column in table.columns if column.adds):
        places = [table.place(key) for key in total.adds if not table.columns[table.place(key)].adds]
        fresh = [place for place in places if (lines[0], place) not in printed] if lines else []
        exact = [[_units(table, r, c) for c in fresh] for r in lines]
        _fill(printed, lines, fresh, controlled(exact) if summed else [[round(n) for n in row] for row in exact])
    for c, column in enumerate(table.columns):
        if column.kind == "number" and not column.adds and column.key not in parts:
            numbers = [_units(table, r, c) for r in lines]
            _fill(printed, lines, [c], [[n] for n in (largest_remainder(numbers) if c in summed else map(round, numbers))])
    rows = [Row(tuple(_printed(table, printed, r, c) for c in range(len(table.columns))), row.of) for r, row in enumerate(table.rows)]
    return Table(table.key, table.title, table.columns, tuple(rows), table.notes)


def _units(table: Table, r: int, c: int) -> Fraction:
    cell = table.rows[r].cells[c]
    return Fraction(cell.exact) * 10 ** table.columns[c].places if isinstance(cell, Value) else Fraction(0)


def _fill(printed: dict[tuple[int, int], int], lines: Sequence[int], places: Sequence[int], numbers: Sequence[Sequence[int]]) -> None:
    printed.update({(r, c): n for r, row in zip(lines, numbers, strict=True) for c, n in zip(places, row, strict=True)})


def _count(table: Table, printed: dict[tuple[int, int], int], r: int, c: int) -> int:
    """Printed units of a cell: as rounded, or the sum of the cells it adds."""
    if rows := table.rows[r].of:
        return sum(_count(table, printed, line, c) for line in rows)
    if keys := table.columns[c].adds:
        return sum(_count(table, printed, r, table.place(key)) for key in keys)
    return printed.get((r, c), 0)


def _printed(table: Table, printed: dict[tuple[int, int], int], r: int, c: int) -> Cell:
    cell = table.rows[r].cells[c]
    if not isinstance(cell, Value):
        return cell
    return Value(cell.exact, cell.address, Decimal(_count(table, printed, r, c)).scaleb(-table.columns[c].places))
