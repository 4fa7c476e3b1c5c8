"""From a place in a written statement to the address of the number printed there, by the JSON beside it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carbon.statements.tidy import csv_name
from carbon.statements.xlsx import FIRST_ROW
from city.problems import PenstockError, fault

_CELL = re.compile(r"(?:(?P<sheet>[^!]+)!)?\$?(?P<letters>[A-Z]{1,3})\$?(?P<row>\d+)")
_PLACE = re.compile(r"(?P<row>\d+):(?P<column>[^:]+)")


@dataclass(frozen=True, slots=True)
class Located:
    """A number of a statement: where it stands, as stated, and the address of its entries."""

    title: str
    row: str
    column: str
    unit: str
    exact: str
    printed: str
    address: str


def locate(text: str) -> Located:
    """The number at `<file>.xlsx#<sheet>!<cell>` or at `<kind>/<table>.csv#<line>:<column>`, where line 1 is the header.

    It is looked up in `<kind>.json`, which is written with both. Raises `PenstockError` for a place that is none, and for
    a number that is no sum of entries.
    """
    name, _, place = text.rpartition("#")
    path = Path(name or ".")
    if not path.name or "\0" in text:
        raise _wrong(text, "no file", "a file of a statement such as inventory.xlsx#Inventory!F7")
    csv = path.suffix == ".csv"
    if csv and not path.parent.name:
        raise _wrong(text, "a table without its statement's folder", "a place such as reports/2022-05/inventory/inventory.csv#2:total")
    document = _document(path.parent.with_suffix(".json") if csv else path.with_suffix(".json"))
    tables = {table["key"]: table for section in document["sections"] for table in section["tables"]}
    table, row, column = _by_csv(tables, path.name, place, text) if csv else _by_sheet(tables, place, text)
    return _cell(table, row, column, text)


def _document(path: Path) -> dict[str, Any]:
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(made, dict) or "sections" not in made:
            raise ValueError
        return made
    except (OSError, ValueError):
        remedy = "Write the statement again: `penstock report` puts the JSON beside every file."
        raise fault(str(path), "missing or no statement", "the JSON written with the statement", remedy) from None


def _wrong(text: str, observed: str, allowed: str) -> PenstockError:
    return fault(f"cell '{text}'", observed, allowed, "Correct the place after #.")


def _by_sheet(tables: dict[str, Any], place: str, text: str) -> tuple[dict[str, Any], int, int]:
    found = _CELL.fullmatch(place)
    if found is None:
        raise _wrong(text, f"'{place}'", "a sheet and a cell such as Inventory!F7")
    sheet = (found["sheet"] or next(iter(tables))).strip("'")
    if sheet not in tables:
        raise _wrong(text, f"no sheet '{sheet}'", ", ".join(tables))
    column = 0
    for letter in found["letters"]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return tables[sheet], int(found["row"]) - FIRST_ROW, column - 1


def _by_csv(tables: dict[str, Any], name: str, place: str, text: str) -> tuple[dict[str, Any], int, int]:
    found, table = _PLACE.fullmatch(place), {csv_name(key): table for key, table in tables.items()}.get(name)
    if found is None or table is None:
        raise _wrong(text, f"'{place}' of {name}", f"a line and a column such as 3:co2, of {', '.join(map(csv_name, tables))}")
    names = [{column["key"], f"{column['key']}_{column['unit']}"} for column in table["columns"]]
    column = next((i for i, known in enumerate(names) if found["column"] in known), None)
    if column is None:
        raise _wrong(text, f"no column '{found['column']}'", ", ".join(column["key"] for column in table["columns"]))
    return table, int(found["row"]) - 2, column


def _cell(table: dict[str, Any], row: int, column: int, text: str) -> Located:
    rows, columns = table["rows"], table["columns"]
    if not (0 <= row < len(rows) and 0 <= column < len(columns)):
        raise _wrong(text, "outside the table", f"{len(rows)} rows from row {FIRST_ROW} (CSV: line 2), {len(columns)} columns")
    cell, named = rows[row]["cells"][column], columns[column]
    label = " / ".join(part for part in rows[row]["cells"][:3] if isinstance(part, str))
    if not isinstance(cell, dict):
        raise _wrong(text, f"text '{cell or ''}' in column {named['title']}", "a number")
    address = rows[row].get("address", "") + cell.get("address", "")
    if "address" not in cell:
        raise _wrong(text, f"{cell['exact']} in column {named['title']} is no sum of entries", "a number with an address")
    return Located(table["title"], label, named["title"], named["unit"], cell["exact"], cell.get("printed", ""), address)
