"""Days of any length and zone go through the night whole, and intervals are held against the register of their own meter."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city import quality as q
from city.clock import civil_day, grid
from city.quality import Cause
from service.environment import Environment
from service.night import Night
from service.night.validate import compute
from service.settings import LoadedCity, load
from service.store import meter_days, open_store, readings, writing
from tests.town import Town, prepared

LOGGER = """
description = "A logger that delivers its register and its intervals."
[[registers]]
name = "total"
address = 0
type = "u64"
quantity = "energy_register_kwh"
scale = 0.001
[[registers]]
name = "interval"
address = 4
type = "u32"
quantity = "energy_kwh"
scale = 0.001
"""


def city_in(tmp_path: Path, zone: str) -> tuple[Town, LoadedCity]:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "logger.toml").write_text(LOGGER)
    head = Town(tmp_path).head.replace("Europe/Rome", zone).replace(", step_s = 3600", "")
    meter = '  { id = "yard", unit = 9, link = "field", site = "here", model = "logger", commodity = "electricity", role = "load" },\n]\n'
    head = head.replace("\n]\n", "\n" + meter)
    town = Town(tmp_path, head=head, days=0)
    town = prepared(town.without("imports"))
    return town, load(Environment(city=town.file, home=town.folder))


def validated(town: Town, city: LoadedCity, day: date, values: dict[str, list[float]]) -> None:
    """Store readings at the day's quarters, the end included where there is one more, and run the night's first step."""
    engine = open_store(town.database)
    keys = readings.register_points(engine, list(city.points.values()))
    start, end = civil_day(day, city.settings.city.time_zone)
    for name, series in values.items():
        times = grid(start, len(series), timedelta(minutes=15))
        frame = pd.DataFrame(
            {"point_id": name, "time_utc": times, "quantity": str(city.points[name].quantity), "value": series, "quality": q.VALID}
        )
        readings.store_batch(engine, name, frame.assign(received_at_utc=times), keys)
    night = Night(city, engine, day + timedelta(days=1), end + timedelta(minutes=30), keys)
    output = compute(night)
    with writing(engine) as connection:
        output.write(connection)


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Europe/Rome", date(2022, 3, 27), 92),
        ("Europe/Rome", date(2022, 10, 30), 100),
        ("Asia/Kathmandu", date(2022, 6, 14), 96),
        ("Australia/Lord_Howe", date(2022, 4, 3), 98),
        ("America/St_Johns", date(2022, 11, 6), 100),
    ],
)
def test_a_day_has_a_value_for_each_of_its_quarters(zone: str, day: date, quarters: int, tmp_path: Path) -> None:
    town, city = city_in(tmp_path, zone)
    usage = [1.0 + 0.01 * (i % 7) for i in range(quarters)]
    validated(town, city, day, {"yard.total": (100 + np.concatenate([[0], np.cumsum(usage)])).tolist()})
    block = meter_days.block(open_store(town.database), [city.points["yard.total"]], *civil_day(day, zone))
    assert block.steps == quarters
    assert q.measured(block.quality).all()
    assert block.values[0].sum() == round(1000 * sum(usage))


def test_intervals_that_do_not_sum_to_their_meters_register_are_doubted(tmp_path: Path) -> None:
    town, city = city_in(tmp_path, "Europe/Rome")
    usage = [1.0 + 0.01 * (i % 7) for i in range(96)]
    told = [*usage[:50], usage[50] + 1.0, *usage[51:]]  # a kWh of 98.8 too much
    day = date(2022, 6, 14)
    validated(town, city, day, {"yard.total": (100 + np.concatenate([[0], np.cumsum(usage)])).tolist(), "yard.interval": told})
    bounds = civil_day(day, "Europe/Rome")
    read = meter_days.block(open_store(town.database), [city.points["yard.interval"]], *bounds, as_read=True)
    assert {q.cause_of(int(code)) for code in read.quality[0]} == {Cause.SUM_CHECK}
    assert not read.usable().any()
    register = meter_days.block(open_store(town.database), [city.points["yard.total"]], *bounds)
    assert q.measured(register.quality).all()


def test_a_polled_reading_that_came_more_than_a_step_after_its_slot_is_doubted(tmp_path: Path) -> None:
    town, city = city_in(tmp_path, "Europe/Rome")
    engine = open_store(town.database)
    keys = readings.register_points(engine, list(city.points.values()))
    start, end = civil_day(date(2022, 6, 14), "Europe/Rome")
    times = grid(start, 97, timedelta(minutes=15))
    late = times + pd.to_timedelta(np.where(np.arange(97) == 40, 901, 5), unit="s")
    frame = pd.DataFrame(
        {"point_id": "yard.total", "time_utc": times, "quantity": "energy_register_kwh", "value": np.arange(97.0), "quality": q.VALID}
    )
    readings.store_batch(engine, "b", frame.assign(received_at_utc=late), keys)
    output = compute(Night(city, engine, date(2022, 6, 15), end + timedelta(minutes=30), keys))
    with writing(engine) as connection:
        output.write(connection)
    read = meter_days.block(engine, [city.points["yard.total"]], start, end, as_read=True)
    assert [int(i) for i in np.flatnonzero(~read.usable()[0])] == [39, 40]
    assert {q.cause_of(int(code)) for code in read.quality[0, 39:41]} == {Cause.TIME_TOLERANCE}
    assert meter_days.versions(engine, [city.points["yard.total"]], start, end)[-1].known_at_utc == datetime(
        2022, 6, 14, 22, 30, tzinfo=UTC
    )
