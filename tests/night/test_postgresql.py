"""The same night on PostgreSQL gives the same tables as on SQLite."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from service import migrations
from service import schema as t
from service.keeping.restoring import go_on_numbering
from service.store import open_store, partitions, writing
from tests.commands import NIGHT, Penstock

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr) for table in t.RESULTS}


def test_a_night_on_postgresql_gives_the_tables_of_one_on_sqlite(
    polled: Penstock, night: Penstock, postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = open_store(f"sqlite:///{polled.home / 'penstock.db'}"), open_store(postgres_database, create=True)
    migrations.upgrade(target)
    with source.connect() as read, writing(target) as write:
        for table in t.metadata.sorted_tables:
            found = [row._asdict() for row in read.execute(select(table))]
            if table is t.reading:
                partitions.ensure(write, sorted({row["time_utc"].date() for row in found}))
            if found:
                write.execute(table.insert(), found)
                go_on_numbering(write, table.name)
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", postgres_database)
    city = replace(polled, home=tmp_path / "home")
    (city.home / "outside").mkdir(parents=True)  # as that of the other night
    city.run("night", "--now", NIGHT)
    here, there = rows(target), rows(open_store(f"sqlite:///{night.home / 'penstock.db'}"))
    assert [name for name in here if here[name] != there[name]] == []
