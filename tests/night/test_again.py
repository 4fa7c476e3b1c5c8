"""A night that is done again: on its own date, step by step, or only to see what it would write."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from service import schema as t
from service.store import open_store, results, runs
from service.store.ledger import open_ledger
from tests.night.test_nothing_is_lost import counted, slots
from tests.service.test_weather import FEED, csv
from tests.town import MIDNIGHT_UTC, NOW, Town, night, prepared, problems, steps

LATER = "2022-06-17T00:30+02:00"


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A night of which one hour of the hall's readings has not come yet."""
    town = prepared(Town(tmp_path_factory.mktemp("again") / "town", days=30))
    counted(town, slots("2022-06-15", last=80))
    assert night(town).code in (0, 2)
    return town


@pytest.fixture
def copy(polled: Town, tmp_path: Path) -> Town:
    shutil.copytree(polled.folder, tmp_path / "town")
    return Town(tmp_path / "town")


def tables(town: Town) -> dict[str, Any]:
    with open_store(town.database).connect() as connection:
        return {one.name: [*map(repr, connection.execute(select(one).order_by(*one.primary_key)))] for one in t.RESULTS}


def digests(folder: Path) -> dict[str, str]:
    """Every file but the database's, which a reader opens."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("penstock.db"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_all_steps_again_change_nothing_but_the_number_of_the_plan(copy: Town) -> None:
    before = tables(copy)
    said = copy.penstock("night", "--now", NOW, "--again", "all")
    assert said.code in (0, 2), said.all
    after = tables(copy)
    assert [row.plan_id for row in results.rows(open_store(copy.database), t.plan)] == ["plan-20220616-0", "plan-20220616-1"]
    planned = {"plan", "plan_value", "price", "breach", "command"}
    assert [name for name in before if name not in planned and before[name] != after[name]] == []
    assert all(set(before[name]) <= set(after[name]) for name in planned)  # what somebody may have decided on stays


def test_a_date_runs_its_night_again_at_the_time_of_its_first_run(copy: Town) -> None:
    assert copy.penstock("night", "--now", LATER).code in (0, 2)
    said = copy.penstock("night", "--date", "2022-06-16", "--again", "targets")
    assert said.code in (0, 2), said.all
    last = results.rows(open_store(copy.database), t.run, order=t.run.c.run_id)[-1]
    assert (str(last.night), last.now_utc.isoformat()) == ("2022-06-16", "2022-06-15T22:30:00+00:00")
    assert "targets" in said.err
    assert "forecast" not in said.err
    assert runs.heartbeats(open_store(copy.database))["night"] >= datetime.fromisoformat(LATER)  # the newer night is not forgotten


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--date", "2022-07-01"], "no night of that date"), (["--date", "June"], "no date"), (["--again", "plans"], "no step")],
)
def test_a_date_without_a_night_and_an_unknown_step_are_refused(copy: Town, words: list[str], told: str) -> None:
    said = copy.penstock("night", "--now", NOW, *words)
    assert said.code == 1
    assert told in said.err


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(copy: Town, tmp_path: Path) -> None:
    counted(copy, slots("2022-06-16"))
    before, files = tables(copy), digests(copy.folder)
    said = copy.penstock("night", "--now", LATER, "--dry-run")
    assert said.code in (0, 2), said.all
    assert "nothing was written" in said.out
    assert (tables(copy), digests(copy.folder)) == (before, files)
    told = {line.split(":")[0]: int(line.split(":")[1].split()[0].replace(",", "")) for line in said.out.splitlines() if ":" in line}
    assert copy.penstock("night", "--now", LATER).code == said.code
    after = tables(copy)
    for name in ("forecast", "plan", "plan_value", "meter_day", "ledger_batch", "target_progress"):
        assert told[name] == len(set(after[name]) - set(before[name])), name


def test_a_dry_run_leaves_the_weather_files_to_the_night(tmp_path: Path) -> None:
    bare = Town(tmp_path, days=0).without("tariff", "assets", "controls", "accounts", "targets", "imports")
    assert bare.parts is not None
    town = prepared(replace(bare, parts={**bare.parts, "weather": FEED}))
    (town.folder / "weather").mkdir()
    (town.folder / "weather" / "run.csv").write_bytes(
        csv("2022-06-15T06:00Z,2022-06-16T00:00Z,T2,21,C", "2022-06-15T06:00Z,2022-06-16T01:00Z,T2,20,C")
    )
    before = digests(town.folder)
    (town.folder / "dry-killed").mkdir()
    (town.folder / "dry-killed" / "penstock.db").write_bytes(b"a copy of everything")
    said = town.penstock("night", "--now", NOW, "--dry-run")
    assert said.code in (0, 2), said.all
    assert "weather: 1 row" in said.out
    assert digests(town.folder) == before
    assert list(town.folder.glob("dry-*")) == []
    assert results.rows(open_store(town.database), t.weather) == []
    night(town)
    assert len(results.rows(open_store(town.database), t.weather)) == 1


def test_late_readings_open_their_day_for_the_steps_of_the_same_night(copy: Town) -> None:
    before, book = tables(copy), entries(copy)
    counted(copy, slots("2022-06-15", first=80))
    said = copy.penstock("night", "--now", NOW, "--again", "validate", "--again", "ledger")
    assert said.code in (0, 2), said.all
    assert "1 earlier day validated again" in problems(copy, "validate")
    after = tables(copy)
    assert len(after["meter_day"]) > len(before["meter_day"])
    assert after["ledger_due"] == []
    assert entries(copy) > book  # the late hour counts, and what stood for it is taken back
    assert "restated" in problems(copy, "ledger")
    assert steps(copy)["ledger"] in ("done", "problems")
    with open_store(copy.database).connect() as connection:
        doubled = select(t.ledger_due.c.point_key).group_by(t.ledger_due.c.point_key).having(func.count() > 1)
        assert connection.execute(doubled).all() == []


def entries(town: Town) -> int:
    return len(open_ledger(open_store(town.database), town.folder).entries(None, None, MIDNIGHT_UTC))
