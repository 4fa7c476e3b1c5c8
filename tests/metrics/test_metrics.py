"""The figures as Prometheus reads them, from a store in which every table has something to tell."""

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from service import releases
from service import schema as t
from service.levels import calls
from service.metrics import collector, health
from service.metrics.kinds import COUNTER, METRICS, table
from service.settings import LoadedCity
from service.store import writing
from tests.metrics.figures import NOW, filled, scraped, told

ROOT = Path(__file__).parents[2]


def test_every_metric_of_the_table_is_told_and_says_what_the_rows_say(full: tuple[Engine, LoadedCity]) -> None:
    found = scraped(*full)
    without = {"penstock_backup_missing_seconds"}  # it has a backup
    assert {key[0] for key in found} == {metric.name for metric in METRICS} - without
    assert {k: v for k, v in found.items() if k[0] == "penstock_part_up" and not v} == {}
    expected = {
        ("heartbeat_age_seconds", "poll"): 120,
        ("lease_held", "night"): 1,
        ("readings_stored_total", "true"): 2,
        ("readings_newest_age_seconds",): 900,
        ("readings_newest_slot", "true"): 1,
        ("readings_newest_slot", "false"): 1,
        ("link_up", "field"): 1,  # one of its meters was reached
        ("spool_readings", "spool"): 2,
        ("night_done",): 1,
        ("night_deadline_timestamp_seconds",): datetime(2022, 6, 16, 4, 0, tzinfo=UTC).timestamp(),
        ("night_end_timestamp_seconds",): (NOW - timedelta(minutes=55)).timestamp(),
        ("night_seconds",): 300,
        ("night_step_seconds", "plan"): 12.5,
        ("night_step_status", "problems", "plan"): 1,  # labels in the order of their names
        ("night_zones_out", "plan"): 1,
        ("commands", "approved"): 1,
        ("commands_overdue",): 1,
        ("alarms", "1", "unacknowledged"): 1,
        ("notices_waiting", "mail"): 1,
        ("notices_given_up", "hook"): 1,
        ("api_calls_total", "/v1/plans", "200"): 41,
        ("level_ratio", "nights_on_time", "30d"): 1,
        ("level_target_ratio", "availability"): 0.9999,
        ("backup_age_seconds",): 12 * 3600,
        ("certificate_expiry_timestamp_seconds", "end.pem"): datetime(2022, 7, 1, tzinfo=UTC).timestamp(),
    }
    assert {key: found.get((f"penstock_{key[0]}", *key[1:])) for key in expected} == expected


def test_a_counter_goes_on_over_the_hours_and_a_late_reading_still_counts(full: tuple[Engine, LoadedCity], store: Engine) -> None:
    _, city = full
    clock = [NOW]
    figures = collector.Figures(store, city, lambda: clock[0])
    seen = []
    for hour in range(0, 60, 3):
        clock[0] = NOW + timedelta(hours=hour)
        calls.count(store, "/v1/plans", 200, clock[0], 10)
        calls.count(store, "/v1/plans", 200, max(NOW, clock[0] - timedelta(hours=20)), 1)
        figures.age()
        seen.append(told(collector.text(collector.registry(figures)))["penstock_api_calls_total", "/v1/plans", "200"])
    assert seen == [11 * n for n in range(1, 21)]


def test_a_city_without_any_backup_says_for_how_long_it_has_run(tmp_path: Path) -> None:
    engine, city = filled(tmp_path)
    later = NOW + timedelta(days=3)
    assert ("penstock_backup_missing_seconds",) not in told(
        collector.text(collector.registry(collector.Figures(engine, city, lambda: later)))
    )
    shutil.rmtree(city.folder / "backups")
    found = told(collector.text(collector.registry(collector.Figures(engine, city, lambda: later))))
    assert found["penstock_backup_missing_seconds",] == 3 * 86_400
    assert ("penstock_backup_age_seconds",) not in found


def test_names_follow_the_conventions() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"penstock(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == COUNTER)
        assert not re.search(r"_(ms|minutes|hours|mb|percent|count)$", metric.name)


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    assert table() in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_a_night_that_hangs_was_heard_of_and_is_not_well(full: tuple[Engine, LoadedCity], store: Engine) -> None:
    _, city = full
    run = {"city": "town", "night": date(2022, 6, 16), "command": "night", "config_hash": "", "pid": 1, "status": "running"}
    step = {"city": "town", "night": date(2022, 6, 16), "sentence": "", "problems": [], "detail": {}, "ended_utc": NOW}
    with writing(store) as connection:
        connection.execute(insert(t.run).values(**run, now_utc=NOW, started_utc=NOW))
        connection.execute(insert(t.step).values(**step, step="validate", status="done", seconds=1.0))

    def told_at(now: datetime) -> tuple[bool, str]:
        (one,) = (check for check in health.ready(store, city, now)[1] if check["name"] == "night")
        return one["ok"], one["observed"]

    with writing(store) as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (releases.REVISIONS[releases.RELEASE],))
    assert told_at(NOW + timedelta(hours=3)) == (True, "heard of in time")
    assert told_at(NOW + timedelta(hours=5)) == (False, "started, but that of this civil day has not ended by 06:00")


def test_a_part_that_fails_in_any_way_leaves_its_own_figures_out_only(
    full: tuple[Engine, LoadedCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(collector.PARTS, "backup", lambda _asked: [][1])
    found = scraped(*full)
    assert (found["penstock_part_up", "backup"], found["penstock_part_up", "night"], found["penstock_store_up",]) == (0, 1, 1)


def test_a_part_that_fails_costs_the_others_nothing(full: tuple[Engine, LoadedCity]) -> None:
    engine, city = full
    path = city.beside / "end.pem"
    kept = path.read_bytes()
    path.unlink()
    try:
        found = scraped(engine, city)
    finally:
        path.write_bytes(kept)
    assert found["penstock_part_up", "certificates"] == 0
    assert found["penstock_part_up", "night"] == found["penstock_store_up",] == 1
    with engine.connect() as connection:
        assert connection.execute(select(t.lease.c.name)).scalar() == "night"
