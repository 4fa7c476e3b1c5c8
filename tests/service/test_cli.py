"""What an operator types: every command answers, and what is mistyped is refused with a sentence."""

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import schema as t
from service.cli import app
from tests.town import Town, count, count_of_tables

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
NEEDED = {
    "new": ["begun"],
    "backup": ["kept"],
    "restore": ["kept"],
    "downgrade": ["--to", "0.1.0"],
    "approve": ["latest", "--who", "ada"],
    "hold": ["all", "--who", "ada"],
    "settle": ["sun.setpoint", "--found", "1", "--who", "ada"],
    "work": ["--once"],
    "explain": ["0-1"],
}
DECISION, FIRST_STEP = "2022-06-16T00:40+02:00", "2022-06-16T01:00+02:00"
HEAVY = {"pandas", "numpy", "pyomo", "highspy", "lightgbm", "wntr", "streamlit", "statsmodels", "scipy", "dask", "pymodbus", "pyarrow"}


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


def test_status_as_json_is_one_object_with_the_same_keys_before_and_after_a_night(town: Town, one_night: Town) -> None:
    before, after = town.penstock("status", "--json"), one_night.penstock("status", "--json")
    assert (before.code, after.code) == (2, 0)
    assert before.out.count("\n") == after.out.count("\n") == 1
    told = json.loads(after.out)
    assert list(json.loads(before.out)) == list(told)
    assert set(told) == {
        "city", "now", "heartbeats", "newest_reading", "reading_age_s", "points", "points_without_value", "night", "steps",
        "meters_online", "ledger", "spools", "weather", "commands", "approved_once", "unknown_outcomes", "holds", "notices",
        "open_leaks", "levels",
    }  # fmt: skip
    assert list(told["steps"]) == ["validate", "forecast", "plan", "leaks", "ledger", "targets"]
    assert all(set(step) == {"status", "seconds", "sentence", "problems"} for step in told["steps"].values())
    assert json.loads(before.out)["night"] is None


def processor_s(words: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """User time [s] of a process, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    said = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, said.stdout


def test_status_loads_no_heavy_library_and_takes_little_processor_time(town: Town) -> None:
    text = (
        "import sys\nfrom service.cli import run\nsys.argv = ['penstock', 'status', '--json']\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    )
    environment = {**os.environ, "PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    words = [sys.executable, "-c", text]
    told, modules = processor_s(words, environment)[1].splitlines()  # the first run may compile
    assert json.loads(told)["city"] == "town"
    assert set(modules.split()) & HEAVY == set()
    libraries = [sys.executable, "-c", "import pydantic_settings, typer, sqlalchemy.dialects.sqlite"]
    taken_s, bare_s = [1.0], [1.0]
    while len(taken_s) < 20 and min(taken_s) > max(0.6, 1.8 * min(bare_s)):  # the least of several; on a slow machine beside its libraries
        taken_s.append(processor_s(words, environment)[0])
        bare_s.append(processor_s(libraries, environment)[0])
    assert min(taken_s) <= max(0.6, 1.8 * min(bare_s))
