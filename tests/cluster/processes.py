"""A scheduler and its workers, each a process of `penstock cluster`."""

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.town import Town


class Cluster:
    """The scheduler of a town on a free port, and workers as they are added; leave it by `with`. Certificates: ca, certificate, key."""

    def __init__(self, town: Town, url: str, **certificates: str) -> None:
        own = {f"PENSTOCK_CLUSTER_{name.upper()}": path for name, path in certificates.items()}
        here = {"PENSTOCK_CITY": str(town.file), "PENSTOCK_DATABASE_URL": url, "OMP_NUM_THREADS": "1"}
        self.environment = {**os.environ, **here, **own}
        self.folder = town.folder
        self.workers: list[subprocess.Popen[str]] = []
        self.scheduler, said = self._start("scheduler", "--port", "0")
        self.address = said.split()[-1]

    def _start(self, *words: str, home: str = "") -> tuple["subprocess.Popen[str]", str]:
        words = (sys.executable, "-m", "service.cli", "cluster", *words)
        environment = self.environment | {"PENSTOCK_HOME": home or str(self.folder)}
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline()

    def add_worker(self) -> None:
        process, said = self._start("worker", self.address, home=str(self.folder / f"worker-{len(self.workers)}"))
        assert said.startswith("worker ")
        self.workers.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait(timeout=20)
