"""A small station with accounts: ada and bob operate, ola the east alone, eve is engineer, pia plans, vic looks, root has accounts."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.environment import Environment
from service.migrations import upgrade
from service.settings import LoadedCity, load
from service.store import open_store
from tests.access.people import PEOPLE, entry

CITY = """
accounts_file = "accounts.toml"
city = { id = "town", name = "Town", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services" }]
zones = [{ id = "east", kind = "dma" }, { id = "west", kind = "dma" }]
sites = [{ id = "works", sector = "services" }, { id = "hall", sector = "services", district = "west" }]
links = [{ id = "field", url = "tcp://127.0.0.1:15999" }]
meters = [
  { id = "east-1", unit = 1, link = "field", site = "works", zone = "east", model = "water-meter", commodity = "water", role = "load" },
  { id = "hall", unit = 2, link = "field", site = "hall", model = "battery", commodity = "electricity", role = "storage" },
  { id = "pump", unit = 3, link = "field", site = "works", model = "battery", commodity = "electricity", role = "storage" },
]
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def either(request: pytest.FixtureRequest, env: Environment, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The store of the station, on SQLite and on PostgreSQL."""
    if request.param == "postgres":
        monkeypatch.setenv("PENSTOCK_DATABASE_URL", request.getfixturevalue("postgres_database"))
        upgrade(open_store(Environment().url, create=True))
    return open_store(Environment().url)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    (tmp_path / "city.toml").write_text(CITY, encoding="utf-8")
    (tmp_path / "accounts.toml").write_text("".join(entry(name, *told) for name, told in PEOPLE.items()), encoding="utf-8")
    monkeypatch.setenv("PENSTOCK_CITY", str(tmp_path / "city.toml"))
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)
    made = Environment()
    upgrade(open_store(made.url, create=True))
    return made


@pytest.fixture
def engine(env: Environment) -> Engine:
    return open_store(env.url)


@pytest.fixture
def city(env: Environment) -> LoadedCity:
    return load(env)
