"""Stores for the tests of the service: SQLite always, PostgreSQL where its wheel is."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from service import migrations
from service.store import open_store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty store at head, on each database."""
    url = f"sqlite:///{tmp_path / 'penstock.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    store = open_store(url, create=True)
    migrations.upgrade(store)
    return store
