"""Editing readings, closing a period and restating take the night's lease, from whichever machine: in turn, and never together."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from city.problems import PenstockError
from service import lease, turn
from service import schema as t
from service.books import closing, restating
from service.decisions import Person
from service.environment import Environment
from service.night import run
from service.settings import LoadedCity, load
from service.store import results, writing
from service.vee import editing
from tests.service import ledger_town
from tests.town import MIDNIGHT_UTC, Town

ADA = Person(name="ada", role="alone")
AT = datetime(2022, 6, 16, 7, tzinfo=UTC)
DAY = datetime(2022, 5, 20, tzinfo=UTC)
HOLD = """
import sys, time
from pathlib import Path
from service import lease, turn
from service.store import open_store
engine, folder, deed, seconds = open_store(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
with (turn.turn(engine, folder, deed, "test") if deed else lease.leased(engine)):
    print("held", flush=True)
    time.sleep(seconds)
"""


@pytest.fixture
def city(tmp_path: Path) -> LoadedCity:
    town = Town(tmp_path / "town", days=0).without("tariff", "assets", "controls", "accounts", "targets").write()
    return load(Environment(city=town.file, home=town.folder))


@contextmanager
def elsewhere(engine: Engine, folder: Path, deed: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Another machine's process: it shares the store, not the data folder with its file lock. Without a deed it is a night."""
    words = [sys.executable, "-c", HOLD, engine.url.render_as_string(hide_password=False), str(folder / "elsewhere"), deed, str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def edited(engine: Engine, city: LoadedCity) -> object:
    return editing.edit(engine, city, ADA, "hall.energy", DAY, DAY + timedelta(hours=1), 5.0, "read at the meter", AT)


def closed(engine: Engine, city: LoadedCity) -> object:
    return closing.close(engine, city, ADA, "2022-05", AT, "compared")


def restated(engine: Engine, city: LoadedCity) -> object:
    return restating.restate_period(engine, city, ADA, "2022-05", AT, "a bill came")


@pytest.mark.parametrize("holder", ["night", "edit"])
def test_who_edits_closes_or_restates_is_told_who_has_it_since_when(
    engine: Engine, city: LoadedCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    monkeypatch.setattr(turn, "WAITS", (0.5, 0.5))
    with elsewhere(engine, tmp_path, "" if holder == "night" else holder, 60) as process:
        for deed, subject in ((edited, "edit of hall.energy"), (closed, "period 2022-05"), (restated, "period 2022-05")):
            began = time.monotonic()
            with pytest.raises(PenstockError) as told:
                deed(engine, city)
            assert time.monotonic() - began < 5
            since = rf"process {process.pid} on \S+ \({holder}\) has readings and ledger since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
            assert re.match(rf"{subject}: {since}", str(told.value)), str(told.value)
            assert "one at a time" in str(told.value)


def test_who_waits_gets_its_turn_when_the_other_one_ends(engine: Engine, city: LoadedCity, tmp_path: Path) -> None:
    """Empty stores have nothing to restate: whoever is told so was at it."""
    with elsewhere(engine, tmp_path, "edit", 1.5), pytest.raises(PenstockError, match="nothing is posted of it"):
        restated(engine, city)
    with engine.connect() as connection:
        assert connection.execute(select(t.lease.c.token, t.lease.c.holder)).one() == (2, "")


def test_a_night_waits_for_an_edit_and_comes_through(engine: Engine, city: LoadedCity, tmp_path: Path) -> None:
    with elsewhere(engine, tmp_path, "edit", 2):
        assert run(city, engine, MIDNIGHT_UTC + timedelta(minutes=30)) in ("done", "problems")
    (row,) = results.rows(engine, t.run)
    assert row.status in ("done", "problems")


def test_a_night_of_this_machine_waits_for_an_edit_too(engine: Engine, city: LoadedCity, tmp_path: Path) -> None:
    """Same data folder, so the file lock is met first."""
    (city.folder / "elsewhere").symlink_to(city.folder)
    with elsewhere(engine, city.folder, "edit", 2):
        assert run(city, engine, MIDNIGHT_UTC + timedelta(minutes=30)) in ("done", "problems")


def test_a_turn_that_takes_longer_than_a_term_keeps_its_lease(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "TERM", timedelta(seconds=1))
    monkeypatch.setattr(turn, "RENEWAL", timedelta(seconds=0.1))
    with turn.turn(engine, tmp_path, "closing", "period 2022-05"):
        time.sleep(2)
        with pytest.raises(PenstockError, match="closing"):
            lease.take(engine)
    assert lease.take(engine).token == 2


def test_a_second_night_does_not_wait(engine: Engine, city: LoadedCity, tmp_path: Path) -> None:
    with elsewhere(engine, tmp_path, "", 60):
        began = time.monotonic()
        with pytest.raises(PenstockError, match="one night at a time"):
            run(city, engine, MIDNIGHT_UTC + timedelta(minutes=30))
        assert time.monotonic() - began < 5


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """All of May and half of June, posted."""
    made = ledger_town.town(tmp_path_factory.mktemp("turn") / "town", days=46)
    ledger_town.night(made)
    return made


@pytest.mark.parametrize(
    ("deed", "late"),
    [(closed, "service.books.closing:_usable"), (edited, "service.vee.editing:_made"), (restated, "service.books.restating:signer")],
)
def test_what_lost_its_turn_to_a_night_writes_nothing(posted: Town, monkeypatch: pytest.MonkeyPatch, deed: Any, late: str) -> None:
    with ledger_town.opened(posted) as (city, engine):
        module, name = late.split(":")
        former = getattr(import_module(module), name)

        def taken_over(*given: Any, **named: Any) -> Any:
            lease.take(engine, clock=lambda: datetime.now(UTC) + 2 * lease.TERM)
            return former(*given, **named)

        monkeypatch.setattr(import_module(module), name, taken_over)
        before = counted(engine)
        with pytest.raises(lease.TakenOver, match="took it over meanwhile"):
            deed(engine, city)
        assert counted(engine) == before
        with writing(engine) as connection:
            connection.execute(t.lease.delete())
        monkeypatch.setattr(import_module(module), name, former)
        deed(engine, city)
        assert counted(engine) != before


def counted(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (t.audit, t.meter_day, t.ledger_close)
        ]


def test_a_holder_keeps_to_its_column_however_long_host_and_deed_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 60)
    name = lease.holder("restatement")
    assert len(name) <= 120
    assert lease.told(name).endswith(" (restatement)")
    assert not lease.gone(name)
