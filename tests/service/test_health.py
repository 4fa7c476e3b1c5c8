"""Device health: rates from literal readings, and the list that says what to look at first."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.quality import VALID, Cause, missing, questionable
from city.quantities import Quantity
from service import health, migrations
from service import schema as t
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, readings
from service.store.vectors import pack_int, pack_quality
from tests.town import Town

NOW = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)
SLOTS = 96
DMA = """  { id = "dma", unit = 3, link = "field", site = "here", model = "district-meter", commodity = "water", role = "load", step_s = 3600 },
"""  # noqa: E501


@pytest.fixture
def city(tmp_path: Path) -> LoadedCity:
    town = Town(tmp_path / "town", days=0)
    town = replace(town, head=town.head.replace('  { id = "inflow"', DMA + '  { id = "inflow"')).write()
    return load(Environment(city=town.file, home=town.folder))


@pytest.fixture
def put(engine: Engine, city: LoadedCity) -> Callable[..., None]:
    """Store a day of readings of some points: each quarter-hour one value, or the qualities given for the last slots."""
    key_of = readings.register_points(engine, list(city.points.values()))
    times = pd.date_range(NOW - timedelta(days=1) + timedelta(minutes=15), NOW, periods=SLOTS, unit="us").tz_convert("UTC")

    def stored(**points: list[int]) -> None:
        rows = []
        for name, last in points.items():
            point = city.points[name.replace("__", ".")]
            mine = times[(times.minute == 0) | (point.step_s == 900)]
            quality = [VALID] * (len(mine) - len(last)) + last
            rows += [(point.id, at, str(point.quantity), 1.0, code) for at, code in zip(mine, quality, strict=True)]
        frame = pd.DataFrame(rows, columns=["point_id", "time_utc", "quantity", "value", "quality"])
        frame["value"] = frame["value"].where(frame["quality"] % 256 != 0)
        readings.store_batch(engine, "a" * 64, frame.assign(received_at_utc=frame["time_utc"]), key_of)

    return stored


def by_meter(engine: Engine, city: LoadedCity) -> dict[str, health.Health]:
    return {one.meter.id: one for one in health.devices(engine, city, NOW, 7)}


def test_the_online_rate_is_the_share_of_readings_that_were_answered(engine: Engine, city: LoadedCity, put: Callable[..., None]) -> None:
    put(
        hall__power=[missing(Cause.TIMEOUT)] * 4 + [missing(Cause.UNIT_BACKOFF)] * 20,
        hall__energy=[missing(Cause.TIMEOUT)] * 24,
        dma__volume=[],
    )
    found = by_meter(engine, city)
    assert found["hall"].rate == 0.75
    assert found["hall"].causes == {Cause.TIMEOUT: 28, Cause.UNIT_BACKOFF: 20}
    assert found["hall"].last_seen_utc == NOW - timedelta(hours=6)
    assert (found["dma"].rate, found["dma"].expected) == (1.0, 24)  # an hourly meter is asked 24 times
    assert found["sun"].rate is None  # never asked


def test_what_was_never_asked_is_not_held_against_a_device_and_an_odd_answer_is_an_answer(
    engine: Engine, city: LoadedCity, put: Callable[..., None]
) -> None:
    put(hall__power=[missing(Cause.OVERRUN)] * 6 + [missing(Cause.NOT_IMPLEMENTED)] * 5 + [questionable(Cause.OUT_OF_MAP)] * 5)
    assert by_meter(engine, city)["hall"].rate == 1.0


def test_a_link_is_available_while_it_can_be_reached(engine: Engine, city: LoadedCity, put: Callable[..., None]) -> None:
    put(hall__power=[missing(Cause.NO_CONNECTION)] * 24, sun__power=[missing(Cause.NO_CONNECTION)] * 24)
    assert health.links(health.devices(engine, city, NOW, 7)) == {"field": 0.75}


def test_the_list_puts_first_where_most_is_lost_of_what_matters_most(engine: Engine, city: LoadedCity, put: Callable[..., None]) -> None:
    # The hall is billed (3), the roof is planned with (2): half of the roof's readings weigh as much as a third of the hall's.
    put(hall__power=[missing(Cause.TIMEOUT)] * 33, sun__power=[missing(Cause.TIMEOUT)] * 48)
    first, second, third = health.devices(engine, city, NOW, 7)
    assert [first.meter.id, second.meter.id] == ["hall", "sun"]
    assert (first.urgency, second.urgency, third.urgency) == (pytest.approx(3 * 33 / 96), pytest.approx(2 * 0.5), 0.0)
    assert "answers 65.6 % of its readings (timeout)" in first.reason
    page = list(health.told([first, second, third], 7))
    assert "1. hall" in page[3]
    assert "2. sun" in page[4]
    assert len(page) == 5


def test_battery_clock_serial_and_a_stuck_sensor_are_told(engine: Engine, city: LoadedCity, put: Callable[..., None]) -> None:
    put(hall__power=[questionable(Cause.WRONG_METER)] * 96)
    keys = readings.keys(engine)
    clock = Quantity.CLOCK_S.to_int(NOW.timestamp() + 900)
    with engine.begin() as connection:
        for name, value in (("dma.battery", 10_000), ("dma.clock", int(clock))):
            connection.execute(
                t.latest.insert().values(
                    point_key=keys[name], time_utc=NOW, value=value, quality=VALID, good_time_utc=NOW, good_value=value
                )
            )
        flat = np.where(np.arange(96) < 48, questionable(Cause.FLAT), VALID)
        connection.execute(
            t.meter_day.insert().values(
                point_key=keys["sun.power"], day_start_utc=NOW - timedelta(days=1), version=1, step_s=900, amounts=pack_int(np.zeros(96)),
                quality=pack_quality(flat), known_at_utc=NOW, who="night", reason="", amount_sum=0,
            )
        )  # fmt: skip
    found = by_meter(engine, city)
    assert (found["dma"].battery_pct, found["dma"].clock_s) == (10.0, 900.0)
    assert found["dma"].reason == "its battery is at 10 %; its clock is 900 s fast"
    assert found["hall"].reason == "says another serial number than city.toml"
    assert found["sun"].reason == "repeats one value 50 % of the day"
    assert found["hall"].urgency > found["sun"].urgency > 0


def test_status_counts_the_meters_that_are_online(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    engine = open_store(town.database)
    made = load(Environment(city=town.file, home=town.folder))
    key_of = readings.register_points(engine, list(made.points.values()))
    frame = pd.DataFrame({"point_id": ["hall.power", "sun.power"], "quantity": "power_kw", "value": [1.0, None], "quality": [1, 256]})
    at = pd.Series([NOW, NOW], dtype="datetime64[us, UTC]")
    readings.store_batch(engine, "a" * 64, frame.assign(time_utc=at, received_at_utc=at), key_of)
    assert "meters online: 1 of 2 (50.0 %)" in town.penstock("status", "--now", NOW.isoformat()).out
    assert '"hall"' in town.penstock("meters", "health", "--json", "--now", NOW.isoformat()).out


@pytest.mark.slow
def test_ten_thousand_devices_take_seconds(tmp_path: Path) -> None:
    """1,000,000 readings, 2 % of them lost: a hundredth of a week of 100,000 meters."""
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    meters, slots = 10_000, 100
    line = '  {{ id = "m{0}", unit = {1}, link = "l{2}", site = "here", model = "tank-level", commodity = "water", role = "load" }},\n'
    town = Town(tmp_path / "town", days=0).without("assets", "controls", "accounts", "targets", "imports")
    head, _, _ = town.head.partition("links = [")
    links = "".join(f'  {{ id = "l{i}", url = "tcp://127.0.0.1:1" }},\n' for i in range(meters // 200))
    listed = "".join(line.format(i, i % 200, i // 200) for i in range(meters))
    town = replace(town, head=f"{head}links = [\n{links}]\nmeters = [\n{listed}]\n")
    made = load(Environment(city=town.write().file, home=town.folder))
    key_of = readings.register_points(engine, list(made.points.values()))
    rng = np.random.default_rng(1)
    names = np.array([f"m{i}.level" for i in range(meters)])
    for i in range(slots):
        at = pd.Series([NOW - timedelta(minutes=15 * i)] * meters, dtype="datetime64[us, UTC]")
        quality = np.where(rng.random(meters) < 0.02, missing(Cause.TIMEOUT), VALID)
        frame = pd.DataFrame(
            {"point_id": names, "quantity": "level_m", "value": np.where(quality == VALID, 1.0, np.nan), "quality": quality}
        )
        readings.store_batch(engine, f"{i:064d}", frame.assign(time_utc=at, received_at_utc=at), key_of)
    began = time.process_time()
    found = health.devices(engine, made, NOW, 2)
    assert time.process_time() - began < 2.0
    assert np.mean([one.rate for one in found if one.rate is not None]) == pytest.approx(0.98, abs=0.001)
