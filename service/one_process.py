"""One process at a time: a file lock in a city's data folder, which dies with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from city.problems import fault

DYING_S = 5.0  # that the processes of a killed holder may take to follow it: they share its lock


@contextmanager
def lock(folder: Path, name: str = "night") -> Iterator[None]:
    """Hold the lock `name` of a city. Raises `PenstockError` when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as file:
        until = time.monotonic() + DYING_S
        while not _locked(file):
            file.seek(0)
            holder = file.read().strip()
            if holder.isdigit() and not Path(f"/proc/{holder}").exists() and time.monotonic() < until:
                time.sleep(0.05)
                continue
            raise fault(name, f"process {holder or '?'} is running one", f"one {name} at a time", "Wait for it to end, or end it.")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
