"""Rows of a set's CSV: read as they stand, or made into checked factors."""

import csv
import io
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
# What no reader sees: controls and line ends, zero widths, marks that turn the direction of reading.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def csv_files(folder: Path) -> list[Path]:
    """The CSVs of a folder in name order. Raises `PenstockError` when the folder is missing."""
    if not folder.is_dir():
        raise fault(f"factor folder {folder}", "not found", "a folder of CSV files", "Correct the path.")
    return sorted(path for path in folder.iterdir() if path.suffix.casefold() == ".csv")


def read_rows(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row of every CSV of a folder with the place it came from (`file.csv:line`), unchecked, files in name order.

    Raises `PenstockError` when the folder is missing, a column is, or a file is no UTF-8 table.
    """
    for path in csv_files(folder):
        yield from read_csv(path)


def read_text(path: Path, subject: str, form: str) -> str:
    """A file's text, with or without a byte order mark. Raises `PenstockError` for what is no file, too large or not UTF-8."""
    if not path.is_file():  # a device or a pipe would be read for ever
        raise fault(subject, "no file that can be read", form, "Put the file there, or take the name out of the folder.")
    try:
        if (size := path.stat().st_size) > _LARGEST:
            raise fault(subject, f"{size} bytes", f"at most {_LARGEST}", "Keep factor sets alone in this folder.")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault(subject, str(error)[:120], f"{form} in UTF-8", "Save it as UTF-8.") from None
    except OSError as error:
        raise fault(subject, error.strerror or "cannot be read", form, "Correct the rights of the file.") from None


def read_csv(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of one CSV, as `read_rows`; a row of empty cells is none."""
    subject = f"factor file {path.name}"
    try:
        reader = csv.DictReader(io.StringIO(read_text(path, subject, "a CSV"), newline=""), strict=True)
        header = list(reader.fieldnames or ())
        if lacking := [name for name in COLUMNS if name not in header]:
            raise fault(subject, f"no column {', '.join(lacking)}", ", ".join(COLUMNS), "Add the column.")
        if twice := [name for name in COLUMNS if header.count(name) > 1]:
            raise fault(subject, f"{', '.join(twice)} twice", "each column once", "Remove the column that does not count.")
        for row in reader:
            place = f"{path.name}:{reader.line_num}"
            if any(row.get(None) or ()):
                raise fault(place, "more cells than columns", ", ".join(header), "Put quotes around a text with a comma.")
            if any(row.values()):
                yield place, {name: (row[name] or "").strip() for name in COLUMNS}
    except csv.Error as error:
        raise fault(subject, " ".join(str(error).split())[:120], "a CSV in UTF-8", "Save it as CSV UTF-8.") from None


def factor_of(place: str, row: dict[str, str], about: dict[str, object]) -> Factor:
    """One checked factor from a row and what its manifest adds. Raises `PenstockError` with the place of the row."""
    subject = f"factor '{row['id']}' ({place})"
    if row["status"] != "verified":
        raise fault(subject, f"status '{row['status']}'", "verified", "Check the value against its source, or leave the row out.")
    if broken := [name for name, text in row.items() if _UNSEEN.search(text)]:
        raise fault(subject, f"a control character in {', '.join(broken)}", "one line of text per cell", "Remove it.")
    if lacking := [name for name in ("id", "activity", "source", "licence") if row[name] in ("", "-", "?")]:
        raise fault(subject, f"no {', '.join(lacking)}", "every row cited", "Name publication, number and date.")
    # The pattern refuses what Decimal takes but no table prints: underscores, exponents, NaN.
    if not re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,30})?", row["value"]):
        raise fault(
            subject, f"value '{row['value']}'", "a plain decimal number, not negative", "Write one number; a range is not a factor."
        )
    unit_of(row["unit"], subject)
    if not regions.known(row["region"]):
        allowed = f"an ISO 3166 code such as {', '.join(regions.near(row['region']))}"
        raise fault(subject, f"region '{row['region']}'", allowed, "Correct the code; it is written in capitals.")
    first, last = (_day(row[edge], subject) for edge in ("valid_from", "valid_to"))
    if first and last and last < first:
        raise fault(subject, f"valid from {first} to {last}", "an end after the beginning", "Exchange or correct the dates.")
    values = {**row, "value": Decimal(row["value"]), "valid_from": first, "valid_to": last}
    return Factor.model_validate(values | about)


def _day(text: str, subject: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise fault(subject, f"date '{text}'", "YYYY-MM-DD", "Correct the date.") from None
