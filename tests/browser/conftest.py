"""A console in a process of its own, on the demo's store when there is one and on the small city otherwise."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class RunningConsole:
    url: str
    name: str
    password: str


def _environment(folder: Path) -> tuple[dict[str, str], str]:
    """Variables that lead to a store, and the operator's password there."""
    demo = ROOT / "demo" / "city.toml"
    if (ROOT / "var" / "demo" / "penstock.db").exists() and "\naccounts_file" in demo.read_text(encoding="utf-8"):
        return {"PENSTOCK_CITY": str(demo), "PENSTOCK_HOME": str(ROOT / "var" / "demo")}, "operator-demo"
    spec = importlib.util.spec_from_file_location("small_city", ROOT / "tests" / "console" / "small_city.py")
    assert spec is not None
    assert spec.loader is not None
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    small.build(folder, {"operator": "open the gate"})
    return {"PENSTOCK_CITY": str(folder / "city.toml"), "PENSTOCK_HOME": str(folder)}, "open the gate"


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    found, password = _environment(tmp_path_factory.mktemp("console"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    log = tmp_path_factory.mktemp("log") / "console.log"
    with log.open("w") as file:
        process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **found}, stdout=file, stderr=subprocess.STDOUT)
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield RunningConsole(f"http://127.0.0.1:{port}", "operator", password)
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


def _wait(url: str, process: subprocess.Popen) -> None:
    for _ in range(150):
        assert process.poll() is None, "the console ended while starting"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the console did not start in 30 s")
