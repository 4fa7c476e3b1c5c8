"""Cold files go with their rows, also when a kill falls between, and no day they held is opened again."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from service import schema as t
from service.reopening import late_days
from service.retention.removing import before, remove
from service.settings import LoadedCity
from service.store import cold, readings, writing
from tests.retention.test_retention import town
from tests.service.test_cold_storage import DAY, IDS, POINTS, fill, slot


def archived(folder: Path) -> tuple[LoadedCity, Engine]:
    """Two days of readings in cold storage, and two years later."""
    city, engine = town(folder)
    fill(engine, days=2)
    cold.archive(engine, folder, DAY + timedelta(days=2))
    return city, engine


LATER = datetime(2024, 6, 16, tzinfo=UTC)


def test_cold_files_go_with_their_rows_and_a_reading_that_comes_after_opens_no_day_again(tmp_path: Path) -> None:
    city, engine = archived(tmp_path / "town")
    half = before("cold_readings_years", 1, LATER - timedelta(days=366))  # between the two days
    assert half.date() == date(2022, 6, 16)
    (one,) = [found for found in remove(city, engine, LATER, "test") if found.kind == "cold readings"]
    assert (one.count, list((tmp_path / "town" / "cold").iterdir())) == (24, [])
    assert cold.raw(engine, tmp_path / "town", IDS, DAY, DAY + timedelta(days=2)).empty
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "late", slot(DAY + timedelta(hours=1), 9.0), key_of)
    with writing(engine) as connection:
        connection.execute(t.heard_day.insert().values(day_start_utc=DAY - timedelta(hours=2), readings=0))

    class Night:
        pass

    night: Any = Night()
    night.city, night.engine = city, engine
    assert late_days(night, []) == ({}, [])
    with writing(engine) as connection:
        connection.execute(delete(t.removal))
    assert len(late_days(night, [])[1]) == 1  # as it would be without that


def test_a_kill_between_the_rows_and_the_files_leaves_files_that_the_next_run_takes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city, engine = archived(tmp_path / "town")
    folder = tmp_path / "town" / "cold"
    with monkeypatch.context() as patch:
        patch.setattr("service.retention.removing.sweep", lambda *_: None)  # killed here
        remove(city, engine, LATER, "test")
    assert len(list(folder.iterdir())) == 2
    shutil.copy(next(folder.iterdir()), folder / "2024-06-14.aaaaaaaaaaaa.parquet")  # being written by the archive just now
    assert [one.count for one in remove(city, engine, LATER, "test")] == [0] * 9
    assert [path.name for path in folder.iterdir()] == ["2024-06-14.aaaaaaaaaaaa.parquet"]
