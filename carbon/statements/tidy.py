"""Statements as CSV (one file per table) and JSON (everything, with each number's address): exact numbers, same bytes."""

import csv
import json
import os
from decimal import Decimal
from fractions import Fraction
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any

from carbon.statements.document import Cell, Document, Row, Table, Value
from city.spreadsheets import neutral

_PLACES = 12  # decimals of a ratio that no decimal states exactly


def stated(number: Fraction | Decimal | int) -> str:
    """A number in plain digits, exact; a ratio that no decimal states exactly to twelve decimals, half to even."""
    if isinstance(number, Fraction):
        places = next((places for places in range(31) if 10**places % number.denominator == 0), _PLACES)
        number = Decimal(f"{round(number * 10**places)}E-{places}")
    return format(number, "f") if isinstance(number, Decimal) else str(number)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
    return path


def _plain(cell: Cell) -> str:
    if isinstance(cell, Value):
        return stated(cell.exact)
    return "" if cell is None else neutral(cell)


def csv_of(table: Table) -> str:
    """Header of column keys (with units) after `row` (line or total), and the rows, numbers exact."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", *(f"{c.key}_{c.unit}" if c.unit else c.key for c in table.columns)])
    writer.writerows(["total" if row.of else "line", *map(_plain, row.cells)] for row in table.rows)
    return text.getvalue()


def csv_name(key: str) -> str:
    """File name of a table: `By site` is by-site.csv."""
    return key.lower().replace(" ", "-") + ".csv"


def write_csv(document: Document, folder: Path) -> tuple[Path, ...]:
    """Write one file per table of the document into `folder`."""
    return tuple(write_bytes(folder / csv_name(table.key), csv_of(table).encode()) for table in document.tables)


def _row(row: Row) -> dict[str, Any]:
    """A row; what the addresses of its cells share at their beginning is said once."""
    addresses = [cell.address.split("/")[:-1] for cell in row.cells if isinstance(cell, Value) and cell.address]
    shared = "".join(f"{parts[0]}/" for parts in takewhile(lambda parts: len(set(parts)) == 1, zip(*addresses, strict=False)))
    return {"of": list(row.of), "address": shared, "cells": [_cell(cell, len(shared)) for cell in row.cells]}


def _cell(cell: Cell, shared: int) -> Any:
    if not isinstance(cell, Value):
        return cell
    printed = {} if cell.printed is None else {"printed": stated(cell.printed)}
    return {"exact": stated(cell.exact), **printed, **({"address": cell.address[shared:]} if cell.address else {})}


def _table(table: Table) -> dict[str, Any]:
    columns = [{name: getattr(c, name) for name in ("key", "title", "kind", "unit", "places")} for c in table.columns]
    return {"key": table.key, "title": table.title, "columns": columns, "rows": list(map(_row, table.rows)), "notes": list(table.notes)}


def json_of(document: Document) -> str:
    """The whole document as JSON: numbers as text, exact and as printed, with the address `penstock explain` takes.

    An address is that of the row and that of the cell, one behind the other; a cell without one is no sum of entries.
    """
    seal = {name: getattr(document.seal, name) for name in ("root", "batches", "known_at_utc", "signature", "public_key")}
    sections = [
        {"key": s.key, "title": s.title, "text": list(s.text), "tables": [_table(table) for table in s.tables]} for s in document.sections
    ]
    head = {name: getattr(document, name) for name in ("kind", "title", "city", "period", "language")}
    whole = {**head, "seal": {**seal, "files": dict(document.seal.files)}, "sections": sections}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_json(document: Document, path: Path) -> Path:
    """Write the document as JSON to `path`."""
    return write_bytes(path, json_of(document).encode())
