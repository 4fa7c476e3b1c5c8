"""Quality events in the store: the same readings give the same rows, an event ends, what people see keeps its first time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city import quality as q
from city.clock import grid
from city.quantities import Quantity
from service import rounds, water_quality
from service import schema as t
from service.environment import Environment
from service.migrations import upgrade
from service.settings import LoadedCity, load
from service.store import open_store, readings, results

START, STEP = datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=15)
POINT = "wq-01.chlorine"
CITY = """
city = { id = "w", name = "W", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sites = [{ id = "works", sector = "industry" }]
sectors = [{ id = "industry" }]
links = [{ id = "field", url = "tcp://127.0.0.1:15999" }]
meters = [{ id = "wq-01", unit = 1, link = "field", model = "water-quality", commodity = "water", role = "sensor", site = "works" }]
"""


@pytest.fixture
def city(tmp_path: Path) -> LoadedCity:
    (tmp_path / "city.toml").write_text(CITY)
    return load(Environment(city=tmp_path / "city.toml", home=tmp_path))


@pytest.fixture
def engine(city: LoadedCity):
    made = open_store(city.environment.url, create=True)
    upgrade(made)
    return made


def chlorine(days: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    t = np.arange(days * 96)
    return 0.6 + 0.1 * np.sin(2 * np.pi * t / 96) + rng.normal(0, 0.01, len(t))


def read(engine, city: LoadedCity, values: np.ndarray, first: int = 0) -> datetime:
    """Store quarter-hours of the station from the `first` on; returns the time of the last."""
    times = grid(START, len(values), STEP)[first:]
    frame = pd.DataFrame({"point_id": POINT, "time_utc": times, "value": values[first:], "quality": q.VALID, "received_at_utc": times})
    frame = frame.assign(quantity=str(Quantity.CHLORINE_MG_PER_L))
    readings.store_batch(engine, f"batch-{first}", frame, readings.register_points(engine, list(city.points.values())))
    return times[-1].to_pydatetime()


def test_an_event_is_kept_once_with_the_time_it_was_first_seen_and_ends(engine, city) -> None:
    values = chlorine(9)
    values[8 * 96 : 8 * 96 + 12] -= 0.3
    now = read(engine, city, values[: 8 * 96 + 6])
    assert water_quality.watch(engine, city, now) == 1
    (first,) = results.rows(engine, t.quality_event)
    assert first.point_id == POINT
    assert first.end_utc is None
    assert water_quality.watch(engine, city, now) == 1
    assert results.rows(engine, t.quality_event) == [first]
    now = read(engine, city, values, 8 * 96 + 6)
    assert water_quality.watch(engine, city, now) == 0
    (over,) = water_quality.listed(engine)
    assert over.seen_utc == first.seen_utc
    assert over.end_utc == START + timedelta(days=8, hours=2, minutes=45)
    assert water_quality.listed(engine, open_only=True) == []


def test_a_round_is_due_when_a_slot_was_read_and_makes_the_same_store_twice(engine, city) -> None:
    values = chlorine(9)
    values[8 * 96 :] = 0.02
    now = read(engine, city, values[: 8 * 96 + 8])
    assert rounds.due(engine, now)
    assert rounds.make(engine, city, now) == []
    assert not rounds.due(engine, now)
    (event,) = water_quality.listed(engine)
    assert event.outside  # the tap must have 0.05 mg/L
    rounds.make(engine, city, now)
    assert water_quality.listed(engine) == [event]
    read(engine, city, values, 8 * 96 + 8)
    assert rounds.due(engine, now)


def test_a_part_that_fails_is_told_and_the_others_go_on(engine, city, monkeypatch) -> None:
    done = []

    def broken(*_args) -> None:
        raise RuntimeError("made to fail")

    monkeypatch.setattr(rounds, "parts", lambda: {"one": broken, "two": lambda *_args: done.append(1)})
    assert rounds.make(engine, city, START) == ["one: RuntimeError, see the log"]
    assert done == [1]
