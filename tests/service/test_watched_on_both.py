"""Levels, figures and the doctor's look at a database, on SQLite and on PostgreSQL: both count alike."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

pytest.importorskip("prometheus_client")

from city.causes import Cause
from city.quality import VALID, missing
from service import schema as t
from service.doctor import clock, database, growth
from service.doctor.check import Patient
from service.environment import Environment
from service.levels import calls, uptime
from service.levels.history import freeze, of_city
from service.metrics import collector, health
from service.settings import load
from service.store import readings, runs, writing
from tests.levels.test_levels import DAY, NEXT, NOON, POINTS, frame
from tests.metrics.figures import told
from tests.town import Town


def test_both_databases_count_the_same(engine: Engine, tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    city = load(Environment(city=town.file, home=town.folder))
    key_of = readings.register_points(engine, POINTS)
    for name in ("once", "again"):
        at = NOON if name == "once" else NOON + timedelta(minutes=15)
        readings.store_batch(engine, name, frame(at, at, VALID, missing(Cause.TIMEOUT)), key_of, at + timedelta(seconds=50))
    for status in (200, 200, 500):
        calls.count(engine, "/v1/plans", status, NOON)
    for second in (0, 100):
        with writing(engine) as connection:
            uptime.extend(connection, "poll", NOON + timedelta(seconds=second), mine=True)
    run_id = runs.start_run(engine, "town", DAY, "night", NOON - timedelta(hours=11), "")
    runs.end_run(engine, run_id, "done", {})
    assert freeze(engine, city, NEXT + timedelta(hours=1)) == 5
    now = NEXT + timedelta(hours=2)
    shares = {one.level.name: tuple(one.yesterday)[:2] for one in of_city(engine, city, now)}
    assert shares["meters_online"] == (2, 4)
    assert shares["stored_in_time"] == (4, 4)
    assert shares["api_success"] == (2, 3)
    assert shares["nights_on_time"] == (1, 1)
    assert shares["availability"] == (100, 12 * 3600)
    clocks = [NOON]
    figures = collector.Figures(engine, city, lambda: clocks[0])
    clocks[0] = now
    found = told(collector.text(collector.registry(figures)))
    assert {key for key, value in found.items() if key[0] == "penstock_part_up" and not value} == set()
    assert found["penstock_api_calls_total", "/v1/plans", "500"] == 1
    assert found["penstock_database_bytes",] > 10_000
    assert health.ready(engine, city, now)[1][0]["ok"]


def test_the_doctor_looks_at_both(engine: Engine, tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    env = Environment(city=town.file, home=town.folder, database_url=engine.url.render_as_string(hide_password=False))
    assert "0 rows in reading" in database.answers(engine)
    assert database.writable(engine) == "takes writes"
    assert database.tidy(engine).endswith(" MB")
    assert database.whole(engine)
    assert growth.bytes_per_night(engine) == 0
    assert "UTC" in clock.examine(Patient(env, datetime.now(UTC), load(env)))


def test_a_part_of_the_figures_that_fails_inside_the_database_leaves_the_others(engine: Engine, tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    city = load(Environment(city=town.file, home=town.folder))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notice")
    found = told(collector.text(collector.registry(collector.Figures(engine, city, lambda: NOON))))
    assert found["penstock_part_up", "notices"] == 0
    assert found["penstock_part_up", "night"] == found["penstock_part_up", "levels"] == 1
    with engine.connect() as connection:
        assert connection.execute(select(t.lease)).all() == []
