"""Commands of `penstock` as processes of their own that start in milliseconds: one process imports everything and forks each of them.

What is killed is a real process in a process group of its own, with every process that it started. The forking spares a second of
imports per command and nothing else: no connection, no file and no thread is open when it forks.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

IMPORTED = (  # by the first command; the others have what it imported as well, see `Server.learn`
    *("service.cli", "service.importing", "service.polling", "service.nightly", "service.deciding", "service.books.closing"),
    *("service.night.validate", "service.night.forecast", "service.night.plan", "service.night.leaks", "service.night.ledger"),
    *("service.night.targets", "service.night.proof", "service.rounds", "service.migrations", "alembic.command"),
    *("pandera.pandas", "pandera.backends.pandas.register", "pandera.backends.pandas.builtin_checks", "forecasting.machine", "lightgbm"),
    *("service.keeping.backup", "service.night.grid", "service.night.levels", "service.run_report.closing", "service.notices.closing"),
)
_NAP_S = 0.002


@dataclass
class Running:
    """A command that runs, or has ended."""

    words: tuple[str, ...]
    pid: int
    folder: Path

    @property
    def code(self) -> int | None:
        """Its exit code, -9 after SIGKILL; None while it runs."""
        told = self.folder / "code"
        return int(told.read_text()) if told.exists() else None

    @property
    def imported(self) -> list[str]:
        """The modules that it had imported when it ended; none when it was killed."""
        told = self.folder / "imported"
        return told.read_text().splitlines() if told.exists() else []

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return (self.folder / "said").read_text(errors="replace")

    def wait(self, seconds: float = 600.0) -> int:
        """Its exit code. Ends it, and raises, when it does not end by itself within `seconds` [s]."""
        end = time.monotonic() + seconds
        while (code := self.code) is None:
            if time.monotonic() > end:
                self.signal(signal.SIGKILL)
                raise RuntimeError(f"penstock {' '.join(self.words)}: still runs after {seconds:g} s\n{self.said}")
            time.sleep(_NAP_S)
        return code

    def signal(self, number: int) -> None:
        """Send a signal to it and to every process it started; nothing happens when it has ended."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


class Server:
    """The process that forks the commands. `with Server() as server: server.start(("night", "--now", ...), environment)`."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._count = 0
        words = [sys.executable, "-m", "benchmarks._chaos_process"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self._ask({})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def start(self, words: Sequence[str], environment: Mapping[str, str], file_bytes: int = 0) -> Running:
        """Start a command. `file_bytes`: the most that a file of it may have, as on a full disk; 0 for no limit."""
        self._count += 1
        folder = Path(self._folder.name) / str(self._count)
        folder.mkdir()
        pid = self._ask({"words": list(words), "environment": dict(environment), "folder": str(folder), "file_bytes": file_bytes})
        return Running(tuple(words), pid, folder)

    def learn(self, modules: Sequence[str]) -> None:
        """Import what a command had to import by itself, so that the next one has it."""
        self._ask({"modules": list(modules)})

    def _ask(self, what: dict[str, Any]) -> int:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the server of commands has no pipes")
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _keep(asked: dict[str, Any]) -> int:
    """Fork a keeper that forks the command, waits for it and writes down how it ended. Returns the command's process id."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        command = os.fork()
        if command == 0:
            _command(asked, writing)
        _, status = os.waitpid(command, 0)
        told = Path(asked["folder"]) / "code.part"
        told.write_text(str(os.waitstatus_to_exitcode(status)))
        told.rename(told.with_name("code"))
        os._exit(0)
    os.close(writing)
    pid = int(os.read(reading, 32))
    os.close(reading)
    return pid


def _command(asked: dict[str, Any], ready: int) -> None:
    """Become the command; never returns. Its process id goes to `ready` once it leads its own process group."""
    import resource

    from service.cli import run

    os.setsid()
    said = os.open(f"{asked['folder']}/said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, said), (2, said)):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
    if asked["file_bytes"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes"], asked["file_bytes"]))
    os.environ.update(asked["environment"])
    sys.argv = ["penstock", *asked["words"]]
    os.write(ready, str(os.getpid()).encode())
    os.close(ready)
    code = 1
    try:
        run()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            Path(asked["folder"], "imported").write_text("\n".join(name for name in sys.modules if name != "__main__"))
        os._exit(code)


def main() -> None:
    """Answer each line of standard input with a process id."""
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        asked = json.loads(line)
        for name in asked.get("modules", ()):
            with suppress(Exception):  # one that only its package can import is there with it
                importlib.import_module(name)
        print(_keep(asked) if "words" in asked else 0, flush=True)


if __name__ == "__main__":
    main()
