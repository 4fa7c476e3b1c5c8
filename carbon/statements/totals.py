"""Totals of rows, and their addresses: one address that has the entries of all the rows, proved by its sum."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from carbon.statements.address import Address, parse
from carbon.statements.document import Cell, Document, Row, Section, Table, Value
from carbon.statements.source import Source


def total_row(label: Sequence[Cell], rows: Sequence[Row], of: Sequence[int] | None = None) -> Row:
    """A row that adds rows: exact numbers are added too, text is left out."""
    places = tuple(range(len(rows)) if of is None else of)
    width = len(rows[0].cells) if rows else 0
    cells: list[Cell] = list(label)
    for c in range(len(label), width):
        values = [cell for cell in (rows[i].cells[c] for i in places) if isinstance(cell, Value)]
        cells.append(Value(sum((Fraction(v.exact) for v in values), Fraction(0))) if values else None)
    return Row(tuple(cells), places)


def addressed(document: Document, source: Source) -> Document:
    """The document with an address on every total whose rows have one that fits all of them."""

    def table(one: Table) -> Table:
        return replace(one, rows=tuple(_row(one, row, source) for row in one.rows))

    def section(one: Section) -> Section:
        return replace(one, tables=tuple(map(table, one.tables)))

    return replace(document, sections=tuple(map(section, document.sections)))


def _row(table: Table, row: Row, source: Source) -> Row:
    if not row.of:
        return row
    return Row(tuple(_cell(cell, [table.rows[line].cells[c] for line in row.of], source) for c, cell in enumerate(row.cells)), row.of)


def _cell(cell: Cell, lines: Sequence[Cell], source: Source) -> Cell:
    """The total with the address of its lines together, where the sum there is the total."""
    if not isinstance(cell, Value) or cell.address or not cell.exact:
        return cell
    parts = [line for line in lines if isinstance(line, Value) and line.exact]
    together = _together([parse(line.address) for line in parts if line.address], source) if parts else None
    if together is None or not all(line.address for line in parts):
        return cell
    per = source.total(parse(parts[0].address)) / Fraction(parts[0].exact)
    return replace(cell, address=str(together)) if source.total(together) == Fraction(cell.exact) * per else cell


def _together(addresses: Sequence[Address], source: Source) -> Address | None:
    """One address with the conditions of all: each field takes every value, all parts of the period are the period."""
    if not addresses or len({(one.show, tuple(sorted(one.where))) for one in addresses}) > 1:
        return None
    periods = sorted({one.period for one in addresses})
    period = periods[0] if len(periods) == 1 else source.period if set(periods) <= set(source.parts) else None
    where = {name: tuple(sorted({value for one in addresses for value in one.where[name]})) for name in addresses[0].where}
    return Address(period, where, addresses[0].show) if period else None
