"""What PostgreSQL exports is what SQLite exports, and either takes in what the other gave."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from service import migrations
from service import schema as t
from service.exchange.exporting import snapshot
from service.levels.calls import count
from service.store import open_store, readings
from service.store.reading_only import open_reading
from tests.api.conftest import live
from tests.exchange.conftest import load_of
from tests.town import NOW, Town


@pytest.mark.slow
@pytest.mark.postgres
def test_an_export_sees_one_state_of_postgresql_however_long_it_takes_and_cannot_write(postgres_database: str) -> None:
    migrations.upgrade(open_store(postgres_database, create=True))
    hour, calls = datetime(2022, 6, 15, 20, tzinfo=UTC), func.count()
    with snapshot(open_reading(postgres_database)) as connection:
        assert connection.execute(select(calls).select_from(t.api_hour)).scalar() == 0
        count(open_store(postgres_database), "/v1/city", 200, hour)
        assert connection.execute(select(calls).select_from(t.api_hour)).scalar() == 0
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
        with pytest.raises(DBAPIError, match="read-only"):
            connection.execute(t.api_hour.delete())


@pytest.mark.slow
@pytest.mark.postgres
def test_readings_out_of_postgresql_into_sqlite_are_the_same_bytes_again(postgres_database: str, empty: Town, tmp_path: Path) -> None:
    assert empty.penstock("init", DATABASE_URL=postgres_database).code == 0
    engine = open_store(postgres_database)
    readings.store_batch(engine, "live", live(10), readings.register_points(engine, list(load_of(empty).points.values())))
    out, again = tmp_path / "out", tmp_path / "again"
    assert empty.penstock("export", "--format", "csv", "--into", str(out), DATABASE_URL=postgres_database).code == 0
    words = ("exchange", "take", "readings", str(out / "readings.csv"), "--who", "ada", "--now", NOW)
    assert "30 of 30" in empty.penstock(*words).out
    assert "0 of 30" in empty.penstock(*words, DATABASE_URL=postgres_database).out
    assert empty.penstock("export", "readings", "--format", "csv", "--into", str(again)).code == 0
    assert (again / "readings.csv").read_bytes() == (out / "readings.csv").read_bytes()
