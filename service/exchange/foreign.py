"""Tables that other rooms read as CSV of their own - a registry's certificates, a weather service's hours - by the same door as the rest.

What comes as `.csv` is handed on as it stands; what is packed or Parquet is read within the bounds of `files_in` and written as CSV beside
nothing of the city's. So who reads it needs to know one form, and no form has looser bounds than another.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from city.problems import fault
from service.exchange.files_in import SUFFIXES, Columns, batches, looked_at

MOST_BYTES = 50_000_000  # of the CSV that is read: it is held in memory whole


@contextmanager
def as_csv(path: Path, columns: Columns, plain: tuple[str, ...] = ()) -> Iterator[Path]:
    """A CSV file of what `path` holds, for as long as it is looked at; `plain` are other endings that are handed on as they stand.

    Raises `PenstockError` for what is no regular file, of another kind, or larger than it may be.
    """
    size = looked_at(path, (*SUFFIXES, *plain))
    if path.name.lower().endswith((".csv", *plain)):
        if size > MOST_BYTES:
            raise _large(path)
        yield path
        return
    with TemporaryDirectory(prefix="penstock-") as folder:
        made = Path(folder) / f"{path.name}.csv"
        with made.open("w", encoding="utf-8", newline="") as file:
            writer, names = csv.writer(file), list[str]()
            for table in batches(path, columns):
                if not names:
                    names = list(table.column_names)
                    writer.writerow(names)
                writer.writerows([_said(value) for value in row] for row in zip(*(table[name].to_pylist() for name in names), strict=True))
                if file.tell() > MOST_BYTES:
                    raise _large(path)
        yield made


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _large(path: Path) -> Exception:
    return fault(path.name, f"more than {MOST_BYTES / 1e6:.0f} MB of CSV", f"{MOST_BYTES / 1e6:.0f} MB", "Split it.")
