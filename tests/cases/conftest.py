"""Stores for the tests of cases and of the shift log, on both databases; people; a small city."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.cases.opening import open_case
from service.decisions import Person
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import writing
from tests.town import Town

T0 = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)


BOTH = pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])], indirect=True
)


@pytest.fixture(params=["sqlite"])
def engine(engine: Engine) -> Engine:
    """An empty store at head: SQLite, or each database where a test asks for both."""
    return engine


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
