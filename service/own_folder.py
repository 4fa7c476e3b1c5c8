"""A folder below the data folder for as long as a piece of work takes; what a killed process left of its own is removed by the next one.

Whoever works in such a folder holds a lock file in it. The kernel gives the lock back however the process ends, also in a container
whose process numbers mean nothing here, so a folder whose lock is free belongs to nobody. Making a folder and sweeping exclude each
other: a folder that has no lock yet is never one that is just being made.
"""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from city.problems import PenstockError
from service.one_process import lock


@contextmanager
def own_folder(home: Path, name: str) -> Iterator[Path]:
    """A new empty folder `<name>-...` in `home`, gone at the end; those of dead processes go first."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with _alone(home, name):
            _remove_left(home, name)
            folder = Path(stack.enter_context(TemporaryDirectory(prefix=f"{name}-", dir=home)))
            stack.enter_context(lock(folder, name))
        yield folder


def sweep(home: Path, name: str) -> None:
    """Remove the folders that dead processes left. A home that is not there, or cannot be written, is not this one's to tell of."""
    with suppress(OSError):
        if any(home.glob(f"{name}-*")):
            with _alone(home, name):
                _remove_left(home, name)


def _remove_left(home: Path, name: str) -> None:
    for left in home.glob(f"{name}-*"):
        if left.is_symlink() or not re.fullmatch(rf"{name}-\w{{8}}", left.name):
            continue  # nobody's working folder: somebody else's that is called alike
        if (left / f"{name}.lock").exists():
            with suppress(PenstockError), lock(left, name):  # one that is worked in holds it
                shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.rmdir()  # killed before it had a lock: then it is empty


@contextmanager
def _alone(home: Path, name: str) -> Iterator[None]:
    """Wait for whoever else makes or removes such a folder; that takes milliseconds."""
    with (home / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
