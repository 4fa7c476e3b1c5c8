"""One process at a time: a file lock in a city's data folder, which dies with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from city.problems import fault


@contextmanager
def lock(folder: Path, name: str = "night") -> Iterator[None]:
    """Hold the lock `name` of a city. Raises `PenstockError` when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            observed = f"process {file.read().strip() or '?'} is running one"
            raise fault(name, observed, f"one {name} at a time", "Wait for it to end, or end it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
