"""The console in a process of its own, as `penstock console` starts it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.commands import ROOT, free_port

START_S = 60.0


def of_city(folder: Path) -> dict[str, str]:
    """The environment of a city whose file and data lie in one folder, and nothing else of Penstock."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return kept | {"PENSTOCK_CITY": str(folder / "city.toml"), "PENSTOCK_HOME": str(folder), "OMP_NUM_THREADS": "1"}


@contextmanager
def running(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """The console's URL; what it says goes to `log`. It ends with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "service.cli", "console", "--port", str(port)]
    with log.open("w") as said, subprocess.Popen(words, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT) as process:
        try:
            answers(f"{url}/_stcore/health", process, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def answers(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until there is an answer; fails with what the process said when it ends or takes too long."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the console did not start within {START_S:.0f} s: {log.read_text()[-2000:]}")
