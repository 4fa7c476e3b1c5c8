"""Tables as CSV and XLSX whose bytes depend on nothing but their cells: no clock, no locale, no formula from data."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from city.problems import fault

_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook states no zone, and no real clock may enter its bytes
_MOST_ROWS, _MOST_TEXT = 1_048_576, 32_767  # of a sheet and of a cell; XlsxWriter drops what is beyond without a word
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Formula:
    """A live formula and the value it had when written, for readers that do not calculate."""

    text: str
    value: Decimal | int


Cell = str | int | Decimal | Formula | None


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet: lines of explanation, a header and rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())

    @property
    def first_row(self) -> int:
        """Number, as a spreadsheet counts, of the first row below the header."""
        return len(self.notes) + 2 + bool(self.notes)


def neutral(text: str) -> str:
    """Text that no spreadsheet runs: a leading = + - @, tab or return is put behind an apostrophe (OWASP, CSV injection)."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def _plain(cell: Cell) -> str:
    if isinstance(cell, Formula):
        return _plain(cell.value)
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return "" if cell is None else neutral(cell) if isinstance(cell, str) else str(cell)


def write_csv(path: Path, table: Table) -> Path:
    """Write header and rows (no notes) as UTF-8 CSV; numbers are printed exactly. The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.header)
        writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    os.replace(part, path)
    return path


def _number_format(cell: Decimal | int) -> str:
    """Thousands and as many decimals as the number was stated with, at most nine."""
    places = min(9, max(0, -int(cell.as_tuple().exponent))) if isinstance(cell, Decimal) else 0
    return "#,##0" + ("." + "0" * places if places else "")


def _check_size(path: Path, table: Table) -> None:
    rows, text = table.first_row - 1 + len(table.rows), max((len(c) for row in table.rows for c in row if isinstance(c, str)), default=0)
    if rows > _MOST_ROWS or text >= _MOST_TEXT:
        observed, allowed = f"{rows} rows, longest text {text}", f"{_MOST_ROWS} rows, texts below {_MOST_TEXT} characters"
        raise fault(f"sheet '{table.name}' of {path.name}", observed, allowed, "Write CSV, or a shorter span.")


def write_xlsx(path: Path, tables: Sequence[Table]) -> Path:
    """Write one sheet per table. Numbers are float64, so 15 digits; formulas carry their value. Needs the extra `reports`."""
    import xlsxwriter

    for table in tables:
        _check_size(path, table)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with xlsxwriter.Workbook(str(part), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}) as book:
        book.set_properties({"title": "Penstock", "author": "Penstock", "created": _CREATED})
        formats: dict[str, Any] = {}
        bold = book.add_format({"bold": True, "bottom": 1})
        for table in tables:
            sheet = book.add_worksheet(table.name)
            for line, note in enumerate(table.notes):
                sheet.write_string(line, 0, neutral(note))
            header = table.first_row - 2
            for column, title in enumerate(table.header):
                sheet.write_string(header, column, title, bold)
                sheet.set_column(column, column, max(12, min(40, len(title) + 2)))
            for line, row in enumerate(table.rows, header + 1):
                for column, cell in enumerate(row):
                    _write_cell(book, sheet, (line, column), cell, formats)
            sheet.freeze_panes(header + 1, 0)
    os.replace(part, path)
    return path


def _write_cell(book: Any, sheet: Any, at: tuple[int, int], cell: Cell, formats: dict[str, Any]) -> None:
    if isinstance(cell, str):
        sheet.write_string(*at, neutral(cell))
        return
    if cell is None:
        return
    value = cell.value if isinstance(cell, Formula) else cell
    code = _number_format(value)
    style = formats.get(code) or formats.setdefault(code, book.add_format({"num_format": code}))
    if isinstance(cell, Formula):
        sheet.write_formula(*at, cell.text, style, float(value))
    else:
        sheet.write_number(*at, float(value), style)
