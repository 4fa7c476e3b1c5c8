"""The small city of the console's tests, hostile where people may name things, and the console on it as `penstock console` starts it."""

import importlib.util
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from service.access.roles import Person
from service.alarms.refresh import refresh
from service.environment import Environment
from service.known_events import Entry, enter
from service.settings import load
from service.shifts import log as shift_log
from service.store import open_store, operations
from tests.commands import ROOT, free_port

PASSWORD = "open the gate please"
SCRIPT = '<img src=x onerror="window.ran=1"><script>window.ran=2</script>'
NAMES = {
    "city": f"City {SCRIPT}",
    "zone": f"Zone {SCRIPT}",
    "meter": f"m{SCRIPT}".replace("/", "").replace('"', ""),
    "site": f"Site {SCRIPT}",
}


def small_city() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_city", ROOT / "tests" / "console" / "small_city.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a city whose names, reasons, notes and events are scripts; it has a hold, a stop, a note, an event and alarms."""
    small = small_city()
    folder = tmp_path_factory.mktemp("hostile-city")
    small.CITY = (
        small.CITY.replace("Small city", _quoted(NAMES["city"]))
        .replace("Old town", _quoted(NAMES["zone"]))
        .replace('{ id = "town", sector = "services" }', f'{{ id = "town", sector = "services", name = "{_quoted(NAMES["site"])}" }}')
    )
    small.METERS = (*small.METERS, (NAMES["meter"], "electricity-meter", "electricity", "load", 'forecast = "load"'))
    env = small.build(folder, {"operator": PASSWORD, "viewer": PASSWORD})
    engine, city = open_store(env.url), load(env)
    operations.place_hold(engine, "battery-01", f"eve {SCRIPT}"[:80], small.NOW, f"because {SCRIPT}")
    operations.place_hold(engine, operations.STOP, "operator", small.NOW, SCRIPT)
    shift_log.note(engine, Person(name="operator", role="operator"), small.NOW, SCRIPT)
    shift_log.hand_over(engine, city, Person(name="operator", role="operator"), small.NOW, SCRIPT)
    start = small.NOW + timedelta(hours=1)
    enter(engine, city, Entry("other", "feeder-01.energy", start, start + timedelta(hours=2), SCRIPT, factor=1.1), "operator", small.NOW)
    refresh(engine, city, small.NOW)
    engine.dispose()
    return folder


@pytest.fixture(scope="session")
def console(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `penstock console` on the hostile city."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    given = {**kept, "PENSTOCK_CITY": str(hostile / "city.toml"), "PENSTOCK_HOME": str(hostile), "OMP_NUM_THREADS": "1"}
    log = tmp_path_factory.mktemp("log") / "console.log"
    words = [sys.executable, "-m", "service.cli", "console", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as said, subprocess.Popen(words, cwd=ROOT, env=given, stdout=said, stderr=subprocess.STDOUT) as process:
        try:
            _wait(f"{url}/_stcore/health", process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)
    assert PASSWORD not in log.read_text()


def _wait(url: str, process: subprocess.Popen) -> None:
    for _ in range(300):
        assert process.poll() is None, "the console ended while starting"
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the console did not start in 60 s")


@pytest.fixture(scope="session")
def environment(hostile: Path) -> Environment:
    return Environment(city=hostile / "city.toml", home=hostile)
