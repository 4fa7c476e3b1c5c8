"""Readings that wait are told wherever an operator looks: doctor, status, console."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from meters.spool import fill
from meters.spool.spool import Spool
from service.alarms.conditions import Seen
from service.alarms.sources import KINDS, keeping
from service.environment import Environment
from service.settings import load
from service.store import open_store, runs
from service.view.moment import Moment
from service.waiting import capacity
from tests.service.central import slot
from tests.town import Town

NOW = datetime.now(UTC)


def moment(now_utc: datetime) -> Moment:
    return Moment(now_utc=now_utc, zone="Europe/Rome", replayed=False, night=None, night_utc=None, late=())


@pytest.fixture
def waiting(town: Town) -> Town:
    """Two readings that have waited for three hours."""
    with Spool(town.folder / "spool.db", now=lambda: datetime.now(UTC) - timedelta(hours=3)) as spool:
        spool.append(slot(n=2))
    return town


def test_doctor_and_status_tell_what_waits_too_long(waiting: Town) -> None:
    said = waiting.penstock("doctor")
    assert "FAULT spool: spool spool.db: 2 readings in 1 batches wait, the oldest for 3.0 h" in said.out
    assert "ALARM spool spool.db" in waiting.penstock("status").out
    told = json.loads(waiting.penstock("status", "--json").out)
    assert (told["spools"]["spool.db"]["readings"], len(told["spools"]["spool.db"]["alarms"])) == (2, 1)


def test_doctor_tells_how_long_readings_could_wait(town: Town) -> None:
    assert "ok    spool: 0 readings wait; " in town.penstock("doctor").out


def test_there_is_an_alarm_for_it(waiting: Town) -> None:
    city = load(Environment(city=waiting.file, home=waiting.folder))
    engine = open_store(waiting.database)
    runs.beat(engine, "edge north", NOW, {"alarms": ["clock: 60.0 s ahead"]})
    runs.beat(engine, "edge south", NOW - timedelta(hours=2), {})
    found = list(keeping.found(Seen(engine, city, moment(NOW))))
    assert [(KINDS[one.kind].priority, one.kind, one.subject) for one in found] == [
        (2, "spool", "spool spool.db"),
        (2, "station", "north"),
        (2, "station_silent", "south"),
    ]
    (waiting.folder / "spool.reserve").unlink()  # as when the disk is full
    assert next(keeping.found(Seen(engine, city, moment(NOW)))).kind == "spool_full"
    assert KINDS["spool_full"].priority == 1


def test_the_capacity_of_a_city_is_that_of_its_points_and_steps(town: Town) -> None:
    city = load(Environment(city=town.file, home=town.folder))
    expected = sum(86_400 / city.meter[point.meter].step_s for point in city.points.values())
    told = capacity(city)
    assert told.readings_per_day == expected
    assert told.problem() is None
    assert fill.Capacity(told.readings_per_day, told.bytes_per_reading, 1000).problem() is not None
