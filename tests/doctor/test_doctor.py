"""Each fault is made for real, and the sentence is read: what, what was seen, what is allowed, what to do."""

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import insert

from city.problems import PenstockError, fault
from city.quality import VALID
from service import schema as t
from service.doctor import clock, configuration, database, examining, growth, machine, running
from service.doctor.check import Check, Patient
from service.doctor.examining import examined
from service.environment import Environment
from service.metrics import health
from service.settings import load
from service.store import open_store, readings, runs, writing
from tests.levels.test_levels import POINTS, frame
from tests.metrics.figures import certificate
from tests.town import Town

NOW = datetime.now(UTC).replace(microsecond=0)


def patient(town: Town, now: datetime = NOW, head: str = "") -> Patient:
    if head:
        town.file.write_text(f"{head}\n{town.file.read_text()}")
    env = Environment(city=town.file, home=town.folder)
    return Patient(env, now, load(env))


def refused(work: Callable[[], str]) -> str:
    with pytest.raises(PenstockError) as error:
        work()
    for problem in error.value.problems:
        assert all((problem.subject, problem.observed, problem.allowed, problem.remedy))
        assert problem.remedy.endswith(".")
    return str(error.value)


def test_json_tells_every_check_and_fast_skips_what_asks_others(town: Town) -> None:
    said = town.penstock("doctor", "--json", "--fast")
    told = json.loads(said.out)
    state = {check["check"]: check["state"] for check in told["checks"]}
    assert {name for name, word in state.items() if word == "skipped"} == {"plan", "database pages", "ledger", "solver", "link field"}
    assert {name for name, word in state.items() if word == "ok"} >= {
        "city file",
        "database",
        "database writes",
        "packages",
        "lease",
        "spool",
    }
    assert said.code == (2 if "fault" in state.values() else 0)
    assert told["status"] == ("problems" if said.code else "done")


def test_a_check_that_trips_is_a_fault_with_a_file_for_the_engineers_and_the_others_go_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_patient: Patient) -> str:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(running, "leases", broken)
    found = {one.name: one for one in examined(Environment(city=town.file, home=town.folder), NOW, fast=True)}
    assert "did not foresee" in found["lease"].problems[0].observed
    assert found["backup"].said


# --- database ----------------------------------------------------------------------------------------------------------------


def test_a_database_that_is_none_is_told_by_every_check_that_needs_it(town: Town) -> None:
    (town.folder / "penstock.db").write_bytes(b"no database at all" * 100)
    for log in town.folder.glob("penstock.db-*"):
        log.unlink()  # SQLite would make the file whole again from a log that is still there
    found = {one.name: one for one in examined(Environment(city=town.file, home=town.folder), NOW, fast=True)}
    assert all("not a database" in str(found[name].problems) for name in ("database", "database writes", "clock"))
    assert found["disk"].said is not None


def test_tables_of_an_older_release_are_named(town: Town) -> None:
    with open_store(town.database).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0011'")
    assert "Run `penstock upgrade`: it makes a backup first." in refused(lambda: database.answers(patient(town).engine))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to what is read only")
def test_a_file_that_may_only_be_read_is_named(town: Town) -> None:
    store = open_store(town.database)
    (town.folder / "penstock.db").chmod(0o400)
    with pytest.raises(Exception, match="readonly"):
        database.writable(store)


def test_a_database_that_another_writer_holds_does_not_take_writes(town: Town) -> None:
    with sqlite3.connect(town.folder / "penstock.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        found = {one.name: one for one in examined(Environment(city=town.file, home=town.folder), NOW, fast=True)}
        other.execute("ROLLBACK")
    assert "locked" in found["database writes"].problems[0].observed
    assert found["database"].said is not None


def test_pages_that_hold_nothing_and_a_log_that_is_not_taken_in_are_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "IDLE_BYTES", 1_000_000)
    monkeypatch.setattr(database, "WAL_BYTES", 1_000_000)
    store = open_store(town.database)
    with sqlite3.connect(town.folder / "penstock.db", isolation_level=None) as other:
        other.execute("CREATE TABLE filler (x BLOB)")
        reader = sqlite3.connect(town.folder / "penstock.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM filler").fetchone()  # holds the log
        other.execute("INSERT INTO filler VALUES (zeroblob(8000000))")
        other.execute("DELETE FROM filler")
        said = refused(lambda: database.tidy(store))
        reader.close()
    assert "hold nothing; allowed: at most 50%. Stop the processes and run VACUUM" in said
    assert "write-ahead log of" in said


def test_what_others_said_is_told_without_its_secrets(tmp_path: Path) -> None:
    def work() -> str:
        raise fault("broker mqtt://city:hunter22@here", "refused: password=hunter22", "an answer", "Look at mqtt://city:hunter22@here.")

    found = examining._found("field", Check("broker", work), Environment(home=tmp_path))
    told = json.dumps(found.as_dict)
    assert "hunter22" not in told
    assert told.count("***") == 3
    (probe,) = [health._checked("database", True, work)]
    assert "hunter22" not in probe["observed"]
    assert not probe["ok"]


def test_a_torn_page_is_found(town: Town) -> None:
    store = open_store(town.database)
    with store.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'lease'").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    store.dispose()
    with (town.folder / "penstock.db").open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 200)
    assert "a whole file. Restore the newest backup" in refused(lambda: database.whole(open_store(town.database)))


# --- machine -----------------------------------------------------------------------------------------------------------------


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _path: SimpleNamespace(total=10**12, used=0, free=count))


def test_a_disk_that_lasts_less_than_thirty_nights_of_measured_growth_is_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(open_store(town.database)) as connection:
        connection.execute(insert(t.cold_day).values(day=date(2026, 1, 1), part=1, file="a", readings=1, bytes=100_000_000, sha256=""))
    one = patient(town)
    assert growth.bytes_per_night(one.engine) == 100_000_000
    free(monkeypatch, 3_100_000_000)
    assert "a night and its day write 100.0 MB" in machine.disk(one)
    free(monkeypatch, 2_900_000_000)
    assert "2.9 GB free; a night and its day write 0.10 GB; allowed: room for 30 nights." in refused(lambda: machine.disk(one))
    free(monkeypatch, 1_900_000_000)
    assert "1.9 GB free; allowed: 2 GB or more" in refused(lambda: machine.disk(one))


def test_a_data_folder_that_is_a_file_is_told(town: Town) -> None:
    env = Environment(city=town.file, home=town.file / "inside")
    assert "Set PENSTOCK_HOME to such a folder." in refused(lambda: machine.disk(Patient(env, NOW, None)))


def test_the_solver_branches_in_a_process_of_its_own_and_one_that_hangs_or_dies_is_told() -> None:
    assert machine.solver().startswith("solved 1 by HiGHS")
    assert "no answer within 0.5 s" in refused(lambda: machine.solver(("-c", "import time; time.sleep(60)"), 0.5))
    killed = "import os; os.kill(os.getpid(), 9)"
    assert "exit code -9" in refused(lambda: machine.solver(("-c", killed)))
    assert "solved 2" in refused(lambda: machine.solver(("-c", "print('solved 2 by nobody')")))


def test_a_machine_without_chinese_type_is_told(tmp_path: Path) -> None:
    (tmp_path / "DejaVu.ttf").touch()
    assert "none with Chinese characters" in refused(lambda: machine.fonts((str(tmp_path), "/no/such/folder")))
    (tmp_path / "NotoSansCJK-Regular.ttc").touch()
    assert machine.fonts((str(tmp_path),)) == "NotoSansCJK-Regular.ttc"


def test_certificates_that_end_soon_are_over_or_no_certificates_are_told(town: Town) -> None:
    for name, end in (("long", 100), ("soon", 5), ("over", -1)):
        (town.folder / f"{name}.pem").write_bytes(certificate(NOW + timedelta(days=end)))
    (town.folder / "none.pem").write_text("hello")
    one = patient(town, head='metrics.certificates = ["long.pem", "soon.pem", "over.pem", "none.pem", "away.pem"]')
    assert one.city is not None
    lines = refused(lambda: machine.certificates(one.city, NOW)).splitlines()
    assert [line.split(":")[0].rsplit("/", 1)[-1] for line in lines] == [
        "certificate soon.pem", "certificate over.pem", "none.pem", "away.pem"
    ]  # fmt: skip
    assert "ends on" in lines[0]
    assert "ended on" in lines[1]


# --- clock -------------------------------------------------------------------------------------------------------------------


def test_a_reading_or_a_heartbeat_that_is_still_to_come_tells_that_the_clock_ran_back(town: Town) -> None:
    one = patient(town, datetime.now(UTC))
    later = NOW + timedelta(hours=3)
    readings.store_batch(one.engine, "a", frame(later, later, VALID), readings.register_points(one.engine, POINTS))
    assert "which is still to come; allowed: readings of the past." in refused(lambda: clock.examine(one))
    runs.beat(one.engine, "poll", later)
    assert "poll spoke in the future" in refused(lambda: clock.examine(one))


def test_a_clock_without_ntp_is_a_fault_where_a_link_leads_away_and_told_where_none_does(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "kernel", lambda: False)
    one = patient(town, datetime.now(UTC))
    assert clock.examine(one).endswith("not synchronised by NTP")
    town.file.write_text(town.file.read_text().replace("tcp://127.0.0.1", "tcp://10.1.2.3"))
    assert "link field reads another device by it; allowed: synchronised" in refused(
        lambda: clock.examine(patient(town, datetime.now(UTC)))
    )


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    assert clock.kernel() in (True, False, None)


# --- configuration -----------------------------------------------------------------------------------------------------------


def test_a_package_that_the_city_needs_and_that_is_away_is_told_with_its_extra(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "find_spec", lambda name: None if name in ("psycopg", "paho") else object())
    assert "without the extras mqtt, postgres" in configuration.packages(patient(town))
    env = Environment(city=town.file, home=town.folder, database_url="postgresql+psycopg://nobody@127.0.0.1/x")
    assert "the extra 'postgres'. Install it" in refused(lambda: configuration.packages(Patient(env, NOW, None)))


def test_an_unknown_or_an_old_time_zone_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Install the package tzdata." in refused(lambda: configuration.time_zones("Mars/Olympus", date(2026, 1, 1)))
    (tmp_path / "tzdata.zi").write_text("# version 2021a\n# more\n")
    monkeypatch.setattr(configuration, "TZPATH", (str(tmp_path),))
    assert configuration.time_zones("Europe/Rome", date(2024, 6, 1)) == "Europe/Rome, database 2021a"
    assert "of 2021a; allowed: of the last 3 years." in refused(lambda: configuration.time_zones("Europe/Rome", date(2026, 1, 1)))
