"""Files from elsewhere, read within bounds: CSV (plain, gzip, Zstandard) and Parquet, batch by batch, nothing trusted.

What is refused before a row is looked at: what is no file, too large, larger still when unpacked, not UTF-8, rows of another width than
the header, columns nobody knows, Parquet with more rows or bytes than there may be. Text of CSV loses what export put before formulas.
"""

import hashlib
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from city.problems import PenstockError, Problem, fault
from service.exchange.cells import restored

MOST_FILE = 2 << 30  # bytes of a file
MOST_UNPACKED = 8 << 30  # bytes of what it holds
MOST_RATIO = 200  # times a compressed file may grow: readings in CSV grow 20 to 60 times
MOST_ROWS = 20_000_000
MOST_COLUMNS = 100
_SLACK = 16 << 20  # bytes that a small file may grow to, whatever the ratio
_BLOCK = 4 << 20
_BATCH = 65_536
SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet")


@dataclass(frozen=True)
class Columns:
    """The columns of a kind: those that must be there, and those that may; and the same for the table that export writes of it."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    exported: "Columns | None" = None

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.needed, *self.optional)

    @property
    def own(self) -> frozenset[str]:
        """Columns that an exported table alone has."""
        return frozenset(self.exported.all if self.exported else ()) - frozenset(self.all)

    def of(self, names: Sequence[str]) -> "Columns":
        """The columns that a table with these names must fit: those of the export where one of them is the export's alone."""
        return self.exported if self.exported is not None and self.own.intersection(names) else self


class Unpacked:
    """A compressed stream that counts what comes out, and ends where a bomb would begin."""

    def __init__(self, stream: Any, subject: str, packed: int) -> None:
        self._stream, self._subject, self._most = stream, subject, min(MOST_UNPACKED, max(_SLACK, packed * MOST_RATIO))
        self._read, self.closed = 0, False

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._stream.read(_BLOCK if size is None or size < 0 else size)
        self._read += len(content)
        if self._read > self._most:
            observed = f"unpacks to more than {self._most / 1e6:,.0f} MB"
            raise fault(
                self._subject, observed, f"{MOST_RATIO} times its size, {MOST_UNPACKED >> 30} GiB at most", "Split it, or unpack it."
            )
        return content

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def sha256(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """The hash of a file. Raises `PenstockError` for what is no file, or too large a one."""
    looked_at(path, suffixes)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def batches(path: Path, columns: Columns) -> Iterator[pa.Table]:
    """The rows in tables of some ten thousand, as text from CSV and as they are typed from Parquet; absent optional columns are left out.

    Raises `PenstockError` for everything the head of this module names; of rows that cannot be read up to 20 are told.
    """
    size = looked_at(path)
    try:
        yield from _parquet(path, columns) if path.name.endswith(".parquet") else _csv(path, columns, size)
    except (pa.ArrowException, OSError, EOFError, UnicodeError, MemoryError) as error:
        reason = f"{error}".splitlines()[0][:200] if f"{error}" else type(error).__name__
        raise fault(path.name, f"cannot be read: {reason}", "CSV in UTF-8 or Parquet, whole", "Write it anew.") from None


def looked_at(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> int:
    """The size of a regular file with a name we know [bytes]."""
    if not path.name.lower().endswith(suffixes):
        raise fault(path.name[:80], "of no kind that is known", ", ".join(suffixes), "Convert or rename it.")
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise fault(str(path)[:200], getattr(error, "strerror", None) or str(error), "a file that can be read", "Check its name.") from None
    if not stat.S_ISREG(found.st_mode):
        raise fault(path.name, "is no regular file", "a file", "Name a file.")
    if found.st_size > MOST_FILE:
        raise fault(path.name, f"{found.st_size / 1e9:.1f} GB", f"{MOST_FILE / 1e9:.1f} GB", "Split it.")
    return found.st_size


def _csv(path: Path, columns: Columns, size: int) -> Iterator[pa.Table]:
    wrong: list[Problem] = []

    def misshapen(row: Any) -> str:
        remedy = "Correct the row, or quote what holds commas."
        wrong.append(Problem(f"{path.name}, row {row.number - 1}", f"{row.actual_columns} fields", f"{row.expected_columns}", remedy))
        if len(wrong) >= 20:
            raise PenstockError(wrong)
        return "skip"

    ending = path.name.rsplit(".", 1)[-1]
    packed = pa.CompressedInputStream(pa.OSFile(str(path)), {"gz": "gzip", "zst": "zstd"}[ending]) if ending in ("gz", "zst") else None
    source: Any = pa.PythonFile(Unpacked(packed, path.name, size), mode="r") if packed is not None else str(path)
    reader = pyarrow.csv.open_csv(
        source,
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=misshapen),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys((*columns.all, *columns.own), pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    )
    _fitting(path, reader.schema.names, columns)
    rows = 0
    for batch in reader:
        rows = _counted(path, rows + batch.num_rows)
        yield pa.table({name: _restored(batch.column(name)) for name in batch.schema.names})
        if wrong:
            raise PenstockError(wrong)
    if wrong:
        raise PenstockError(wrong)


def _restored(column: pa.Array) -> pa.Array:
    """Text without the apostrophes that export put in; most columns have none."""
    if not pc.any(pc.match_substring(column, "'")).as_py():
        return column
    return pa.array([None if text is None else restored(text) for text in column.to_pylist()], pa.string())


def _parquet(path: Path, columns: Columns) -> Iterator[pa.Table]:
    head = pq.ParquetFile(path, page_checksum_verification=True, thrift_string_size_limit=1 << 24, thrift_container_size_limit=1 << 22)
    told = head.metadata
    _fitting(path, head.schema_arrow.names, columns)
    _counted(path, told.num_rows)
    unpacked = sum(told.row_group(i).total_byte_size for i in range(told.num_row_groups))
    if unpacked > MOST_UNPACKED:
        raise fault(path.name, f"holds {unpacked / 1e9:.1f} GB", f"{MOST_UNPACKED / 1e9:.1f} GB", "Split it.")
    if strange := [field for field in head.schema_arrow if not _plain(field.type)]:
        allowed = "texts, numbers, truths or times, one per row"
        raise fault(f"{path.name}, column {strange[0].name}", str(strange[0].type)[:60], allowed, "Write it so.")
    # Words stay words: a long text that a file repeats a million times is held once.
    texts = [field.name for field in head.schema_arrow if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    reader = pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=texts)
    for batch in reader.iter_batches(batch_size=_BATCH, use_threads=False):
        yield pa.Table.from_batches([batch])


def _plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    kinds = pa.types
    texts = kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_null(kind)
    numbers = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_boolean(kind)
    return bool(texts or numbers or kinds.is_timestamp(kind) or kinds.is_date(kind))


def _fitting(path: Path, names: list[str], columns: Columns) -> None:
    """Raises `PenstockError` unless the columns are those of the kind, each once."""
    columns = columns.of(names)
    if len(names) > MOST_COLUMNS:
        raise fault(path.name, f"{len(names)} columns", ", ".join(columns.all), "Leave the others out.")
    lacking = [name for name in columns.needed if name not in names]
    strange = [name for name in names if name not in columns.all]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = [Problem(f"{path.name}, column {name}", "missing", ", ".join(columns.needed), "Add it.") for name in lacking]
    problems += [Problem(f"{path.name}, column {name[:60]!r}", "unknown", ", ".join(columns.all), "Leave it out.") for name in strange]
    problems += [Problem(f"{path.name}, column {name[:60]!r}", "twice", "once", "Leave one out.") for name in twice]
    if problems:
        raise PenstockError(problems[:20])


def _counted(path: Path, rows: int) -> int:
    if rows > MOST_ROWS:
        raise fault(path.name, f"more than {MOST_ROWS:,} rows", f"{MOST_ROWS:,} rows", "Split it, by month perhaps.")
    return rows
