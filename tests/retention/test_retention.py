"""What [retention] names goes when it is old and nothing that is open needs it; all else stays, and every removal is told and sealed."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, func, select

from city.problems import PenstockError
from service import migrations
from service import schema as t
from service.auditing import verifying
from service.environment import Environment
from service.retention.needs import Need
from service.retention.removing import KINDS, Removed, before, gone_before, held, remove
from service.run_report.files import folder_of
from service.run_report.files import put as put_files
from service.settings import LoadedCity, load
from service.store import open_store, operations, writing
from service.utctime import UtcTime
from tests.town import Town

NOW = datetime(2022, 6, 16, 0, 30, tzinfo=UTC)
RULES = """
[retention]
cold_readings_years = 1
audit_years = 5
forecasts_days = 400
paths_days = 30
plans_days = 60
alarms_days = 90
runs_days = 90
notices_days = 30
sessions_days = 10
"""
AGE_DAYS = {"cold_day": 365, "forecast": 400, "forecast_path": 30, "plan": 60, "alarm": 90, "run": 90, "notice": 30, "session": 10}


def town(folder: Path, rules: str = RULES) -> tuple[LoadedCity, Engine]:
    made = Town(folder, days=0).write()
    made.file.write_text(made.file.read_text() + rules)
    engine = open_store(made.database, create=True)
    migrations.upgrade(engine)
    return load(Environment(city=made.file, home=made.folder)), engine


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedCity, Engine]:
    """One store for all examples: each empties it first."""
    return town(tmp_path_factory.mktemp("bare") / "town")


def at(days: float) -> datetime:
    """So many days before midnight."""
    return datetime(2022, 6, 16, tzinfo=UTC) - timedelta(days=days)


def put(connection: Connection, table: Any, **values: Any) -> None:
    """A row; what is not told is the least that the column takes."""
    plain: dict[str, Any] = {"VARCHAR": "", "TEXT": "", "INTEGER": 0, "FLOAT": 0.0, "JSON": {}, "BLOB": b"", "BOOLEAN": False, "BIGINT": 0}
    for column in table.columns:
        if column.name not in values and not column.nullable and column.server_default is None:
            kind = str(column.type).split("(")[0]
            values[column.name] = NOW if isinstance(column.type, UtcTime) else date(2000, 1, 1) if kind == "DATE" else plain[kind]
    connection.execute(table.insert().values(**values))


def filled(connection: Connection, ages: dict[str, list[int]], number: dict[str, int]) -> None:
    """Rows of the ages [d]; `number` says how many of them, from the first on, are bound by something else than their age."""
    for i, days in enumerate(ages["cold_day"]):
        put(connection, t.cold_day, day=at(days).date(), part=i + 1, file=f"{at(days):%Y-%m-%d}.{i}.parquet", readings=10, sha256="")
    for i, days in enumerate(ages["forecast"]):
        put(connection, t.forecast, night=at(days).date(), series_id=f"s{i}", model_id=f"m{i}")
        put(connection, t.peak, night=at(days).date(), series_id=f"s{i}", day=at(days).date())
        put(connection, t.forecast_model, model_id=f"m{i}", state="retired", trained_at_utc=at(days + 1))
    for i, days in enumerate(ages["forecast_path"]):
        put(connection, t.forecast_path, night=at(days).date(), series_id=f"s{i}")
    for i, days in enumerate(ages["plan"]):
        put(connection, t.plan, plan_id=f"p{i}", night=at(days).date(), made_at_utc=at(days - 0.96))
        put(connection, t.plan_value, plan_id=f"p{i}")
        put(connection, t.command, command_id=f"c{i}", plan_id=f"p{i}", state="proposed", not_after_utc=at(days - 0.98))
        if i < number["plan"]:
            put(connection, t.approval, plan_id=f"p{i}", who="ada", at_utc=at(days))
    for i, days in enumerate(ages["alarm"]):
        ended = None if i < number["alarm"] else at(days - 0.96)
        put(connection, t.alarm, alarm_id=i + 1, ended_utc=ended, since_utc=at(days + 1), kind="k", source=str(i))
        put(connection, t.alarm_event, event_id=i + 1, alarm_id=i + 1, at_utc=at(days))
    for i, days in enumerate(ages["run"]):
        put(connection, t.run, run_id=i + 1, night=at(days).date(), config_hash=str(i))
        put(connection, t.config_version, config_hash=str(i), seen_utc=at(days))
    for i, days in enumerate(ages["notice"]):
        put(connection, t.notice, notice_id=i + 1, subject_key=str(i), made_utc=at(days), next_utc=NOW if i < number["notice"] else None)
    for i, days in enumerate(ages["session"]):
        put(connection, t.session, digest=str(i), ends_utc=at(days - 0.5 if i >= number["session"] else -1), seen_utc=at(days), ended="")


def emptied(connection: Connection) -> None:
    for table in reversed(t.metadata.sorted_tables):
        connection.execute(delete(table))


def ages_left(connection: Connection) -> dict[str, list[int]]:
    """Ages [d] of what is there, sorted; of every kind."""
    when = {"cold_day": t.cold_day.c.day, "forecast": t.forecast.c.night, "forecast_path": t.forecast_path.c.night,
            "plan": t.plan.c.night, "alarm": t.alarm.c.since_utc, "run": t.run.c.night, "notice": t.notice.c.made_utc,
            "session": t.session.c.seen_utc}  # fmt: skip
    found = {}
    for name, column in when.items():
        times = [one.date() if isinstance(one, datetime) else one for one in connection.execute(select(column)).scalars()]
        found[name] = sorted((NOW.date() - one).days - (name == "alarm") for one in times)
    return found


def lines(engine: Engine, *years: float) -> None:
    for number, age in enumerate(years):
        with writing(engine) as connection:
            operations.record(connection, at(365.25 * age), "ada", "hold", "*", f"line {number + 1}")


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {one.name: connection.execute(select(func.count()).select_from(one)).scalar_one() for one in t.metadata.sorted_tables}


AGES = st.fixed_dictionaries({name: st.lists(st.integers(0, 2 * days), max_size=5) for name, days in AGE_DAYS.items()})
BOUND = st.fixed_dictionaries({name: st.integers(0, 2) for name in ("plan", "alarm", "notice", "session")})
OPEN_CASE = st.none() | st.integers(0, 900)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=AGES, number=BOUND, case=OPEN_CASE, period=st.none() | st.integers(1, 400))
def test_what_is_older_than_allowed_and_needed_by_nothing_goes_and_nothing_else(
    bare: tuple[LoadedCity, Engine], ages: dict[str, list[int]], number: dict[str, int], case: int | None, period: int | None
) -> None:
    """Said again by hand: ages in whole days; an open case or an open month holds everything back that it may need."""
    city, engine = bare
    with writing(engine) as connection:
        emptied(connection)
        filled(connection, ages, number)
        if case is not None:
            put(connection, t.work_case, case_id=1, kind="meter", source_id="x", found_utc=at(case))
            put(connection, t.case_event, case_id=1, ordinal=0, state="found")
        if period is not None:
            put(connection, t.ledger_batch, number=0, first_day=at(period).date(), last_day=at(1).date(), root="r")
    needed = {0 if case is None else case + 45, 0 if period is None else (NOW.date() - at(period).date().replace(day=1)).days + 1}
    foretold = remove(city, engine, NOW, "test", dry=True)
    before_counts = counts(engine)
    with engine.connect() as connection:
        assert ages_left(connection) == {name: sorted(found) for name, found in ages.items()}  # a dry run changes nothing
    removed = remove(city, engine, NOW, "test")
    limit = {name: max(days, *needed) if name not in ("notice", "session") else days for name, days in AGE_DAYS.items()}
    expected = {}
    for name, found in ages.items():
        kept = {one for one in range(len(found)) if one < number.get(name, 0)} | ({len(found) - 1} if name == "alarm" else set())
        expected[name] = sorted(days for i, days in enumerate(found) if days <= limit[name] or i in kept)
    nights, newest = expected["forecast"], min(ages["run"], default=0)
    expected["run"] = sorted(days for days in ages["run"] if days <= limit["run"] or days == newest or days in nights)
    with engine.connect() as connection:
        assert ages_left(connection) == expected
        assert {row.plan_id for row in connection.execute(select(t.plan_value))} == {
            row.plan_id for row in connection.execute(select(t.plan))
        }
        assert list(verifying.faults(connection.execute(select(t.audit).order_by(t.audit.c.audit_id)))) == []
        told = connection.execute(select(t.removal.c.subject, t.removal.c.count).order_by(t.removal.c.removal_id)).all()
        assert [tuple(row) for row in told] == [(one.kind, one.count) for one in removed if one.count]
        assert connection.execute(select(func.count()).select_from(t.audit)).scalar_one() == len(told)
    assert [one.count for one in foretold if one.kind != "runs"] == [one.count for one in removed if one.kind != "runs"]
    assert counts(engine).keys() - _changed(before_counts, counts(engine)) >= {"ledger_batch", "work_case", "case_event", "approval"}
    again = remove(city, engine, NOW, "test")
    assert [one.count for one in again] == [0] * len(again)


def _changed(old: dict[str, int], new: dict[str, int]) -> set[str]:
    return {name for name in old if old[name] != new[name]}


@given(st.datetimes(datetime(2004, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)), st.integers(1, 30))  # noqa: DTZ001
def test_years_and_days_count_back_to_a_midnight_and_never_forward(now: datetime, age: int) -> None:
    for key, days in (("audit_years", 365.25 * age), ("plans_days", age)):
        limit = before(key, age, now)
        assert (limit.hour, limit.minute, limit.second, limit.microsecond) == (0, 0, 0, 0)
        assert days - 1.1 <= (now - limit) / timedelta(days=1) <= days + 3.1


def test_what_reaches_back_furthest_is_named() -> None:
    needs = [Need("case 3 is open", at(500)), Need("leak is open", at(400))]
    assert held(at(365), needs) == (at(500), "case 3 is open")
    assert held(at(600), needs) == (at(600), "")


def test_without_rules_everything_stays(tmp_path: Path) -> None:
    city, engine = town(tmp_path / "town", "")
    assert remove(city, engine, NOW, "test") == []


def test_a_rule_that_would_take_young_audit_lines_is_refused_with_the_city_file(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match=r"retention\.audit_years"):
        town(tmp_path / "town", "[retention]\naudit_years = 4\n")


# --- cold readings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_killed_in_one_kind_the_others_are_done_or_whole_and_the_next_run_goes_on(kind: int, tmp_path: Path) -> None:
    ages = {name: [3 * days, 0] for name, days in AGE_DAYS.items()}
    city, engine = town(tmp_path / "town")
    with writing(engine) as connection:
        filled(connection, ages, dict.fromkeys(("plan", "alarm", "notice", "session"), 0))
    engine.dispose()
    child = os.fork()
    if child == 0:
        import service.retention.removing as removing

        true_removed = removing._removed

        def killed(connection: Connection, *rest: Any) -> Removed:
            found = true_removed(connection, *rest)
            if found.kind == KINDS[kind].name:
                os.kill(os.getpid(), 9)
            return found

        removing._removed = killed
        remove(city, engine, NOW, "test")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with engine.connect() as connection:
        done = list(connection.execute(select(t.removal.c.subject).order_by(t.removal.c.removal_id)).scalars())
    assert done == [one.name for one in KINDS[:kind]]
    remove(city, engine, NOW, "test")
    with engine.connect() as connection:
        assert {name: len(found) for name, found in ages_left(connection).items()} == dict.fromkeys(ages, 1)
        assert len(set(connection.execute(select(t.removal.c.subject)).scalars())) == len(KINDS)
        assert list(verifying.faults(connection.execute(select(t.audit).order_by(t.audit.c.audit_id)))) == []


def test_numbers_of_alarms_are_never_given_twice(tmp_path: Path) -> None:
    """A case is of an alarm by its number: a new alarm with the number of one that went would be that one's case, and open none."""
    city, engine = town(tmp_path / "town")
    with writing(engine) as connection:
        filled(connection, {name: [3 * days] * 3 if name == "alarm" else [] for name, days in AGE_DAYS.items()}, dict.fromkeys(AGE_DAYS, 0))
        put(connection, t.alarm_event, event_id=9, alarm_id=2, at_utc=at(200))
    remove(city, engine, NOW, "test")
    with engine.connect() as connection:
        assert list(connection.execute(select(t.alarm.c.alarm_id)).scalars()) == [2, 3]
        assert connection.execute(select(func.max(t.alarm_event.c.event_id))).scalar() == 9


def test_reports_of_nights_without_a_record_go_from_where_they_are_written(tmp_path: Path) -> None:
    city, engine = town(tmp_path / "town")
    old, young = (folder_of(city.folder, at(days).date()) for days in (200, 20))
    for one in (old, young):
        put_files(one, {"report.json": "{}"})
    remove(city, engine, NOW, "test")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_rule_that_keeps_more_later_opens_no_day_whose_readings_went(tmp_path: Path) -> None:
    _, engine = town(tmp_path / "town")
    with writing(engine) as connection:
        for number, days in enumerate((365, 900)):
            put(connection, t.removal, removal_id=number + 1, subject="cold readings", before_utc=at(days), count=1)
    assert gone_before(engine) == at(365)


def test_the_command_says_what_would_go_and_then_what_went(tmp_path: Path) -> None:
    made = Town(tmp_path / "town", days=0).write()
    made.file.write_text(made.file.read_text() + RULES)
    assert made.penstock("init").code == 0
    engine = open_store(made.database)
    lines(engine, 20, 10, 0)
    said = made.penstock("retention", "--dry-run")
    assert (said.code, "would go  audit lines: 2 of before" in said.out) == (0, True)
    said = made.penstock("retention")
    assert (said.code, "gone  audit lines: 2 of before" in said.out) == (0, True)
    assert made.penstock("audit", "verify").code == 0
