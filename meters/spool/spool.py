"""Readings that wait for the store, safe on this machine's disk: a lost or locked database loses none of them.

A file of its own (SQLite, write-ahead log, every append synced), so nothing that holds the central database can hold it. A second file
keeps some room back (`meters.spool.reserve`): on a full disk it is given up, so that what is kept can still be handed over.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd

from city.problems import PenstockError, Problem, fault
from meters.polling.schedule import Clock, wall_clock
from meters.spool import reserve
from meters.spool.fill import Fill, measured, reserve_path
from meters.spool.packing import Batch

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id TEXT NOT NULL UNIQUE,
    readings INTEGER NOT NULL,
    appended_at_utc TEXT NOT NULL,
    content BLOB NOT NULL,
    origin TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
)
"""


def _is_no_room(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class SpoolFull(PenstockError):
    """The disk has no room. What was kept stays; nothing more is taken until there is room again."""


class Spool:
    """Batches of Readings in the order they came. Use one object from one thread; several processes may open the same file."""

    def __init__(self, path: Path | str, reserve_bytes: int = reserve.SIZE, origin: str = "", now: Clock = wall_clock) -> None:
        """Open or create the spool at `path`, with `reserve_bytes` kept back beside it. `origin` names what is appended (`Batch.origin`).

        `now` only says since when a batch waits; no order and no identity hangs on it, so it may jump.
        Raises `PenstockError` when the file is no spool or cannot be written.
        """
        self.path, self._origin, self._now = Path(path), origin, now
        self.reserve = reserve.Reserve(reserve_path(self.path), reserve_bytes)
        try:
            self._base = self._opened()
        except sqlite3.Error as error:
            if not _is_no_room(error):
                raise self._fault(error) from None
            self.reserve.release()  # even to open a file takes a few pages
            try:
                self._base = self._opened()
            except sqlite3.Error as again:
                raise self._fault(again) from None
        self.reserve.take()

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        # FULL: a commit returns only when the write-ahead log is on the disk, so that a power cut loses nothing either. The log is kept
        # so short that the reserve has room to copy it into the file: else a full disk could not be worked off.
        pages = max(1, self._longest_log // 2 // 4096)
        for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL", f"wal_autocheckpoint = {pages}"):
            base.execute(f"PRAGMA {pragma}")
        base.execute(_SCHEMA)
        there = {row[1] for row in base.execute("PRAGMA table_info(batch)")}
        for name in {"origin", "reason"} - there:  # a spool of release 0.1
            base.execute(f"ALTER TABLE batch ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
        return base

    @property
    def _longest_log(self) -> int:
        return self.reserve.size // 4

    def append(self, readings: pd.DataFrame) -> str:
        """Keep `readings` (columns of `city.frames.READINGS`); returns their batch id when they are on the disk.

        The id is the SHA-256 of the content: the same batch appended again while it waits is kept once, and a store that remembers
        the ids it has taken can be given a batch twice. Raises `SpoolFull`, or `PenstockError` on wrong columns or a disk that refuses;
        then nothing is kept.
        """
        batch = Batch.of(readings, self._origin)
        self.keep(batch, len(readings))
        return batch.batch_id

    def keep(self, batch: Batch, readings: int) -> None:
        """Keep a packed batch of `readings` readings; as `append`."""
        if not self.has_room():
            raise self._full()
        row = (batch.batch_id, readings, self._now().isoformat(), batch.kept, batch.origin, batch.reason)
        statement = "INSERT OR IGNORE INTO batch (batch_id, readings, appended_at_utc, content, origin, reason) VALUES (?, ?, ?, ?, ?, ?)"
        try:
            if self._log_bytes() > self._longest_log:
                self._checkpoint()
            self._base.execute(statement, row)
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def has_room(self) -> bool:
        """Would a batch be taken now? Ask before reading the field: what cannot be kept need not be read. Takes a lost reserve again."""
        return self.reserve.take()

    def waiting_batches(self, readings: int = 1) -> list[Batch]:
        """The batches that have waited longest, in order: as many as hold `readings` readings, at least one; [] when none waits.

        They stay until they are acknowledged. Their content is not looked at here, so a torn one hides no other.
        """
        found: list[Batch] = []
        total = 0
        try:
            for sequence, batch_id, count, origin, reason in self._base.execute(
                "SELECT sequence, batch_id, readings, origin, reason FROM batch ORDER BY sequence"
            ):
                found.append(Batch(batch_id, self._content(sequence), origin, reason))
                total += count
                if total >= readings:
                    break
        except sqlite3.Error as error:
            raise self._fault(error) from None
        return found

    def newest_first(self) -> Iterator[Batch]:
        """The batches that wait, newest first, one at a time."""
        try:
            for sequence, batch_id, origin, reason in self._base.execute(
                "SELECT sequence, batch_id, origin, reason FROM batch ORDER BY sequence DESC"
            ):
                yield Batch(batch_id, self._content(sequence), origin, reason)
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def _content(self, sequence: int) -> bytes:
        """The kept bytes; b'' where the disk has lost them, so that the batch is told as torn."""
        try:
            (kept,) = self._base.execute("SELECT CAST(content AS BLOB) FROM batch WHERE sequence = ?", (sequence,)).fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return b""
        return bytes(kept)

    def oldest(self) -> tuple[str, pd.DataFrame] | None:
        """The batch that has waited longest, or None. Raises `PenstockError` when it is not what was appended (its hash says so)."""
        found = self.waiting_batches()
        return (found[0].batch_id, found[0].readings()) if found else None

    def acknowledge(self, *batch_ids: str) -> int:
        """Forget batches that the store has committed. Returns how many there were: calling twice is harmless.

        Raises `SpoolFull` when the disk has not even room for that; then they are handed over again.
        """
        # A deletion writes every page it touches to the log, so many go in steps that the reserve has room for.
        step = max(1, self._longest_log // (4 * 4096))
        return sum(self._acknowledged(batch_ids[i : i + step]) for i in range(0, len(batch_ids), step))

    def _acknowledged(self, batch_ids: Sequence[str]) -> int:
        try:
            return self._forget(batch_ids)
        except sqlite3.Error as error:
            refused = self._refused(error)  # gives up the reserve, which is kept for just this
            if not isinstance(refused, SpoolFull):
                raise refused from None
        try:
            return self._forget(batch_ids)
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def _forget(self, batch_ids: Sequence[str]) -> int:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            done = sum(self._base.execute("DELETE FROM batch WHERE batch_id = ?", (one,)).rowcount for one in batch_ids)
            self._base.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise
        if self.depth() == 0 or not self.reserve.held:  # give room back to the disk, in steps that the log has room for
            pages = 2**31 - 1 if self.depth() == 0 else 64
            self._base.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would end after its first page
            self._checkpoint()
        elif self._log_bytes() > self._longest_log:
            self._checkpoint()
        return done

    def _checkpoint(self) -> None:
        """Copy the write-ahead log into the file and make it empty; while another process reads it, that waits for the next time."""
        self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _log_bytes(self) -> int:
        log = self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    def depth(self) -> int:
        """How many batches wait."""
        return int(self._base.execute("SELECT count(*) FROM batch").fetchone()[0])

    def waiting(self) -> tuple[int, datetime | None]:
        """How many readings wait, and since when the oldest batch does [UTC]."""
        fill = self.fill()
        return fill.readings, fill.since_utc

    def fill(self) -> Fill:
        """What waits and what room is left."""
        return measured(self._base, self.path)

    def close(self) -> None:
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _full(self) -> SpoolFull:
        free = self.fill().free_bytes / 1e6
        remedy = "Free some space; it goes on by itself, and what was kept is safe."
        return SpoolFull(Problem(f"spool {self.path}", f"disk full ({free:.0f} MB free)", "room for more readings", remedy))

    def _refused(self, error: sqlite3.Error) -> PenstockError:
        """The fault of a write; where it was for want of room, the reserve is given up first."""
        if not _is_no_room(error):
            return self._fault(error)
        self.reserve.release()
        with suppress(sqlite3.Error):
            self._checkpoint()
        return self._full()

    def _fault(self, error: sqlite3.Error) -> PenstockError:
        remedy = "Check the path, the disk and who owns it."
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
            remedy = "Stop this process, move the file with its -wal away, start again, then: penstock meters recover-spool FILE."
        return fault(f"spool {self.path}", str(error), "a writable SQLite file of its own", remedy)
