"""What PostgreSQL exports is what SQLite exports, and either takes in what the other gave."""

from pathlib import Path

import pytest

from service.store import open_store, readings
from tests.api.conftest import live
from tests.exchange.conftest import load_of
from tests.town import NOW, Town


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
