"""The main job on the demo city: what a night must give, that it survives being killed, and that nothing is written unasked."""

import json
import re
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from service import schema as t
from service.night import STEPS
from service.store import open_store, results
from tests.night.conftest import DECISION, LAST, NIGHT, Penstock

pytestmark = pytest.mark.slow


def tables(city: Penstock) -> dict[str, list[tuple[object, ...]]]:
    """Every result table, row by row."""
    engine = open_store(f"sqlite:///{city.home / 'penstock.db'}")
    with engine.connect() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr) for table in t.RESULTS}


def test_a_night_killed_in_every_step_ends_like_an_undisturbed_one(night: Penstock, polled: Penstock, tmp_path: Path) -> None:
    killed = polled.copy(tmp_path / "demo")
    kills = 0
    for number, _ in enumerate(STEPS):
        process = killed.start("night", "--now", NIGHT)
        assert process.stderr
        # The line of the step before says that this one has begun; the first begins within seconds of the start.
        if number:
            done = [line for line in process.stderr if re.match(rf"{STEPS[number - 1]}\b", line)]
            del done
        process.kill()
        process.wait()
        kills += 1
    killed.run("night", "--now", NIGHT)
    undisturbed, disturbed = tables(night), tables(killed)
    assert kills == len(STEPS)
    assert {name for name, rows in undisturbed.items() if disturbed[name] != rows} == set()


def test_running_a_finished_night_again_changes_nothing(night: Penstock) -> None:
    before = tables(night)
    night.run("night", "--now", NIGHT)
    assert tables(night) == before


def test_two_nights_at_once_are_refused(polled: Penstock, tmp_path: Path) -> None:
    city = polled.copy(tmp_path / "demo")
    first = city.start("night", "--now", NIGHT)
    deadline = time.monotonic() + 30
    while not (city.home / "night.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        assert "one night at a time" in city.run("night", "--now", NIGHT, codes=(1,))
    finally:
        first.kill()
        first.wait()
