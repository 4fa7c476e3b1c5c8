"""The small city of the console's tests, hostile where people may name things, and the console on it as `penstock console` starts it."""

import importlib.util
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
from tests.commands import ROOT
from tests.consoles import of_city, running

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
    log = tmp_path_factory.mktemp("log") / "console.log"
    with running(of_city(hostile), log) as url:
        yield url
    assert PASSWORD not in log.read_text()


@pytest.fixture(scope="session")
def environment(hostile: Path) -> Environment:
    return Environment(city=hostile / "city.toml", home=hostile)
