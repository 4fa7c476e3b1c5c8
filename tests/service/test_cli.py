"""What an operator types and what stands in the city file: every mistake ends in a sentence and the right exit code."""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import func, select

from service import schema as t
from service.cli import app
from service.store import open_store, operations, results
from tests.town import HEAD, NOW, Town

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
NEEDED = {"approve": ["latest", "--who", "ada"], "hold": ["all", "--who", "ada"], "work": ["--once"]}
DECISION, FIRST_STEP = "2022-06-16T00:40+02:00", "2022-06-16T01:00+02:00"
HEAVY = {"pandas", "numpy", "pyomo", "highspy", "lightgbm", "wntr", "streamlit", "statsmodels", "scipy", "dask", "pymodbus", "pyarrow"}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """An initialised store and no history."""
    made = Town(tmp_path / "town", days=0).write()
    assert made.penstock("init").code == 0
    return made


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Thirty days of history and the night after; tests must not write to it."""
    made = Town(tmp_path_factory.mktemp("planned") / "town").write()
    assert [made.penstock(*words).code for words in (["init"], ["import"], ["night", "--now", NOW])] == [0, 0, 0]
    return made


@pytest.fixture
def planned(one_night: Town, tmp_path: Path) -> Town:
    shutil.copytree(one_night.folder, tmp_path / "town")
    return Town(tmp_path / "town")


def count(town: Town, table: object) -> int:
    with open_store(town.database).connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def states(town: Town) -> set[str]:
    return {row.state for row in results.rows(open_store(town.database), t.command)}


# --- typing -----------------------------------------------------------------------------------------------------------


def test_the_commands_that_the_handbook_names_are_there() -> None:
    assert set(COMMANDS) >= {"init", "demo", "import", "poll", "work", "night", "approve", "hold", "report", "status", "doctor"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_names_now(command: str, tmp_path: Path) -> None:
    said = Town(tmp_path).penstock(command, "--help")
    assert said.code == 0
    assert "--now" in said.out


@pytest.mark.parametrize("words", [["nihgt"], ["status", "--jsno"], ["approve"], ["hold"], [], ["report", "--month"]])
def test_a_mistyped_command_is_a_failure_and_not_a_night_with_problems(words: list[str], tmp_path: Path) -> None:
    said = Town(tmp_path).penstock(*words)
    assert said.code == 1
    assert "Usage: penstock" in said.all or "Error: " in said.err
    assert said.foreseen


def test_help_of_import_names_its_toml_table_as_it_is_written(tmp_path: Path) -> None:
    assert "[[imports]]" in Town(tmp_path).penstock("import", "--help").out


@pytest.mark.parametrize("now", ["yesterday", "2022-06-16T00:30", "16.06.2022 00:30"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_now_is_told_by_every_command_before_anything_is_done(command: str, now: str, tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    said = town.penstock(command, *NEEDED.get(command, []), "--now", now)
    assert said.code == 1
    assert "ISO 8601" in said.err
    assert said.foreseen
    assert not (town.folder / "penstock.db").exists() or count_of_tables(town) == 0


def count_of_tables(town: Town) -> int:
    with sqlite3.connect(town.folder / "penstock.db") as connection:
        return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


@pytest.mark.parametrize("command", ["night", "hold", "approve", "poll"])
def test_a_now_in_a_mistyped_future_year_is_refused(command: str, town: Town) -> None:
    said = town.penstock(command, *NEEDED.get(command, []), "--now", f"{datetime.now(UTC).year + 10}-06-16T00:30+02:00")
    assert said.code == 1
    assert "lies in the future" in said.err
    assert count(town, t.run) == count(town, t.hold) == 0


def test_an_error_nobody_foresaw_is_one_sentence_and_a_file_for_the_engineers(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import status

    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(status, "show", broken)
    said = town.penstock("status")
    assert said.code == 1
    assert not said.foreseen
    (kept,) = town.folder.glob("error-*.txt")
    assert "ZeroDivisionError: inside" in kept.read_text()
    assert str(kept) in said.err


# --- status -----------------------------------------------------------------------------------------------------------


def test_status_as_json_is_one_object_with_the_same_keys_before_and_after_a_night(town: Town, one_night: Town) -> None:
    before, after = town.penstock("status", "--json"), one_night.penstock("status", "--json")
    assert (before.code, after.code) == (2, 0)
    assert before.out.count("\n") == after.out.count("\n") == 1
    told = json.loads(after.out)
    assert list(json.loads(before.out)) == list(told)
    assert set(told) == {
        "city", "now", "heartbeats", "newest_reading", "reading_age_s", "points", "points_without_value", "night", "steps",
        "commands", "holds",
        "open_leaks",
    }  # fmt: skip
    assert list(told["steps"]) == ["validate", "forecast", "plan", "leaks", "ledger", "targets"]
    assert all(set(step) == {"status", "seconds", "sentence", "problems"} for step in told["steps"].values())
    assert json.loads(before.out)["night"] is None


def test_status_loads_no_heavy_library_and_takes_little_processor_time(town: Town) -> None:
    text = (
        "import sys\nfrom service.cli import run\nsys.argv = ['penstock', 'status', '--json']\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    )
    environment = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    words = [sys.executable, "-c", text]
    subprocess.run(words, env=environment, check=True, capture_output=True)  # the first run may compile
    taken_s = []
    for _ in range(5):  # the least of several: on a busy machine the same work is charged more time
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        said = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
        taken_s.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    told, modules = said.stdout.splitlines()
    assert json.loads(told)["city"] == "town"
    assert set(modules.split()) & HEAVY == set()
    assert min(taken_s) <= 0.6


# --- the city file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["init", "import", "poll", "work", "night", "report", "status"])
def test_a_missing_city_file_is_named_by_every_command(command: str, tmp_path: Path) -> None:
    said = Town(tmp_path / "nowhere").penstock(command, *NEEDED.get(command, []))
    assert said.code == 1
    assert "nowhere/city.toml: No such file" in said.err
    assert said.foreseen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"city = {\n", "line 1"),
        (b'city = { id = "x", id = "y" }\n', "city.toml"),
        (b"name = '\xff\xfe'\n", "not UTF-8"),
        (b"city = 3\n", "city.id"),
        (b"[city]\nid = 7\n", "city.id"),
        (b'city = { id = "../../etc" }\n', "city.id"),
        (b"", "city.id"),
    ],
)
def test_a_city_file_that_cannot_be_read_is_told_with_its_place(text: bytes, told: str, tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.file.write_bytes(text)
    for command in ("status", "night"):
        said = town.penstock(command)
        assert (said.code, said.foreseen) == (1, True)
        assert "city" in said.err
    assert told in town.penstock("status").err


def test_a_folder_given_as_city_file_is_told(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("status", CITY=str(tmp_path))
    assert said.code == 1
    assert "directory" in said.err


def test_faults_of_values_and_names_that_point_nowhere_are_told_together(tmp_path: Path) -> None:
    town = (
        Town(tmp_path, days=0)
        .changed("head", "Europe/Rome", "Europe/Roma")
        .changed("head", 'sector = "services"', 'sector = "servces"')
        .changed("head", 'id = "sun", unit = 2,', 'id = "sun", unit = 777,')
        .changed("head", "trees = 20", "tress = 20")
        .changed("tariff", "export_price_per_kwh = 0.1", 'export_price_per_kwh = "a lot"')
        .changed("assets", '"hall.energy"', '"hall.enrgy"')
        .changed("controls", "sun.setpoint", "sun.power")
        .changed("accounts", "hall.energy", "hull.energy")
        .write()
    )
    said = town.penstock("night", "--now", NOW)
    assert said.code == 1
    for path in (
        "city.time_zone", "sites[0].sector: no sector 'servces'", "meters[1].unit", "forecast.tress", "tariff.export_price_per_kwh",
        "assets[1].series: no point 'hall.enrgy'", "controls[0].point: 'sun.power' cannot be written", "accounts[0].point: no meter 'hull'",
    ):  # fmt: skip
        assert path in said.err
    assert "sun.setpoint" in said.err  # what could have been meant
    assert said.foreseen


@pytest.mark.parametrize(
    "night", ["workers = 0", "workers = -1", "steps = 0", "step_s = 0", "hot_days = 0", "history_days = 0", "approved_hours = 0"]
)
def test_a_night_that_could_never_end_or_would_lose_readings_is_refused(night: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0, head=HEAD + f"night = {{ {night} }}\n").write().penstock("night", "--now", NOW)
    assert said.code == 1
    assert f"night.{night.split()[0]}" in said.err


@pytest.mark.parametrize("url", ["tcp://127.0.0.1", "127.0.0.1:502", "tcp://127.0.0.1:99999", "udp://127.0.0.1:502", ""])
def test_a_link_that_is_no_address_is_told_with_its_path(url: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0).changed("head", "tcp://127.0.0.1:PORT", url).write().penstock("poll", "--now", NOW)
    assert said.code == 1
    assert "links[0].url" in said.err
    assert said.foreseen


# --- the database -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["import", "work", "night", "approve", "hold", "report", "status"])
def test_a_database_without_tables_names_the_command_that_makes_them(command: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0).write().penstock(command, *NEEDED.get(command, []))
    assert said.code == 1
    assert "Run `penstock init` first" in said.err


def test_a_database_that_lost_a_table_names_it(town: Town) -> None:
    with sqlite3.connect(town.folder / "penstock.db") as connection:
        connection.execute("DROP TABLE meter_day")
    said = town.penstock("status")
    assert said.code == 1
    assert "without the tables meter_day" in said.err


@pytest.mark.parametrize("command", ["status", "init"])
def test_a_file_that_is_no_database_is_told(command: str, tmp_path: Path) -> None:
    town = Town(tmp_path, days=0).write()
    (town.folder / "penstock.db").write_text("dear diary, " * 100)
    said = town.penstock(command)
    assert (said.code, said.foreseen) == (1, True)
    assert "not a database" in said.err


def test_a_database_of_a_newer_release_is_left_alone(town: Town) -> None:
    with sqlite3.connect(town.folder / "penstock.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    said = town.penstock("init")
    assert (said.code, said.foreseen) == (1, True)
    assert "newer release" in said.err


@pytest.mark.parametrize("url", ["oracle9://x", "no url at all", "", "postgresql+nodriver://u:s3cret@h/d", "sqlite:////proc/nowhere/p.db"])
@pytest.mark.parametrize("command", ["init", "status"])
def test_a_database_url_that_cannot_be_used_is_told_without_its_password(command: str, url: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0).write().penstock(command, DATABASE_URL=url)
    assert (said.code, said.foreseen) == (1, True)
    assert "s3cret" not in said.all


@pytest.mark.parametrize("command", ["init", "status", "night", "work", "approve", "hold", "report", "import"])
def test_a_postgresql_that_does_not_answer_is_a_sentence_without_its_password(command: str, tmp_path: Path) -> None:
    url = "postgresql+psycopg://penstock:s3cret@127.0.0.1:1/penstock"
    said = Town(tmp_path, days=0).write().penstock(command, *NEEDED.get(command, []), DATABASE_URL=url)
    assert (said.code, said.foreseen) == (1, True)
    assert "127.0.0.1" in said.err
    assert "s3cret" not in said.all


def test_poll_goes_on_without_its_database_and_keeps_the_readings(tmp_path: Path) -> None:
    url = "postgresql+psycopg://penstock:s3cret@127.0.0.1:1/penstock"
    town = Town(tmp_path, days=0).write()
    said = town.penstock("poll", "--now", NOW, DATABASE_URL=url)
    assert (said.code, said.foreseen) == (2, True)
    assert "1 batches waiting in the spool" in said.out
    assert "s3cret" not in said.all


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0).write()
    said = town.penstock("init", HOME=str(town.file))
    assert (said.code, said.foreseen) == (1, True)
    assert "PENSTOCK_HOME" in said.err


# --- import -----------------------------------------------------------------------------------------------------------


def spoiled_imports(town: Town, how: str) -> Town:
    power = town.folder / "power.csv"
    frame = pd.read_csv(power)
    if how == "missing file":
        power.unlink()
    elif how == "wrong columns":
        frame.rename(columns={"time": "when"}).to_csv(power, index=False)
    elif how == "unknown points":
        frame.rename(columns={"sun.energy": "moon.energy"}).to_csv(power, index=False)
    elif how == "text among numbers":
        frame.astype({"sun.energy": object}).replace({"sun.energy": {frame["sun.energy"].iloc[-1]: "n/a?"}}).to_csv(power, index=False)
    elif how == "two values at one time":
        pd.concat([frame, frame.tail(1)]).to_csv(power, index=False)
    elif how == "not a table":
        power.write_bytes(bytes(range(256)) * 20)
    elif how == "empty":
        power.write_text("")
    elif how == "path traversal":
        shutil.copy(power, town.folder.parent / "power.csv")
        return town.changed("imports", "power.csv", "../power.csv").write()
    elif how == "absolute path":
        return town.changed("imports", "power.csv", "/etc/passwd").write()
    elif how == "wrong step":
        return town.changed("imports", 'quantity = "energy_kwh"', 'quantity = "energy_kwh", step_s = 300').write()
    return town


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("missing file", "no such file"),
        ("wrong columns", "no column time"),
        ("unknown points", "moon.energy"),
        ("text among numbers", "n/a?"),
        ("two values at one time", "two values at"),
        ("not a table", "power.csv"),
        ("empty", "power.csv"),
        ("path traversal", "leads out of the folder"),
        ("absolute path", "leads out of the folder"),
        ("wrong step", "every 900 s"),
    ],
)
def test_a_file_with_a_fault_is_told_and_nothing_of_it_is_imported(how: str, told: str, tmp_path: Path) -> None:
    town = spoiled_imports(Town(tmp_path / "town", days=2).write(), how)
    town.penstock("init")
    said = town.penstock("import")
    assert (said.code, said.foreseen) == (1, True)
    assert told in said.err
    assert count(town, t.meter_day) == 0


def test_files_before_a_faulty_one_are_told_as_imported_and_a_corrected_rerun_adds_the_rest(tmp_path: Path) -> None:
    town = Town(tmp_path, days=2).write()
    (tmp_path / "water.csv").rename(tmp_path / "aside.csv")
    town.penstock("init")
    said = town.penstock("import")
    assert said.code == 1
    assert "power.csv: 4 days" in said.out
    (tmp_path / "aside.csv").rename(tmp_path / "water.csv")
    again = town.penstock("import")
    assert again.code == 0
    assert "power.csv: stored before, nothing new" in again.out
    assert "water.csv: 2 days" in again.out


# --- deciding ---------------------------------------------------------------------------------------------------------


def test_an_unknown_plan_is_named_and_leaves_the_known_one_unapproved(planned: Town) -> None:
    said = planned.penstock("approve", "latest", "plan-x", "isolate-y", "--who", "ada", "--now", DECISION)
    assert said.code == 1
    assert "plan-x" in said.err
    assert "isolate-y" in said.err
    assert states(planned) == {"proposed"}
    assert count(planned, t.approval) == count(planned, t.audit) == 0


@pytest.mark.parametrize("words", [["approve", "latest"], ["hold", "all"], ["hold", "all", "--release"]])
@pytest.mark.parametrize("who", [[], ["--who", ""], ["--who", "  "]])
def test_nothing_is_decided_without_a_name(words: list[str], who: list[str], planned: Town) -> None:
    said = planned.penstock(*words, *who, "--now", DECISION)
    assert said.code == 1
    assert "PENSTOCK_OPERATOR" in said.err
    assert states(planned) == {"proposed"}
    assert count(planned, t.hold) == 0


def test_the_name_may_come_from_the_environment(planned: Town) -> None:
    assert planned.penstock("approve", "latest", "--now", DECISION, OPERATOR="grace").code == 0
    assert [row.who for row in results.rows(open_store(planned.database), t.approval)] == ["grace"]


def test_approving_twice_changes_nothing_and_says_so(planned: Town) -> None:
    first = planned.penstock("approve", "latest", "--who", "ada", "--now", DECISION)
    second = planned.penstock("approve", "latest", "latest", "--who", "bob", "--now", DECISION)
    assert (first.code, second.code) == (0, 0)
    assert "commands approved by ada" in first.out
    assert second.out == "plan-20220616-0: approved before, nothing changed\n"
    assert count(planned, t.audit) == 1


def test_a_plan_whose_time_is_over_is_not_approved(planned: Town) -> None:
    said = planned.penstock("approve", "latest", "--who", "ada", "--now", "2022-06-19T00:00+02:00")
    assert said.code == 1
    assert "past their time" in said.err
    assert states(planned) == {"proposed"}


def test_latest_without_any_plan_names_the_command_that_makes_one(town: Town) -> None:
    said = town.penstock("approve", "latest", "--who", "ada")
    assert said.code == 1
    assert "penstock night" in said.err


def test_a_hold_of_what_does_not_exist_is_refused_and_told_what_does(town: Town) -> None:
    for subject in ("battery-99", "hall.power", "ALL", ""):
        said = town.penstock("hold", subject, "--who", "ada")
        assert said.code == 1
        assert all(name in said.err for name in ("grid", "hall", "sun", "sun.setpoint", "all"))
    assert count(town, t.hold) == 0


def test_a_hold_that_is_over_before_it_begins_is_refused(town: Town) -> None:
    said = town.penstock("hold", "sun", "--who", "ada", "--now", NOW, "--until", "2022-06-15T00:30+02:00")
    assert said.code == 1
    assert "not after the hold begins" in said.err


def test_releasing_what_is_not_held_says_so(town: Town) -> None:
    assert town.penstock("hold", "sun", "--release", "--who", "ada").out == "sun: no hold was in force\n"


def test_the_emergency_stop_works_with_a_broken_city_file(town: Town) -> None:
    town.file.write_text("city = {")
    assert town.penstock("hold", "all", "--who", "ada").code == 0
    assert [row.subject for row in results.rows(open_store(town.database), t.hold)] == [operations.STOP]


@pytest.mark.parametrize("subject", ["all", "sun", "sun.setpoint"])
def test_a_stop_before_the_approval_keeps_every_later_command_from_being_written(subject: str, planned: Town) -> None:
    assert planned.penstock("hold", subject, "--who", "ada", "--now", NOW).code == 0
    assert planned.penstock("approve", "latest", "--who", "bob", "--now", DECISION).code == 0
    planned.penstock("poll", "--now", FIRST_STEP)
    assert states(planned) == {"held", "approved"}
    assert "a hold is in force" in " ".join(row.sentence for row in operations.audit(open_store(planned.database)))
    assert planned.penstock("hold", subject, "--release", "--who", "ada", "--now", FIRST_STEP).code == 0
    planned.penstock("poll", "--now", "2022-06-16T07:00+02:00")
    assert states(planned) - {"held", "approved", "expired"} != set()


def test_a_command_to_a_point_that_left_the_city_file_is_refused_and_polling_goes_on(planned: Town) -> None:
    engine = open_store(planned.database)
    planned.penstock("approve", "latest", "--who", "bob", "--now", DECISION)
    with engine.begin() as connection:
        connection.execute(t.command.update().values(point_id="gone.setpoint"))
    said = planned.penstock("poll", "--now", FIRST_STEP)
    assert said.foreseen
    assert "refused" in states(planned)


# --- poll, work, report, doctor ---------------------------------------------------------------------------------------


def test_a_field_that_does_not_answer_gives_every_point_a_row_with_its_cause(town: Town) -> None:
    said = town.penstock("poll", "--now", "2022-06-15T10:00+02:00", "--until", "2022-06-15T11:00+02:00")
    assert (said.code, said.foreseen) == (2, True)
    assert "link field: no value" in said.out
    rows = results.rows(open_store(town.database), t.reading)
    assert len(rows) == 5 * 5  # slots, points on the link
    assert {row.value for row in rows} == {None}
    assert {row.quality >> 8 for row in rows} <= {2, 8}  # no connection, or left alone for a while after it
    assert {row.quality & 0xFF for row in rows} == {0}


def test_a_time_between_two_slots_is_polled_as_the_slot_before(town: Town) -> None:
    town.penstock("poll", "--now", "2022-06-15T10:07:30+02:00")
    assert {row.time_utc for row in results.rows(open_store(town.database), t.reading)} == {datetime(2022, 6, 15, 8, 0, tzinfo=UTC)}


def test_a_span_that_ends_before_it_begins_is_told(town: Town) -> None:
    said = town.penstock("poll", "--now", NOW, "--until", "2022-06-15T00:00+02:00")
    assert said.code == 1
    assert "before --now" in said.err


@pytest.mark.parametrize("words", [["--until", NOW], ["--replay"]])
def test_options_of_a_span_without_its_beginning_are_told_instead_of_polling_forever(words: list[str], town: Town) -> None:
    said = town.penstock("poll", *words)
    assert said.code == 1
    assert "--now" in said.err


def test_polling_a_city_without_links_is_told(tmp_path: Path) -> None:
    head = "\n".join(line for line in HEAD.splitlines() if not line.startswith("links"))
    head = head.replace('link = "field", ', "") + "\n"
    town = Town(tmp_path, head=head, days=0).without("controls").write()
    said = town.penstock("poll", "--now", NOW)
    assert said.code == 1
    assert "[[links]]" in said.err


def test_work_fails_one_unknown_request_and_serves_the_next(planned: Town) -> None:
    engine, at = open_store(planned.database), datetime(2022, 6, 15, 22, 35, tzinfo=UTC)
    for kind, detail in (("coffee", {}), ("statement", {"month": "1999-01"}), ("statement", {"month": "2022-06"})):
        operations.ask(engine, kind, "ada", at, detail)
    assert planned.penstock("work", "--once", "--now", DECISION).code == 2
    rows = results.rows(engine, t.request, order=t.request.c.request_id)
    assert [row.state for row in rows] == ["failed", "failed", "done"]
    assert "replan or statement" in rows[0].sentence
    assert "1999-01" in rows[1].sentence


def test_work_without_requests_ends_at_once(town: Town) -> None:
    assert town.penstock("work", "--once").code == 0


def test_a_report_before_the_first_night_names_what_to_run(town: Town) -> None:
    said = town.penstock("report")
    assert said.code == 1
    assert "penstock night" in said.err


@pytest.mark.parametrize("month", ["1999-01", "june", "../../x", "2022-6"])
def test_a_report_of_a_month_without_entries_names_the_months_there_are(month: str, one_night: Town) -> None:
    said = one_night.penstock("report", "--month", month)
    assert said.code == 1
    assert "2022-05 to 2022-06" in said.err


def test_the_doctor_names_a_link_that_is_down_and_checks_the_rest(town: Town) -> None:
    said = town.penstock("doctor")
    assert said.code == 2
    assert "FAULT link field" in said.out
    assert "ok    database" in said.out


def test_the_doctor_sees_every_fault_of_a_city_file_and_goes_on(town: Town) -> None:
    town.file.write_text('city = { id = "town", time_zone = "Mars/Olympus" }\nsurprise = 1\n')
    said = town.penstock("doctor")
    assert said.code == 2
    assert all(word in said.out for word in ("city.time_zone", "surprise", "city.country", "ok    disk"))
