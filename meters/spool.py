"""Readings that wait for the store, safe on this machine's disk: a lost or locked database loses none of them.

A file of its own (SQLite, write-ahead log, every append synced), so nothing that holds the central database can hold it.
"""

import hashlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa

from city.frames import READINGS, checked
from city.problems import PenstockError, fault

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id TEXT NOT NULL UNIQUE,
    readings INTEGER NOT NULL,
    appended_at_utc TEXT NOT NULL,
    content BLOB NOT NULL
)
"""


class Spool:
    """Batches of Readings in the order they came. Use one object from one thread; several processes may open the same file."""

    def __init__(self, path: Path | str) -> None:
        """Open or create the spool at `path`. Raises `PenstockError` when the file is no spool or cannot be written."""
        self.path = Path(path)
        try:
            self._base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            # FULL: a commit returns only when the write-ahead log is on the disk, so that a power cut loses nothing either.
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                self._base.execute(f"PRAGMA {pragma}")
            self._base.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def append(self, readings: pd.DataFrame) -> str:
        """Keep `readings` (columns of `city.frames.READINGS`); returns its batch id when it is on the disk.

        The id is the SHA-256 of the content: the same batch appended again while it waits is kept once, and a store that remembers
        the ids it has taken can be given a batch twice. Raises `PenstockError`: wrong columns, or the disk refuses (then nothing is kept).
        """
        frame = checked(READINGS, readings, "batch for the spool")
        content = _packed(frame)
        batch_id = hashlib.sha256(content).hexdigest()
        row = (batch_id, len(frame), datetime.now(UTC).isoformat(), sqlite3.Binary(_compressed(content)))
        try:
            self._base.execute("INSERT OR IGNORE INTO batch (batch_id, readings, appended_at_utc, content) VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._fault(error) from None
        return batch_id

    def oldest(self) -> tuple[str, pd.DataFrame] | None:
        """The batch that has waited longest, or None. It stays until it is acknowledged.

        Raises `PenstockError` when the batch is not what was appended (its hash says so).
        """
        try:
            row = self._base.execute("SELECT batch_id, content FROM batch ORDER BY sequence LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise self._fault(error) from None
        if row is None:
            return None
        batch_id, stored = row
        try:
            content = _expanded(stored)
        except (pa.ArrowInvalid, OSError, ValueError) as error:
            raise fault(f"spool {self.path}, batch {batch_id[:12]}", str(error), "a whole batch", "Acknowledge it by hand.") from None
        if hashlib.sha256(content).hexdigest() != batch_id:
            raise fault(f"spool {self.path}, batch {batch_id[:12]}", "content was changed", "as appended", "Acknowledge it by hand.")
        return batch_id, _unpacked(content)

    def acknowledge(self, batch_id: str) -> bool:
        """Forget a batch that the store has committed. False when there is no such batch, so calling twice is harmless."""
        try:
            return self._base.execute("DELETE FROM batch WHERE batch_id = ?", (batch_id,)).rowcount == 1
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def depth(self) -> int:
        """How many batches wait."""
        return int(self._base.execute("SELECT count(*) FROM batch").fetchone()[0])

    def waiting(self) -> tuple[int, datetime | None]:
        """How many readings wait, and since when the oldest batch does [UTC]."""
        number, since = self._base.execute("SELECT coalesce(sum(readings), 0), min(appended_at_utc) FROM batch").fetchone()
        return int(number), None if since is None else datetime.fromisoformat(since)

    def close(self) -> None:
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _fault(self, error: sqlite3.Error) -> PenstockError:
        return fault(f"spool {self.path}", str(error), "a writable SQLite file of its own", "Check the path, the disk and who owns it.")


def _packed(frame: pd.DataFrame) -> bytes:
    """The frame as an Arrow stream. Repeated texts go as codes; times are microseconds since 1970."""
    columns = {name: frame[name] for name in READINGS.columns}
    table = pa.table(
        {
            "point_id": pa.array(columns["point_id"].astype(object), pa.string()),
            "time_utc": pa.array(columns["time_utc"], pa.timestamp("us", "UTC")),
            "quantity": pa.array(columns["quantity"].astype(object), pa.string()).dictionary_encode(),
            # NaN is the Readings' word for no value; null would be another bit pattern for the same batch.
            "value": pa.array(columns["value"].to_numpy(dtype=float), pa.float64(), from_pandas=False),
            "quality": pa.array(columns["quality"].to_numpy(dtype="int64"), pa.int64()),
            "received_at_utc": pa.array(columns["received_at_utc"], pa.timestamp("us", "UTC")),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _unpacked(content: bytes) -> pd.DataFrame:
    table = pa.ipc.open_stream(pa.py_buffer(content)).read_all()
    return pd.DataFrame({name: table[name].to_pandas() for name in table.column_names}).astype({"quantity": "str", "point_id": "str"})


def _compressed(content: bytes) -> bytes:
    return len(content).to_bytes(8, "big") + pa.Codec("zstd").compress(content, asbytes=True)


def _expanded(stored: bytes) -> bytes:
    size = int.from_bytes(stored[:8], "big")
    content: bytes = pa.Codec("zstd").decompress(stored[8:], decompressed_size=size, asbytes=True)
    return content
