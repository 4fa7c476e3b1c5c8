"""From empty to head and back, on both databases; what alembic makes is what the schema says."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from city.problems import PenstockError
from service import migrations
from service.schema import metadata
from service.store import open_store


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), metadata)


def test_sqlite_goes_from_empty_to_head_and_back(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'p.db'}", create=True)
    migrations.upgrade(engine)
    assert differences(engine) == []
    migrations.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}


@pytest.mark.postgres
@pytest.mark.slow
def test_postgresql_goes_from_empty_to_head_and_back(postgres_database: str) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    assert differences(engine) == []
    migrations.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}


def test_a_database_without_tables_names_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="penstock init"):
        open_store(f"sqlite:///{tmp_path / 'empty.db'}")


def test_an_unknown_database_url_is_a_sentence() -> None:
    with pytest.raises(PenstockError, match="PENSTOCK_DATABASE_URL"):
        open_store("nonsense://x", create=True)
