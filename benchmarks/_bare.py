"""What the drivers do alone: `executemany` of tuples that are there already, COPY of bytes that are there already."""

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from service.utctime import from_micros

_COLUMNS = "time_utc, point_key, value, quality, late_s, batch_no"


def columns(frame: pd.DataFrame, key_of: Mapping[str, int]) -> list[Any]:
    time_us = frame["time_utc"].to_numpy(dtype="datetime64[us]").view(np.int64)
    late_s = (frame["received_at_utc"].to_numpy(dtype="datetime64[us]").view(np.int64) - time_us) // 1_000_000
    value = np.rint(frame["value"].to_numpy() * 1000).astype(np.int64)
    return [time_us, frame["point_id"].map(key_of).to_numpy(), value, frame["quality"].to_numpy(), late_s, np.ones(len(frame), np.int64)]


class Sqlite:
    """A table like `reading`, in a file of its own with the store's settings."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute(
            "CREATE TABLE reading (time_utc BIGINT NOT NULL, point_key INTEGER NOT NULL, value BIGINT, quality INTEGER NOT NULL,"
            " late_s INTEGER NOT NULL, batch_no INTEGER NOT NULL, PRIMARY KEY (time_utc, point_key)) WITHOUT ROWID"
        )

    def prepared(self, frame: pd.DataFrame, key_of: Mapping[str, int]) -> list[tuple[int, ...]]:
        return list(zip(*(column.tolist() for column in columns(frame, key_of)), strict=True))

    def store(self, rows: list[tuple[int, ...]]) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._base.execute("COMMIT")

    def server_cpu(self) -> float:
        return 0.0


class Postgres:
    """A partitioned table like `reading` beside it, and the processor time of the server where it runs on this machine."""

    def __init__(self, url: str, folder: Path) -> None:
        import psycopg

        self._base = psycopg.connect(url)
        self._postmaster = folder / "postmaster.pid"
        self._base.execute("CREATE TABLE bare (LIKE reading) PARTITION BY RANGE (time_utc)")
        self._base.execute("ALTER TABLE bare ADD PRIMARY KEY (point_key, time_utc)")
        self._base.execute("CREATE TABLE bare_all PARTITION OF bare DEFAULT")
        self._base.commit()

    def prepared(self, frame: pd.DataFrame, key_of: Mapping[str, int]) -> bytes:
        """Binary COPY made by PostgreSQL itself, from a table of the same rows."""
        rows = list(zip(*(column.tolist() for column in columns(frame, key_of)), strict=True))
        with self._base.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE made (LIKE reading) ON COMMIT DROP")
            with cursor.copy(f"COPY made ({_COLUMNS}) FROM STDIN") as copy:
                at = from_micros(rows[0][0])
                for row in rows:
                    copy.write_row((at, *row[1:]))
            with cursor.copy(f"COPY made ({_COLUMNS}) TO STDOUT (FORMAT BINARY)") as copy:
                made = b"".join(bytes(chunk) for chunk in copy)
        self._base.commit()
        return made

    def store(self, rows: bytes) -> None:
        with self._base.cursor() as cursor, cursor.copy(f"COPY bare ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            for at in range(0, len(rows), 1 << 20):
                copy.write(rows[at : at + (1 << 20)])
        self._base.commit()

    def server_cpu(self) -> float:
        """CPU-seconds of the server's processes so far; 0 where it runs on another machine."""
        if not self._postmaster.exists():
            return 0.0
        parent = self._postmaster.read_text().split("\n")[0].strip()
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            own = stat.parent.name == parent
            if own or fields[1] == parent:
                ticks += sum(map(int, fields[11 : 15 if own else 13]))  # of its ended children too
        return ticks / os.sysconf("SC_CLK_TCK")

    def version(self) -> str:
        row = self._base.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""
