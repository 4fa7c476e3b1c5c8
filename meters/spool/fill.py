"""How full a spool is and how long it lasts. Read beside the process that fills it, and without pandas: `penstock status` looks here."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from city.problems import Problem, fault

NAMES = ("spool.db", "received.db")  # in the data folder: of what is read here, and of what stations forward
WANTED = timedelta(hours=24)  # the outage that a spool must bear
LONG = timedelta(hours=1)  # batches older than this are worth a look
FULL_SHARE = 0.5  # of the room that the spool can ever have
_ROW_BYTES = 400  # of a batch beside its content: id, its index, time, origin, the page's rest (measured 380 at 100 readings a batch)


@dataclass(frozen=True)
class Fill:
    """What waits [batches, readings, since UTC], the room it takes and the room that is left [bytes], and whether the reserve is held."""

    path: Path
    batches: int
    readings: int
    since_utc: datetime | None
    used_bytes: int
    free_bytes: int
    reserve_held: bool

    def alarms(self, now_utc: datetime) -> list[Problem]:
        """What an operator has to know, worst first; [] is well."""
        found: list[Problem] = []
        subject = f"spool {self.path.name}"
        if not self.reserve_held:
            remedy = "Free some space; polling goes on by itself, and nothing that was kept is lost."
            found.append(Problem(subject, f"disk full ({self.free_bytes / 1e6:.0f} MB free), no more is read", "room on the disk", remedy))
        share = self.used_bytes / max(1, self.used_bytes + self.free_bytes)
        if share > FULL_SHARE:
            remedy = "Bring the store back, or free some space."
            found.append(Problem(subject, f"{share:.0%} of its room is used", f"at most {FULL_SHARE:.0%}", remedy))
        age = now_utc - self.since_utc if self.since_utc else timedelta(0)
        if age > LONG:
            observed = f"{self.readings:,} readings in {self.batches:,} batches wait, the oldest for {age / timedelta(hours=1):.1f} h"
            found.append(Problem(subject, observed, f"at most {LONG / timedelta(hours=1):g} h", "See why the store does not take them."))
        return found

    def told(self, now_utc: datetime) -> dict[str, Any]:
        """Plain values for a heartbeat or `penstock status --json`."""
        made = {k: v for k, v in asdict(self).items() if k != "path"}
        since = self.since_utc.isoformat() if self.since_utc else None
        return {**made, "since_utc": since, "alarms": [str(problem) for problem in self.alarms(now_utc)]}


def look(path: Path) -> Fill | None:
    """The fill of the spool at `path`, None when there is no such file. Raises `PenstockError` when it cannot be read."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True, timeout=5)) as base:
            return measured(base, path)
    except sqlite3.Error as error:
        raise fault(f"spool {path}", str(error), "a spool that can be read", "Check the disk and who owns the file.") from None


def measured(base: sqlite3.Connection, path: Path) -> Fill:
    """The fill of an open spool. The age is that of the batch that leaves next: batches are ordered by number, never by a clock."""
    batches, readings = base.execute("SELECT count(*), coalesce(sum(readings), 0) FROM batch").fetchone()
    since = base.execute("SELECT appended_at_utc FROM batch ORDER BY sequence LIMIT 1").fetchone()
    pages, idle, size = (base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    free = shutil.disk_usage(path.parent).free + idle * size
    return Fill(
        path=path,
        batches=int(batches),
        readings=int(readings),
        since_utc=datetime.fromisoformat(since[0]).astimezone(UTC) if since else None,
        used_bytes=(pages - idle) * size,
        free_bytes=free,
        reserve_held=reserve_path(path).exists(),
    )


def reserve_path(spool: Path) -> Path:
    return spool.with_suffix(".reserve")


@dataclass(frozen=True)
class Capacity:
    """How long readings can wait: `hours` of room at `readings_per_day`, with `bytes_per_reading` as measured on such a batch."""

    readings_per_day: float
    bytes_per_reading: float
    free_bytes: int

    @property
    def hours(self) -> float:
        return 24 * self.free_bytes / max(1.0, self.readings_per_day * self.bytes_per_reading)

    def __str__(self) -> str:
        per_day = self.readings_per_day * self.bytes_per_reading / 1e6
        days = f"{self.hours / 24:,.1f} days" if self.hours < 24 * 9999 else "more than 9,999 days"
        return f"{self.readings_per_day:,.0f} readings a day, {per_day:,.1f} MB; room for {days}"

    def problem(self) -> Problem | None:
        """What to say when the room does not last for `WANTED`; None when it does."""
        if self.hours >= WANTED / timedelta(hours=1):
            return None
        wanted = self.readings_per_day * self.bytes_per_reading * (WANTED / timedelta(days=1)) / 1e6
        remedy = f"Free {wanted - self.free_bytes / 1e6:,.0f} MB, or set PENSTOCK_HOME to a larger disk."
        return Problem("spool", f"room for {self.hours:.1f} h of readings", f"{WANTED / timedelta(hours=1):.0f} h or more", remedy)


def capacity(batches: Iterable[tuple[int, float, int]], free_bytes: int) -> Capacity:
    """What the disk holds of kinds of batches: (readings, batches a day, bytes as kept) of each.

    Half of the free room is counted: the write-ahead log and whatever else writes to the disk have the other.
    """
    kinds = list(batches)
    readings = sum(count * per_day for count, per_day, _ in kinds)
    taken = sum((kept + _ROW_BYTES) * per_day for _, per_day, kept in kinds)
    return Capacity(readings, taken / max(1.0, readings), free_bytes // 2)
