"""A CSV of a stranger: its encoding, separator, decimal sign, and where its header and its times are, by looking at its text.

Nothing is guessed twice: what fits in more than one way is refused with a sentence that names both ways.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from city.problems import fault

MOST_BYTES = 200_000_000
_LOOKED_AT = 200_000  # lines: more than five years of quarter-hours
_FORM_FROM = 4000  # rows that tell how times are written
_SEPARATORS = (";", "\t", "|", ",")
FORMATS = (
    "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d.%m.%y %H:%M", "%Y%m%d%H%M", "%Y%m%d %H:%M",
    "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:?\d{2}(:?\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)?")
_NUMBER = {".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), ",": re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")}
_GROUPED = re.compile(r"[+-]?\d{1,3}([ .,'’\u00a0\u202f])\d{3}(\1\d{3})*[.,]\d+")
_NOTHING = ("", "-", "--", "nan", "na", "n/a", "null", "#n/a")


@dataclass(frozen=True)
class TextTable:
    """The form of a CSV, with the names of its columns and the cells of its first lines."""

    encoding: str
    separator: str
    decimal: str
    skip_lines: int
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    time: str
    time_format: str | None
    offset: bool

    def cells(self, name: str) -> list[str]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]


def looked_at(path: Path, country: str, decimal: str | None = None) -> TextTable:
    """What the text of the file says of its form. Raises `PenstockError` in sentences for what is no table of times and numbers."""
    content = _content(path)
    encoding, text = _decoded(path, content, country)
    lines = text.splitlines()[:_LOOKED_AT]
    separator = _separator(path, lines)
    raw = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator))
    table = [tuple(cell.strip() for cell in row) for row in raw]
    width = Counter(len(row) for row in table if len(row) > 1).most_common(1)[0][0]
    skip = next(i for i, row in enumerate(table) if len(row) == width and sum(map(bool, row)) >= min(2, width))
    head, rows = table[skip], [row for row in table[skip + 1 :] if any(row)]
    if len(lines) == _LOOKED_AT:
        rows = rows[:-1]  # it may be cut
    if short := next((i for i, row in enumerate(rows) if len(row) != width), None):
        observed = f"{len(rows[short])} cells in row {short + 1} under a header of {width}"
        raise fault(str(path), observed, f"as many in each, between '{_shown(separator)}'", "Correct that row, or export the table again.")
    if not rows:
        raise fault(str(path), "a header without rows", "a header and at least a day of rows", "Export it again, with its readings.")
    _check_head(path, head)
    time, time_format, offset = _time(path, head, rows)
    sign = decimal or _decimal(path, head, rows, separator, time)
    names = tuple(raw[skip])  # as they stand in the file, blanks and all
    return TextTable(encoding, separator, sign, skip, names, tuple(rows), names[head.index(time)], time_format, offset)


def number(cell: str, decimal: str) -> float | None:
    """The number in a cell; None for an empty one. Raises `ValueError`."""
    if cell.lower() in _NOTHING:
        return None
    if not _NUMBER[decimal].fullmatch(cell):
        raise ValueError(cell)
    return float(cell.replace(",", "."))


def moment(cell: str, time_format: str | None) -> datetime:
    """The time in a cell. Raises `ValueError`."""
    return datetime.fromisoformat(cell) if time_format is None else datetime.strptime(cell, time_format)  # noqa: DTZ007 - as written


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise fault(
                str(path), f"{size / 1e6:,.0f} MB", f"at most {MOST_BYTES / 1e6:,.0f} MB", "Give a year of it, or import it in parts."
            )
        content = path.read_bytes()
    except OSError as error:
        raise fault(str(path), error.strerror or "cannot be read", "a CSV file", "Check its name and rights.") from None
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise fault(str(path), "an Excel workbook or an archive", "a CSV file", "In the spreadsheet: File, Save as, CSV UTF-8.")
    if content[:4] == b"PAR1":
        raise fault(str(path), "a Parquet file", "a CSV file", "Write [[imports]] for it by hand: docs/roads.md.")
    if not content.strip():
        raise fault(str(path), "empty", "a header and rows", "Export it again.")
    return content


def _decoded(path: Path, content: bytes, country: str) -> tuple[str, str]:
    """UTF-8 with or without Excel's mark, UTF-16 with its mark, or what spreadsheets of the country write."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "gb18030" if country in ("CN", "HK", "MO", "TW") else "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return encoding, text
    raise fault(str(path), "not a text", "a CSV file in UTF-8", "In the spreadsheet: File, Save as, CSV UTF-8.")


def _separator(path: Path, lines: list[str]) -> str:
    """What splits most lines into the same number of cells, two or more; a comma last, since it may be a decimal sign."""
    some, best = [line for line in lines if line.strip()][:200], (0, "")
    for one in _SEPARATORS:
        counts = Counter(len(row) for row in csv.reader(io.StringIO("\n".join(some)), delimiter=one))
        width, times = max(counts.items(), key=lambda item: (item[0] > 1, item[1]))
        if width > 1 and times > best[0]:
            best = (times, one)
    if not best[1] or best[0] < len(some) / 2:
        raise fault(str(path), "no column separator found", "columns between ; , | or tabs", "Export it as CSV, one row per time.")
    return best[1]


def _check_head(path: Path, head: tuple[str, ...]) -> None:
    if any(_ISO.fullmatch(cell) or _NUMBER["."].fullmatch(cell) or _NUMBER[","].fullmatch(cell) for cell in head):
        observed = f"its first row is {', '.join(head[:4])}"
        raise fault(str(path), observed, "a header with the columns' names", "Write one above the rows, such as time;hall [kWh].")
    if not all(head):
        raise fault(str(path), f"column {head.index('') + 1} has no name", "a name for every column", "Name it, or delete the column.")
    if twice := [name for name, count in Counter(head).items() if count > 1]:
        raise fault(str(path), f"two columns called '{twice[0]}'", "each name once", "Rename one of them.")


def _time(path: Path, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[str, str | None, bool]:
    """The first column whose cells are all times, and how they are written."""
    rows = rows[:_FORM_FROM]
    for place, name in enumerate(head):
        cells = [row[place] for row in rows]
        if all(_ISO.fullmatch(cell) for cell in cells):
            offsets = {bool(_ISO.fullmatch(cell)[3]) for cell in cells}  # type: ignore[index]
            if len(offsets) == 1:
                return name, None, offsets.pop()
        fits = [form for form in FORMATS if all(_fits(cell, form) for cell in cells)]
        if len(fits) > 1:
            observed, allowed = f"'{cells[0]}' fits {' and '.join(fits)}", "times that can be read in one way"
            raise fault(f"{path}, column '{name}'", observed, allowed, "Give more than twelve days, or write times as 2024-03-31 14:00.")
        if fits:
            return name, fits[0], False
    for place, name in enumerate(head):
        if sum(_fits_some(row[place]) for row in rows) > 0.5 * len(rows):
            row = next(i for i, row in enumerate(rows) if not _fits_some(row[place]))
            raise fault(
                f"{path}, column '{name}'", f"'{rows[row][place]}' in row {row + 1}", "a time in every row", "Correct or delete that row."
            )
    observed = f"none of {', '.join(head[:8])} holds date and time"
    raise fault(
        str(path),
        observed,
        "a column like 2024-03-31 14:00 or 31.03.2024 14:00",
        "Join date and time in one column; one value a day is too coarse to plan by.",
    )


def _fits(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _fits_some(cell: str) -> bool:
    return bool(_ISO.fullmatch(cell)) or any(_fits(cell, form) for form in FORMATS)


def _decimal(path: Path, head: tuple[str, ...], rows: list[tuple[str, ...]], separator: str, time: str) -> str:
    """A comma where cells hold one and no point. Raises `PenstockError` for numbers with both, whose thousands are marked."""
    cells = [cell for row in rows[:500] for name, cell in zip(head, row, strict=True) if name != time]
    if grouped := next((cell for cell in cells if _GROUPED.fullmatch(cell)), None):
        raise fault(str(path), f"'{grouped}' marks its thousands", "plain numbers such as 1234,5", "Format the column without them.")
    commas = sum(bool(re.fullmatch(r"[+-]?\d*,\d+", cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"[+-]?\d*\.\d+", cell)) for cell in cells)
    if commas and points:
        raise fault(str(path), "numbers with a decimal comma and with a decimal point", "one of the two", "Export it with one sign.")
    return "," if commas and separator != "," else "."


def _shown(separator: str) -> str:
    return "tab" if separator == "\t" else separator
