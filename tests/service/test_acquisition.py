"""What poll does when the store is away or the city file has changed: nothing read is lost, nothing is stored twice."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from city.places import Point
from city.quality import VALID, Cause, questionable
from city.quantities import Quantity
from meters.spool.spool import Spool
from service import migrations
from service.delivery import deliver
from service.store import open_store, readings

SLOT = datetime(2022, 6, 15, tzinfo=UTC)
POINT = Point(id="p-15.pressure", meter="p-15", quantity=Quantity.PRESSURE_M)


@pytest.fixture
def sqlite_store(at_head: Path, tmp_path: Path) -> Engine:
    shutil.copy(at_head, tmp_path / "penstock.db")
    return open_store(f"sqlite:///{tmp_path / 'penstock.db'}")


def reading(point: str = "p-15.pressure", value: float = 42.0) -> pd.DataFrame:
    frame = pd.DataFrame({"point_id": [point], "quantity": ["pressure_m"], "value": [value], "quality": [VALID]})
    times = pd.Series([SLOT], dtype="datetime64[us, UTC]")
    return frame.assign(time_utc=times, received_at_utc=times)


def test_a_batch_is_acknowledged_only_once_it_is_stored(sqlite_store: Engine, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(reading())
        lock = sqlite3.connect(str(sqlite_store.url.database), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        assert deliver(sqlite_store, spool, [POINT]) == 0
        assert spool.depth() == 1
        lock.execute("ROLLBACK")
        lock.close()
        assert deliver(sqlite_store, spool, [POINT]) == 1
        assert spool.depth() == 0


def test_a_database_that_has_no_tables_yet_loses_nothing(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(reading())
        assert deliver(engine, spool, [POINT]) == 0
        migrations.upgrade(engine)
        assert deliver(engine, spool, [POINT]) == 1


def test_readings_of_a_point_that_left_the_city_file_are_kept(sqlite_store: Engine, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(reading("old.pressure"))
        assert deliver(sqlite_store, spool, [POINT]) == 1
    assert "old.pressure" in readings.keys(sqlite_store)


def test_a_number_too_large_for_the_store_is_kept_as_no_value(sqlite_store: Engine, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(reading(value=3e38))  # what a float32 with swapped words can give
        assert deliver(sqlite_store, spool, [POINT]) == 1
    kept = readings.hot(sqlite_store, [POINT.id], SLOT, SLOT.replace(hour=1))
    assert kept["value"].isna().all()
    assert set(kept["quality"]) == {questionable(Cause.OUT_OF_MAP)}  # a good "no value" would count as zero
