"""One demo city for the whole test run: made, imported, polled over Modbus; then each test works on its own copy."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.fixture(scope="session")
def demo_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's city file on a port of its own."""
    folder = tmp_path_factory.mktemp("city")
    for name in ("city.toml", "valves.csv", "accounts.toml"):
        if (ROOT / "demo" / name).exists():
            shutil.copy(ROOT / "demo" / name, folder / name)
    city = folder / "city.toml"
    port = free_port()
    text = city.read_text(encoding="utf-8")
    city.write_text(re.sub(r"\b15020\b", str(port), text), encoding="utf-8")
    return city


@pytest.fixture(scope="session")
def polled(demo_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """The city up to the night: history imported, the live day read over Modbus."""
    from demo.make import make
    from service.demo import field

    home = tmp_path_factory.mktemp("home") / "demo"
    made = Penstock(demo_city, home)
    home.mkdir()
    make(home)
    made.run("init", codes=(0,))
    made.run("import", codes=(0,))
    with field(home / "simulator.json", _port(demo_city)):
        made.run("poll", "--now", DAY_START, "--until", NIGHT, "--replay", codes=(0,))
    return made


def _port(city: Path) -> int:
    found = re.search(r"^port = (\d+)", city.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return int(found.group(1))


@pytest.fixture(scope="session")
def night(polled: Penstock, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """The city after an undisturbed night; tests must not write to it."""
    made = polled.copy(tmp_path_factory.mktemp("night") / "demo")
    made.run("night", "--now", NIGHT)
    return made


@pytest.fixture
def simulated_field(demo_city: Path, polled: Penstock) -> Iterator[None]:
    from service.demo import field

    with field(polled.home / "simulator.json", _port(demo_city)):
        yield
