"""What a process and all that it started cost: memory looked at twice a second, processor time as the system tells it at the end."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

LOOK_S = 0.5


class Watched:
    """Runs a command to its end and keeps the largest memory of its processes together and of the largest of them [MB].

    What processes share (forked ones, libraries) is counted once: memory of the tree is the sum of their proportional set sizes.
    """

    def __init__(self, command: Sequence[str], environ: dict[str, str], log: Path) -> None:
        self.tree_mb = self.largest_mb = 0.0
        self._over = threading.Event()
        with log.open("wb") as file:
            actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1), (os.POSIX_SPAWN_DUP2, file.fileno(), 2)]
            self.pid = os.posix_spawn(command[0], list(command), environ, file_actions=actions)

    def wait(self) -> tuple[int, float]:
        """Exit code and CPU-seconds of the process and all it waited for."""
        looker = threading.Thread(target=self._look, daemon=True)
        looker.start()
        _, status, usage = os.wait4(self.pid, 0)
        self._over.set()
        looker.join()
        self.tree_mb = max(self.tree_mb, self.largest_mb)  # a peak between two looks
        return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime

    def _look(self) -> None:
        while True:
            sizes = [memory_mb(pid) for pid in tree(self.pid)]
            self.tree_mb = max(self.tree_mb, sum(pss for pss, _ in sizes))
            self.largest_mb = max(self.largest_mb, *(peak for _, peak in sizes), 0.0)
            if self._over.wait(LOOK_S):
                return


def tree(pid: int) -> list[int]:
    """The process and all below it that are there now."""
    found, rest = [], [pid]
    while rest:
        one = rest.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                rest += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it ended meanwhile
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """Proportional set size of a process now, and its largest resident set so far [MB]; zero once it is gone.

    The system's own peak of an ended child is not asked: a child that is spawned inherits that of whoever measures.
    """
    return _field(pid, "smaps_rollup", "Pss:"), _field(pid, "status", "VmHWM:")


def _field(pid: int, file: str, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)
