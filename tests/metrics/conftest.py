"""An empty store whose tables are made at once, without the migrations that other tests run, and a town that fills every table."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.schema import metadata
from service.settings import LoadedCity
from service.store import open_store


@pytest.fixture
def store(tmp_path: Path) -> Engine:
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    metadata.create_all(engine)
    return engine


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, LoadedCity]:
    """Something in every table that is told; tests must not write to it."""
    from tests.metrics.figures import filled  # here: without the extra the tests are skipped, and this folder still read

    return filled(tmp_path_factory.mktemp("metrics"))
