"""The console as `penstock console` starts it, in a process of its own; and how much memory it takes."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from benchmarks._console_store import Home
from city.problems import fault
from service.station import ROOT, flags

_START_S = 120


@dataclass(frozen=True)
class Server:
    """A running console."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def cost(self) -> dict[str, float]:
        """peak_rss_mb and cpu_s of the server until now, from /proc."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return {"peak_rss_mb": round(peak / 1024), "cpu_s": (int(fields[11]) + int(fields[12])) / 100}


@contextmanager
def serving(home: Home, log: Path) -> Iterator[Server]:
    """A console on a free loopback port. Raises `PenstockError` when it does not answer within two minutes."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags(port)]
    with log.open("wb") as out, subprocess.Popen(words, cwd=ROOT, env=home.environment, stdout=out, stderr=out) as process:
        try:
            _wait(port, process, log)
            yield Server(port, process, log)
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_S * 10):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise fault("console", log.read_text()[-500:] or "no answer", f"an answer within {_START_S} s", "Run `penstock console` by hand.")
