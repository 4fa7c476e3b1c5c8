"""Readings survive outages, late nights and several workers; a night is the local date of its start."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from city import quality as q
from city.clock import civil_day, grid
from city.quality import Cause
from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import meter_days, open_store, readings, results
from tests.town import HEAD, MIDNIGHT_UTC, NOW, Town, night, prepared, problems

ALL_STEPS = ["validate", "forecast", "plan", "leaks", "ledger", "targets"]


def counted(town: Town, slots: list[datetime]) -> None:
    """Store readings of the hall's energy register, 5 kWh more each slot."""
    engine = open_store(town.database)
    city = load(Environment(city=town.file, home=town.folder))
    frame = pd.DataFrame(
        {
            "point_id": "hall.energy",
            "time_utc": pd.DatetimeIndex(slots).as_unit("us"),
            "quantity": "energy_register_kwh",
            "value": 1000.0 + 5.0 * np.arange(len(slots)),
            "quality": q.VALID,
            "received_at_utc": pd.DatetimeIndex(slots).as_unit("us"),
        }
    )
    readings.store_batch(engine, f"batch-{slots[0]}", frame, readings.register_points(engine, list(city.points.values())))


def slots(day: str, first: int = 0, last: int = 97) -> list[datetime]:
    start = civil_day(datetime.fromisoformat(day).date(), "Europe/Rome")[0]
    return list(grid(start, 97, timedelta(minutes=15)).to_pydatetime()[first:last])


def usable_quarters(town: Town, day: str) -> int:
    engine = open_store(town.database)
    start, end = civil_day(datetime.fromisoformat(day).date(), "Europe/Rome")
    point = load(Environment(city=town.file, home=town.folder)).points["hall.energy"]
    return int(meter_days.block(engine, [point], start, end).usable().sum())


def test_readings_older_than_the_hot_days_become_vectors_before_they_are_dropped(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    counted(town, slots("2022-03-01"))  # then the service stood still for three months
    counted(town, slots("2022-06-15"))
    night(town)
    assert usable_quarters(town, "2022-03-01") == 96
    assert usable_quarters(town, "2022-06-15") == 96
    assert {row.time_utc for row in results.rows(open_store(town.database), t.reading)} == set(slots("2022-06-15"))


def test_a_night_of_a_mistyped_later_date_leaves_the_days_open_that_nobody_has_heard_yet(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    counted(town, slots("2022-06-14", last=96))
    night(town, "2024-06-16T00:30+02:00")
    counted(town, slots("2022-06-15"))
    night(town)
    assert usable_quarters(town, "2022-06-15") == 96


def test_a_day_nobody_polled_between_two_heard_ones_is_a_gap_as_read_and_an_estimate_in_its_second_version(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=0))
    counted(town, slots("2022-06-13", last=96))
    counted(town, slots("2022-06-15"))
    night(town)
    point = load(Environment(city=town.file, home=town.folder)).points["hall.energy"]
    day = MIDNIGHT_UTC - timedelta(days=2), MIDNIGHT_UTC - timedelta(days=1)
    read = meter_days.block(open_store(town.database), [point], *day, as_read=True)
    assert set(read.quality[0]) == {q.missing(Cause.GAP)}
    made = meter_days.block(open_store(town.database), [point], *day)
    assert set(made.quality[0, :-1]) == {q.code(q.Flag.ESTIMATED_LIKE_DAY, Cause.GAP)}  # the day alike did not see its last quarter
    assert set(made.values[0, :-1]) == {5000}


def test_a_field_that_was_dead_all_day_gives_a_night_that_names_its_points(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path))
    assert town.penstock("poll", "--now", "2022-06-15T00:00+02:00", "--until", NOW).code == 2
    assert night(town).code == 2
    assert "0 % of its values are usable" in problems(town, "validate")
    assert "hall.energy" in problems(town, "validate")
    assert len(results.rows(open_store(town.database), t.plan)) == 1  # the history reaches to yesterday


@pytest.mark.slow
def test_two_workers_store_the_same_forecasts_as_one_bit_for_bit(tmp_path: Path) -> None:
    one = prepared(Town(tmp_path / "one"))
    two = prepared(Town(tmp_path / "two", head=HEAD + "night = { workers = 2 }\n"))
    found = []
    for town in (one, two):
        given = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-m", "service.cli", "night", "--now", NOW], env=given, timeout=200)
        assert done.returncode == 0
        with open_store(town.database).connect() as connection:
            found.append(
                [connection.execute(select(table).order_by(*table.primary_key)).all() for table in (t.forecast, t.skill, t.plan_value)]
            )
    assert len(found[0][0]) == 3
    assert found[0] == found[1]


def test_the_night_is_named_by_the_local_date_of_now(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=3).without("tariff", "assets", "controls"))
    night(town, "2022-06-15T22:30:00+00:00")  # 00:30 on the 16th in Rome
    (run,) = results.rows(open_store(town.database), t.run)
    assert (str(run.night), run.now_utc) == ("2022-06-16", datetime(2022, 6, 15, 22, 30, tzinfo=UTC))
