"""Statements as a workbook: a sheet per table, totals as live formulas with the printed value beside them, no clock."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from carbon.statements.document import Cell, Column, Document, Row, Table, Value
from carbon.statements.tidy import stated
from city.problems import fault
from city.spreadsheets import neutral

FIRST_ROW = 6  # of the first row below the header, as a spreadsheet counts: title, city and period, root, empty line, header
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook states no zone, and no real clock may enter its bytes
_MOST_ROWS, _MOST_TEXT = 1_048_576, 32_767  # of a sheet and of a cell; XlsxWriter drops what is beyond without a word
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def column_letters(place: int) -> str:
    """Letters of a column by its place from 0: A, B, ..., Z, AA."""
    letters = ""
    while place >= 0:
        place, letter = divmod(place, 26)
        letters, place = chr(ord("A") + letter) + letters, place - 1
    return letters


def _formula(table: Table, row: Row, r: int, c: int) -> str:
    """The sum a total stands for, over the cells it adds; empty for a plain cell."""
    if row.of:
        column = column_letters(c)
        if row.of == tuple(range(row.of[0], row.of[-1] + 1)):
            return f"=SUM({column}{FIRST_ROW + row.of[0]}:{column}{FIRST_ROW + row.of[-1]})"
        return "=" + "+".join(f"N({column}{FIRST_ROW + line})" for line in row.of)
    keys = table.columns[c].adds
    return f"=SUM({','.join(f'{column_letters(table.place(key))}{FIRST_ROW + r}' for key in keys)})" if keys else ""


def _check(path: Path, document: Document) -> None:
    for table in document.tables:
        rows = FIRST_ROW - 1 + len(table.rows) + len(table.notes) + 1
        text = max((len(cell) for row in table.rows for cell in row.cells if isinstance(cell, str)), default=0)
        if rows > _MOST_ROWS or text >= _MOST_TEXT:
            observed, allowed = f"{rows} rows, longest text {text}", f"{_MOST_ROWS} rows, texts below {_MOST_TEXT} characters"
            raise fault(f"sheet '{table.key}' of {path.name}", observed, allowed, "Write CSV, or a shorter span.")


def write_xlsx(document: Document, path: Path) -> Path:
    """Write a sheet `About` with the document's text and one sheet per table. Numbers are as printed, in float64.

    Totals are formulas that carry their value for readers that do not calculate. Raises `PenstockError` for what a sheet
    cannot hold. Needs the extra `reports`.
    """
    import xlsxwriter

    _check(path, document)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with xlsxwriter.Workbook(str(part), _OPTIONS) as book:
        book.set_properties({"title": neutral(document.title), "author": "Penstock", "created": _CREATED})
        styles = _Styles(book)
        _about(book.add_worksheet("About"), document, styles)
        for table in document.tables:
            _sheet(book.add_worksheet(table.key), document, table, styles)
    os.replace(part, path)
    return path


class _Styles:
    """Formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[str, Any]()
        self.bold = book.add_format({"bold": True})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.wrap = book.add_format({"text_wrap": True, "valign": "top"})

    def of(self, column: Column, total: bool) -> Any:
        """Numbers with thousands and the column's decimals, text wrapped, bold for a total."""
        look: dict[str, Any] = {"bold": total, "valign": "top", "text_wrap": column.kind == "text"}
        if column.kind == "number":
            look["num_format"] = "#,##0" + ("." + "0" * column.places if column.places else "")
        key = str(look)
        return self._made.get(key) or self._made.setdefault(key, self._book.add_format(look))


def _about(sheet: Any, document: Document, styles: _Styles) -> None:
    sheet.set_column(0, 0, 120)
    lines = [(document.title, styles.bold), (f"{document.city} · {document.period}", styles.wrap), (document.seal.root, styles.wrap)]
    for section in document.sections:
        if section.text:
            lines += [("", styles.wrap), (section.title, styles.bold), *((text, styles.wrap) for text in section.text)]
    for line, (text, style) in enumerate(lines):
        sheet.write_string(line, 0, neutral(text), style)


def _sheet(sheet: Any, document: Document, table: Table, styles: _Styles) -> None:
    for line, text in enumerate((table.title, f"{document.city} · {document.period}", document.seal.root)):
        sheet.write_string(line, 0, neutral(text), styles.bold if line == 0 else None)
    header = FIRST_ROW - 2
    for c, column in enumerate(table.columns):
        sheet.write_string(header, c, neutral(f"{column.title} [{column.unit}]" if column.unit else column.title), styles.head)
        sheet.set_column(c, c, 14 if column.kind == "number" else 36 if column.kind == "text" else 22)
    for r, row in enumerate(table.rows):
        for c, cell in enumerate(row.cells):
            _write(sheet, (header + 1 + r, c), cell, _formula(table, row, r, c), styles.of(table.columns[c], bool(row.of)))
    for line, note in enumerate(table.notes, header + len(table.rows) + 2):
        sheet.write_string(line, 0, neutral(note))
    sheet.freeze_panes(header + 1, 0)


def _write(sheet: Any, at: tuple[int, int], cell: Cell, formula: str, style: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(*at, neutral(cell), style)
    elif isinstance(cell, Value):
        number = float(stated(cell.exact) if cell.printed is None else cell.printed)
        if formula:
            sheet.write_formula(*at, formula, style, number)
        else:
            sheet.write_number(*at, number, style)
