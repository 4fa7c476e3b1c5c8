"""Old readings leave the database for a file, whole or not at all, and nobody who asks for readings can tell."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, inspect, select

from city.places import Point
from city.problems import PenstockError
from city.quality import VALID, Cause, missing
from city.quantities import Quantity
from service import migrations
from service import schema as t
from service.store import cold, open_store, readings, results
from tests.night.test_nothing_is_lost import counted, slots
from tests.town import Town, night, prepared

DAY = datetime(2022, 6, 14, tzinfo=UTC)
LATER = DAY + timedelta(days=40)
POINTS = [Point(id=f"m-{i}.energy", meter=f"m-{i}", quantity=Quantity.ENERGY_REGISTER_KWH) for i in range(3)]
IDS = [p.id for p in POINTS]


def slot(at: datetime, *kwh: float | None) -> pd.DataFrame:
    """One reading per point [kWh]; None is a timeout."""
    times = pd.Series([at] * len(kwh), dtype="datetime64[us, UTC]")
    return pd.DataFrame(
        {
            "point_id": IDS[: len(kwh)],
            "time_utc": times,
            "quantity": "energy_register_kwh",
            "value": [np.nan if value is None else value for value in kwh],
            "quality": [missing(Cause.TIMEOUT) if value is None else VALID for value in kwh],
            "received_at_utc": times + pd.Timedelta(seconds=3),
        }
    )


def fill(engine: Engine, days: int = 2) -> dict[str, int]:
    """Four slots a day of three points, one of which once does not answer."""
    key_of = readings.register_points(engine, POINTS)
    for i in range(4 * days):
        at = DAY + i * timedelta(hours=6)
        readings.store_batch(engine, f"batch-{i}", slot(at, 100.0 + i, None if i == 2 else 7.125, 1e6), key_of)
    return key_of


def everything(engine: Engine, folder: Path) -> pd.DataFrame:
    return cold.raw(engine, folder, IDS, DAY - timedelta(days=1), LATER)


def test_readings_are_the_same_before_and_after_they_went_to_cold_storage(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    before = everything(engine, tmp_path)
    assert cold.archive(engine, tmp_path, DAY + timedelta(days=1, hours=23)) == [(date(2022, 6, 14), 12)]
    assert readings.size(engine)["reading"] == 12  # the second day is not over by then
    pd.testing.assert_frame_equal(everything(engine, tmp_path), before)
    inside = cold.raw(engine, tmp_path, ["m-1.energy"], DAY + timedelta(hours=12), DAY + timedelta(hours=30))
    assert inside["value"].tolist() == pytest.approx([np.nan, 7.125, 7.125], nan_ok=True)


def test_a_cold_file_says_all_about_its_readings_without_the_database(engine: Engine, tmp_path: Path) -> None:
    fill(engine, days=1)
    cold.archive(engine, tmp_path, LATER)
    (file,) = (tmp_path / "cold").iterdir()
    table = pq.read_table(file)
    first = table.slice(0, 1).to_pylist()[0]
    assert table.num_rows == 12
    assert first["point_id"] == "m-0.energy"
    assert first["value"] / int(table.schema.metadata[b"scale." + first["quantity"].encode()]) == 100.0
    assert first["late_s"] == 3
    assert table["value"].null_count == 1
    assert table["time_utc"].to_pylist()[:4] == [DAY + i * timedelta(hours=6) for i in range(4)]  # by point, then time


def test_late_readings_of_a_cold_day_become_its_next_part_and_the_first_value_stays(engine: Engine, tmp_path: Path) -> None:
    key_of = fill(engine, days=1)
    cold.archive(engine, tmp_path, LATER)
    (written,) = (tmp_path / "cold").iterdir()
    content = written.read_bytes()
    late = pd.concat([slot(DAY, 100.0, 8.0), slot(DAY + timedelta(hours=1), 555.0)], ignore_index=True)  # the same, another, a new one
    assert readings.store_batch(engine, "late", late, key_of) == 3
    at_once = everything(engine, tmp_path)
    assert at_once.loc[at_once["time_utc"] == DAY, "value"].tolist() == [100.0, 7.125, 1e6]
    assert len(at_once) == 13
    assert cold.archive(engine, tmp_path, LATER) == [(date(2022, 6, 14), 1)]
    pd.testing.assert_frame_equal(everything(engine, tmp_path), at_once)
    assert written.read_bytes() == content
    with engine.connect() as connection:
        assert connection.execute(select(t.cold_day.c.part, t.cold_day.c.readings).order_by(t.cold_day.c.part)).all() == [(1, 12), (2, 1)]
        assert connection.execute(select(t.conflict.c.point_key, t.conflict.c.value)).all() == [(key_of["m-1.energy"], 8_000)]


def test_a_reading_that_comes_while_the_file_is_written_is_not_deleted_with_the_others(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_of = fill(engine, days=1)
    write = cold._write

    def slow(*args: object) -> object:
        if not readings.store_batch(engine, "meanwhile", slot(DAY + timedelta(hours=1), 555.0), key_of):
            monkeypatch.setattr(cold, "_write", write)
        return write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(cold, "_write", slow)
    assert cold.archive(engine, tmp_path, LATER) == [(date(2022, 6, 14), 12), (date(2022, 6, 14), 1)]
    assert len(everything(engine, tmp_path)) == 13
    assert readings.size(engine)["reading"] == 0


def test_a_file_that_was_written_before_a_crash_is_written_again_to_the_same_name(engine: Engine, tmp_path: Path) -> None:
    fill(engine, days=1)
    with engine.connect() as connection:
        rows = [column.copy() for column in cold.columns.fetch(connection, select(*t.reading.c))]
        order, _ = cold.firsts(rows)
        file = cold._write(connection, tmp_path / "cold", DAY.date(), [column[order] for column in rows])  # and then the crash
    cold.archive(engine, tmp_path, LATER)
    assert [path.name for path in (tmp_path / "cold").iterdir()] == [file["file"]]
    assert len(everything(engine, tmp_path)) == 12


def test_no_flipped_bit_of_a_cold_file_gives_another_number(engine: Engine, tmp_path: Path) -> None:
    fill(engine, days=1)
    cold.archive(engine, tmp_path, LATER)
    before = everything(engine, tmp_path)
    (file,) = (tmp_path / "cold").iterdir()
    content = file.read_bytes()
    chunk = pq.ParquetFile(file).metadata.row_group(0).column(4)
    found = 0
    for at in range(chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size):
        file.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
        try:
            pd.testing.assert_frame_equal(everything(engine, tmp_path), before)
        except PenstockError as error:
            found += "Restore it from a backup" in str(error)
    assert found > 0.6 * chunk.total_compressed_size  # the others are statistics in the page's header, which nobody reads
    file.unlink()
    with pytest.raises(PenstockError, match=r"cold file .*Restore it from a backup"):
        everything(engine, tmp_path)


def test_the_night_moves_what_is_old_and_its_run_says_so(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    counted(town, slots("2022-03-01"))
    counted(town, slots("2022-06-15"))
    (tmp_path / "cold").write_text("not a folder")
    assert "readings stay where they are" in night(town).all
    engine = open_store(town.database)
    assert readings.size(engine)["reading"] == 2 * 97  # nothing leaves that has nowhere to go
    assert "readings stay where they are" in results.rows(engine, t.run)[-1].detail["archive"]
    (tmp_path / "cold").unlink()
    said = night(town)
    assert "97 readings of 2 days went to cold storage" in said.all  # local midnight lies in two UTC days
    detail = results.rows(engine, t.run)[-1].detail
    assert (detail["archive"], set(detail)) == ("97 readings of 2 days went to cold storage", {"archive", "deadlines_minutes"})
    start = slots("2022-03-01")[0]
    found = cold.raw(engine, tmp_path, ["hall.energy"], start, start + timedelta(days=2))
    assert found["value"].tolist() == [1000.0 + 5.0 * i for i in range(97)]
    assert "cold storage" not in night(town).all


@pytest.mark.postgres
@pytest.mark.slow
def test_a_day_in_cold_storage_leaves_no_partition_behind(postgres_database: str, tmp_path: Path) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    fill(engine)
    assert {"reading_20220614", "reading_20220615"} <= set(inspect(engine).get_table_names())
    cold.archive(engine, tmp_path, DAY + timedelta(days=1))
    assert "reading_20220614" not in inspect(engine).get_table_names()


_KILLED = """
import sys
from pathlib import Path
from datetime import datetime, UTC
from service.store import cold, open_store
print("ready", flush=True)
cold.archive(open_store(sys.argv[1]), Path(sys.argv[2]), datetime(2022, 9, 1, tzinfo=UTC))
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    fill(engine, days=20)
    before = cold.raw(engine, tmp_path, IDS, DAY, LATER)
    rng = np.random.default_rng(1)
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(engine.url), str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
        )
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(rng.uniform(0.01, 0.3))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.wait()
        pd.testing.assert_frame_equal(cold.raw(engine, tmp_path, IDS, DAY, LATER), before)
    cold.archive(engine, tmp_path, LATER)
    pd.testing.assert_frame_equal(cold.raw(engine, tmp_path, IDS, DAY, LATER), before)
    assert readings.size(engine)["reading"] == 0
