"""What happens to the database and to history files: a sentence each, and nothing half imported."""

import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from service import migrations
from service import schema as t
from service.store import open_store
from tests.town import NOW, Town, count, power

NEEDED = {"approve": ["latest", "--who", "ada"], "hold": ["all", "--who", "ada"], "work": ["--once"]}
DECISION, FIRST_STEP = "2022-06-16T00:40+02:00", "2022-06-16T01:00+02:00"


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
    assert "Restore the database from its backup" in said.err


def test_a_database_of_an_older_release_names_the_command_that_brings_it_to_this_one(town: Town) -> None:
    migrations.downgrade(open_store(town.database), "0007")
    for command in ("status", "init", "night"):
        said = town.penstock(command)
        assert said.code == 1
        assert "Run `penstock upgrade`: it makes a backup first" in said.err
    assert town.penstock("upgrade").code == 0
    assert town.penstock("status").code != 1


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
        pd.concat([frame, frame.tail(1).assign(**{"sun.energy": 999.0})]).to_csv(power, index=False)
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


def test_totals_of_a_day_are_the_sums_of_its_meters(one_night: Town) -> None:
    said = one_night.penstock("meters", "totals", "2022-06-14", "--by", "site")
    frame = power(30)
    day = frame[(frame["time"] >= "2022-06-13 22:00+00:00") & (frame["time"] < "2022-06-14 22:00+00:00")]
    both = float(day["hall.energy"].sum() + day["sun.energy"].sum())
    assert said.code == 0
    assert "2022-06-14, by site" in said.out
    assert f"{both:,.3f} kWh  of 2 meters" in said.out
    assert "m3" in said.out
    assert "no date" in one_night.penstock("meters", "totals", "14.6.2022").err
    assert "zone or site" in one_night.penstock("meters", "totals", "--by", "colour").err
    assert "no validated usage" in one_night.penstock("meters", "totals", "2021-01-01").err
