"""An empty store whose tables are made at once, without the migrations that other tests run."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from service.schema import metadata
from service.store import open_store


@pytest.fixture
def store(tmp_path: Path) -> Engine:
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    metadata.create_all(engine)
    return engine
