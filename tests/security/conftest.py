"""The small city of the console's tests, hostile where people may name things, and the console on it as `penstock console` starts it."""

import importlib.util
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine, select, update

from service import schema as t
from service.access.roles import Person
from service.alarms.refresh import refresh
from service.cases import deciding, opening
from service.environment import Environment
from service.known_events import Entry, enter
from service.leakage import told
from service.settings import LoadedCity, load
from service.shifts import log as shift_log
from service.store import open_store, operations, writing
from tests.commands import ROOT
from tests.consoles import of_city, running

PASSWORD = "open the gate please"
# As HTML, as Markdown: an image is asked for from outside, a link leads there.
SCRIPT = '<img src=x onerror="window.ran=1"><script>window.ran=2</script>'
MARKED = f"![p](http://attacker.example/p.png) [go](javascript:window.ran=3) :red[**x**] $x$ {SCRIPT}"
NAMES = {
    "city": f"City {SCRIPT}",
    "zone": f"Zone {SCRIPT}",
    "meter": f"m{SCRIPT}".replace("/", "").replace('"', ""),
    "site": f"Site {SCRIPT}",
    "crew": f"Crew {SCRIPT}"[:80],
    "total": f"Total {SCRIPT}",
    "activity": f"Activity {SCRIPT}",
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
    small.CITY = small.CITY.replace('kind = "grid-electricity"', f'kind = "grid-electricity", activity = "{_quoted(NAMES["activity"])}"')
    small.CITY += f"""
[[crews]]
id = "{_quoted(NAMES["crew"])}"
name = "{_quoted(NAMES["crew"])}"
node = "105"

[[totals]]
id = "both"
name = "{_quoted(NAMES["total"])}"
of = ["feeder-01.energy", "feeder-02.energy"]
"""
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
    _cases(engine, city, small.NOW)
    _told_of_leaks(engine, small)
    engine.dispose()
    return folder


def _cases(engine: Engine, city: LoadedCity, now_utc: datetime) -> None:
    """A case in each state, of a crew, with texts about it."""
    person = Person(name="operator", role="operator")
    for number, state in enumerate(("found", "assigned", "worked", "checked", "cancelled", "rated")):
        case = opening.by_hand(engine, city, person, "meter", f"{number} {MARKED}"[:120], 2, now_utc, MARKED)
        if state == "cancelled":
            deciding.cancel(engine, person, case, now_utc, MARKED)
        elif state != "found":
            deciding.assign(engine, person, case, now_utc, NAMES["crew"])
            deciding.note(engine, person, case, now_utc, MARKED)
        if state in ("worked", "checked", "rated"):
            deciding.work(engine, person, case, now_utc, MARKED)
        if state in ("checked", "rated"):
            other = Person(name=f"eve {SCRIPT}"[:80], role="engineer")
            deciding.check(engine, other, case, now_utc, MARKED)
        if state == "rated":
            deciding.close(engine, person, case, now_utc, MARKED)
            deciding.rate(engine, person, case, now_utc, 1, false_alarm=True, note=MARKED)


def _told_of_leaks(engine: Engine, small: ModuleType) -> None:
    """What was dug and found, and sentences as a sender of readings or who names valves and consumers may bring them about."""
    told.dug(engine, small.LEAK, "107", f"eve {SCRIPT}"[:80], small.NOW, MARKED, found=False)
    with writing(engine) as connection:
        connection.execute(update(t.leak_case).values(sentence=MARKED))
        connection.execute(update(t.sensor_fault).values(sentence=MARKED))
        connection.execute(update(t.target_progress).values(sentence=MARKED))
        row = connection.execute(select(t.isolation)).one()
        detail = row.detail | {"critical": {"105": MARKED}, "proof": MARKED}
        connection.execute(update(t.isolation).values(sentence=MARKED, detail=detail))


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
