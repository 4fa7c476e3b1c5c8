"""Stores for the tests of cases and of the shift log, on both databases; people; a small city."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service import migrations
from service.cases.opening import open_case
from service.decisions import Person
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, writing
from tests.town import Town

T0 = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)


BOTH = pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])], indirect=True
)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty store at head: SQLite, or each database where a test asks for both."""
    on_sqlite = getattr(request, "param", "sqlite") == "sqlite"
    url = f"sqlite:///{tmp_path / 'penstock.db'}" if on_sqlite else request.getfixturevalue("postgres_database")
    store = open_store(url, create=True)
    migrations.upgrade(store)
    return store


@pytest.fixture
def city(tmp_path: Path) -> LoadedCity:
    """The small town of three meters, with two crews."""
    town = Town(tmp_path / "town", days=0).write()
    return load(Environment(city=town.file, home=town.folder))


@pytest.fixture
def ada() -> Person:
    return Person(name="ada", role="operator")


@pytest.fixture
def bob() -> Person:
    return Person(name="bob", role="engineer")


@pytest.fixture
def opened(engine: Engine) -> Callable[..., int]:
    """Opens a case of a leak in old-town, found at `T0`."""

    def make(source: str = "leak-1", kind: str = "leak", district: str = "old-town", priority: int = 1) -> int:
        with writing(engine) as connection:
            return open_case(connection, kind, source, "old-town", T0, "A burst of 42 m3/h.", district, priority=priority)

    return make
