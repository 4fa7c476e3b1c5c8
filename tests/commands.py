"""The penstock command on a city file and a home folder of their own, each in a process of its own."""

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DAY_START, NIGHT, DECISION, LAST = "2022-06-15T00:00+02:00", "2022-06-16T00:30+02:00", "2022-06-16T00:40+02:00", "2022-06-16T02:00+02:00"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Penstock:
    """A city file and a home folder, and the command on them."""

    city: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PENSTOCK_CITY": str(self.city), "PENSTOCK_HOME": str(self.home), "OMP_NUM_THREADS": "1"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", *words], env=self.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *words: str, codes: tuple[int, ...] = (0, 2)) -> str:
        """Run a command to its end; its exit code must be among `codes`. Returns what it said."""
        process = self.start(*words)
        out, err = process.communicate(timeout=280)
        assert process.returncode in codes, f"penstock {' '.join(words)}: {process.returncode}\n{out}\n{err}"
        return out + err

    def copy(self, home: Path) -> "Penstock":
        shutil.copytree(self.home, home)
        return Penstock(self.city, home)


def port_of(city: Path) -> int:
    """The simulator's port in a city file."""
    found = re.search(r"^port = (\d+)", city.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return int(found.group(1))
