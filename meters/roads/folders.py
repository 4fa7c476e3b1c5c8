"""Watched folders: a file is taken whole once it has stopped growing, and ends in done/ or refused/.

Nothing is recorded outside the folder: what lies in done/ under the hash of its content has been taken, so the same content under another
name is not taken twice, and a crash between the spool and the move only repeats readings that the store has already.
"""

import hashlib
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import structlog

from city.problems import PenstockError, fault
from city.quantities import Quantity
from meters.roads.delivered import as_readings, no_readings
from meters.roads.drop import read_rows
from meters.roads.headend import read_messages
from meters.roads.mapping import Drop, Messages

_SLICE = 200_000  # readings per frame, so that one batch of the spool stays of bounded size
_PARTIAL = (".part", ".tmp", ".filepart", ".crdownload")  # what senders call a file that is not whole yet
_AHEAD = timedelta(days=1)  # readings further in the future than this refuse a file: a wrong year must not look like the newest reading

log = structlog.get_logger()


class DropFolder:
    """The source (see `meters.roads.sources`) behind one [[drops]] entry."""

    def __init__(self, drop: Drop, root: Path, points: Mapping[str, Quantity], clock: Callable[[], float] = time.monotonic) -> None:
        """Watch `drop.folder` below `root`, for readings of `points` (id: quantity). Makes the folder when it is not there."""
        self.config, self.folder = drop, root / drop.folder
        self._points, self._clock = points, clock
        self._seen: dict[Path, tuple[int, int, float]] = {}  # size, mtime, since when it has been so
        self._slices: deque[pd.DataFrame] = deque()
        self._files: list[tuple[Path, str]] = []  # whose readings are in the slices
        for name in ("", "done", "refused"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def readings(self, _slot_utc: datetime) -> pd.DataFrame:
        """Readings of the files that are ready, oldest name first, in frames of bounded size; empty when none is.

        A file that cannot be taken is moved to refused/ with its reasons beside it, and holds up no other.
        """
        if not self._slices:
            self._fill(datetime.now(UTC))
        return self._slices[0] if self._slices else no_readings()

    def kept(self) -> None:
        """The frame given last is safe; after the last one its files are moved to done/."""
        self._slices.popleft()
        if not self._slices:
            for path, digest in self._files:
                self._done(path, digest)
            self._files = []

    def close(self) -> None:
        self._slices.clear()
        self._files = []

    def _fill(self, now_utc: datetime) -> None:
        frames, count = [], 0
        self._files = []
        for path in self._ready():
            taken = self._take(path, now_utc)
            if taken is not None:
                frames.append(taken)
                count += len(taken)
            if count >= _SLICE:
                break
        if not frames:
            return
        frame = pd.concat(frames, ignore_index=True)
        self._slices.extend(frame.iloc[i : i + _SLICE].reset_index(drop=True) for i in range(0, len(frame), _SLICE))

    def _ready(self) -> list[Path]:
        """Files that have been the same for `settle_s`, seen at least twice (once when that is 0)."""
        now, seen, ready = self._clock(), {}, []
        for path in sorted(self.folder.iterdir()):
            try:
                found = path.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(found.st_mode) or path.name.startswith(".") or path.suffix.lower() in _PARTIAL:
                continue
            size, changed, since = self._seen.get(path, (-1, -1, now))
            since = since if (size, changed) == (found.st_size, found.st_mtime_ns) else now
            seen[path] = (found.st_size, found.st_mtime_ns, since)
            if now - since >= self.config.settle_s:
                ready.append(path)
        self._seen = seen
        return ready

    def _take(self, path: Path, now_utc: datetime) -> pd.DataFrame | None:
        """The readings of one file, None when there are none to take: refused, taken before, or not whole yet."""
        subject = _shown(path)
        try:
            content = self._content(path)
            if content is None:
                return None
            digest = hashlib.sha256(content).hexdigest()
            if any((self.folder / "done").glob(f"{digest[:16]}-*")):
                self._done(path, digest)
                return None
            rows = self._rows(subject, content)
            self._check(rows, subject, now_utc)
        except PenstockError as error:
            self._refuse(path, error, now_utc)
            return None
        except Exception as error:  # what nobody foresaw in a stranger's file must not end the polling
            log.exception("file cannot be read", file=subject)
            self._refuse(path, fault(subject, f"{type(error).__name__}", "a file that can be read", "Tell us; the file is kept."), now_utc)
            return None
        if rows.empty:
            self._done(path, digest)
            return None
        self._files.append((path, digest))
        # The file's own time, not the clock's: so that the same file gives the same batch when it is read again after a crash.
        return as_readings(rows, min(datetime.fromtimestamp(self._seen[path][1] // 1_000_000_000, UTC), now_utc))

    def _rows(self, subject: str, content: bytes) -> pd.DataFrame:
        """The rows (see `meters.roads.delivered`) of one file. Raises `PenstockError`."""
        if self.config.mapping is not None:
            return read_rows(subject, content, self.config.mapping)
        return read_messages(subject, content, Messages.model_validate(self.config.messages))

    def _content(self, path: Path) -> bytes | None:
        """The bytes of a file, None when it changed while it was read. Raises `PenstockError`: too large, another kind, not readable."""
        most = int(self.config.max_mb * 1e6)
        if path.suffix.lower() not in self.config.kinds:
            raise fault(_shown(path), f"a {path.suffix or 'nameless'} file", ", ".join(self.config.kinds), "Convert it.")
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(handle, "rb") as stream:
                content = stream.read(most + 1)
                found = os.fstat(stream.fileno())
        except OSError as error:
            raise fault(_shown(path), error.strerror or str(error), "a file that can be read", "Check its owner and rights.") from None
        if len(content) > most:
            raise fault(_shown(path), f"more than {self.config.max_mb:g} MB", "max_mb", "Split it, or raise max_mb.")
        whole = (found.st_size, found.st_mtime_ns) == self._seen[path][:2] and len(content) == found.st_size
        return content if whole else None

    def _check(self, rows: pd.DataFrame, subject: str, now_utc: datetime) -> None:
        """Raises `PenstockError` for points and quantities that city.toml does not have, and for readings of the future."""
        for point, quantity in rows[["point_id", "quantity"]].drop_duplicates().itertuples(index=False):
            if point not in self._points:
                raise fault(f"{subject}, point '{point}'", "unknown", "a point of [[meters]]", "Correct the mapping.")
            if self._points[point] != quantity:
                remedy = "Correct the mapping, or give the meter a model whose register measures that."
                raise fault(f"{subject}, point '{point}'", quantity, f"{self._points[point]}, what the point measures", remedy)
        late = rows["time_utc"] > now_utc + _AHEAD
        if late.any():
            newest = rows["time_utc"].max()
            raise fault(
                subject, f"{int(late.sum())} readings of the future, up to {newest:%Y-%m-%d}", f"{now_utc:%Y-%m-%d}", "Check its dates."
            )

    def _done(self, path: Path, digest: str) -> None:
        self._move(path, self.folder / "done" / f"{digest[:16]}-{_short(path.name)}")

    def _refuse(self, path: Path, error: PenstockError, now_utc: datetime) -> None:
        target = self.folder / "refused" / f"{now_utc:%Y%m%dT%H%M%S%f}-{_short(path.name)}"
        reasons = "\n".join(map(str, error.problems))
        log.warning("file refused", folder=str(self.folder), file=_shown(path), reasons=reasons)
        try:
            target.with_name(f"{target.name}.txt").write_text(reasons + "\n", encoding="utf-8")
        except OSError as failure:
            log.error("reasons cannot be written", file=_shown(target), cause=str(failure))
        self._move(path, target)

    def _move(self, path: Path, target: Path) -> None:
        try:
            path.replace(target)
            self._seen.pop(path, None)
        except OSError as failure:
            log.error("file cannot be moved; it will be read again", file=_shown(path), cause=str(failure))


def _shown(path: Path) -> str:
    """A name that can be printed; what is not UTF-8 in it is spelled out."""
    return path.name.encode("utf-8", "backslashreplace").decode("utf-8")


def _short(name: str) -> str:
    """The end of a name, short enough to stand behind a prefix."""
    while len(os.fsencode(name)) > 200:
        name = name[1:]
    return name
