"""A town after a night with readings that are hot, late and odd; and the same town without anything."""

import shutil
from pathlib import Path

import pytest

from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, readings
from tests.api.api_town import with_api
from tests.api.conftest import SLOTS, live
from tests.town import NOW, Town

BIG = 4.4e15 + 0.125  # kWh: more than a float holds to the Wh


@pytest.fixture(scope="session")
def exchange_night(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Readings and a night; tests must not write to it."""
    made = with_api(Town(tmp_path_factory.mktemp("exchange") / "town", days=8)).write()
    assert [made.penstock(*words).code for words in (["init"], ["import"])] == [0, 0]
    engine, city = open_store(made.database), load_of(made)
    key_of = readings.register_points(engine, list(city.points.values()))
    frame = live(SLOTS)
    frame.loc[0, "value"] = BIG
    readings.store_batch(engine, "live", frame, key_of)
    assert made.penstock("night", "--now", NOW).foreseen
    return made


def load_of(town: Town) -> LoadedCity:
    return load(Environment(city=town.file, home=town.folder))


@pytest.fixture
def full(exchange_night: Town, tmp_path: Path) -> Town:
    """A copy to write to."""
    shutil.copytree(exchange_night.folder, tmp_path / "full")
    return Town(tmp_path / "full", head=exchange_night.head, parts=exchange_night.parts)


@pytest.fixture
def empty(exchange_night: Town, tmp_path: Path) -> Town:
    """The same city with an empty store."""
    made = Town(tmp_path / "empty", head=exchange_night.head, parts=exchange_night.parts, days=0).write()
    assert made.penstock("init").code == 0
    return made
