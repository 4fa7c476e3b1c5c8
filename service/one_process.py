"""One process at a time: a file lock in a city's data folder, which dies with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeVar

from city.problems import PenstockError, Problem

DYING_S = 5.0  # that the processes of a killed holder may take to follow it: they share its lock
AGAIN_S = 0.2  # between two tries of one that waits
Waits = tuple[float, float]  # how long to wait [s]: for whoever has it; for a person's short deed
AT_ONCE: Waits = (0.0, 0.0)
Taken = TypeVar("Taken")


class Busy(PenstockError):
    """Another process has it: `who`, since when, and for which short deed of a person; '' for a batch such as the night."""

    def __init__(self, name: str, who: str, since_utc: datetime, deed: str, until: str = "") -> None:
        observed = f"{who} is running one; it began at {since_utc:%H:%M:%S} UTC{until}"
        super().__init__(Problem(name, observed, f"one {name} at a time", "Wait for it to end, or end it."))
        self.who, self.since_utc, self.deed = who, since_utc, deed


def patient(take: Callable[[], Taken], waits: Waits) -> Taken:
    """What `take` gives, tried again while it is `Busy` and there is time left."""
    began = time.monotonic()
    while True:
        try:
            return take()
        except Busy as busy:
            if time.monotonic() - began >= waits[bool(busy.deed)]:
                raise
        time.sleep(AGAIN_S)


@contextmanager
def lock(folder: Path, name: str = "night", deed: str = "", waits: Waits = AT_ONCE) -> Iterator[None]:
    """Hold the lock `name` of a city. Raises `Busy` when another process holds it for longer than this one waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as file:
        patient(lambda: _taken(file, name), waits)
        file.truncate(0)
        file.write(f"{os.getpid()} {deed}".strip())
        file.flush()
        yield


def _taken(file: IO[str], name: str) -> None:
    until = time.monotonic() + DYING_S
    while not _locked(file):
        file.seek(0)
        holder, _, deed = file.read().strip().partition(" ")
        if holder.isdigit() and not Path(f"/proc/{holder}").exists() and time.monotonic() < until:
            time.sleep(0.05)
            continue
        since = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        raise Busy(name, f"process {holder or '?'}" + (f" ({deed})" if deed else ""), since, deed)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
