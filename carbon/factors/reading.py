"""Rows of a set's CSV: read as they stand, or made into checked factors."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from carbon.factors import regions
from carbon.factors.factor import COLUMNS, Factor
from carbon.units import unit_of
from city.problems import fault

_LARGEST = 4_000_000  # bytes of one CSV: 40,000 rows and more; beyond it something else was put into the folder


def read_rows(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row of every CSV of a folder with the place it came from (`file.csv:line`), unchecked, files in name order.

    Raises `PenstockError` when the folder is missing, a column is, or a file is no UTF-8 table.
    """
    if not folder.is_dir():
        raise fault(f"factor folder {folder}", "not found", "a folder of CSV files", "Correct the path.")
    for path in sorted(folder.glob("*.csv")):
        yield from read_csv(path)


def read_csv(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of one CSV, as `read_rows`."""
    subject = f"factor file {path.name}"
    if path.stat().st_size > _LARGEST:
        raise fault(subject, f"{path.stat().st_size} bytes", f"at most {_LARGEST}", "Keep factor sets alone in this folder.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            if lacking := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise fault(subject, f"no column {', '.join(lacking)}", ", ".join(COLUMNS), "Add the column.")
            for row in reader:
                yield f"{path.name}:{reader.line_num}", {name: (row[name] or "").strip() for name in COLUMNS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise fault(subject, " ".join(str(error).split())[:120], "a CSV in UTF-8", "Save it as CSV UTF-8.") from None


def factor_of(place: str, row: dict[str, str], about: dict[str, object]) -> Factor:
    """One checked factor from a row and what its manifest adds. Raises `PenstockError` with the place of the row."""
    subject = f"factor '{row['id']}' ({place})"
    if row["status"] != "verified":
        raise fault(subject, f"status '{row['status']}'", "verified", "Check the value against its source, or leave the row out.")
    if broken := [name for name, text in row.items() if re.search(r"[\x00-\x1f\x7f]", text)]:
        raise fault(subject, f"a control character in {', '.join(broken)}", "one line of text per cell", "Remove it.")
    # The pattern refuses what Decimal takes but no table prints: underscores, exponents, NaN.
    if not re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?", row["value"]):
        raise fault(subject, f"value '{row['value']}'", "a plain decimal number, not negative", "Correct the value.")
    if not regions.known(row["region"]):
        allowed = f"an ISO 3166 code such as {', '.join(regions.near(row['region']))}"
        raise fault(subject, f"region '{row['region']}'", allowed, "Correct the code; it is written in capitals.")
    values: dict[str, object] = {**row, "value": Decimal(row["value"])}
    try:
        for edge in ("valid_from", "valid_to"):
            values[edge] = date.fromisoformat(row[edge]) if row[edge] else None
        made = Factor.model_validate(values | about)
    except ValueError as error:
        raise fault(subject, " ".join(str(error).split())[:200], "dates as YYYY-MM-DD and no empty text", "Correct the row.") from None
    unit_of(made.unit, subject)
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise fault(subject, f"valid {made.validity}", "an end after its beginning", "Correct the dates.")
    return made
