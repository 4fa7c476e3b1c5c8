"""What a plan knows of the temperature outdoors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from forecasting.weather_archive import Told
from service.environment import Environment
from service.plans.outdoors import temperatures
from service.settings import LoadedCity, load
from service.store import weather, writing
from tests.town import Town

NOON = datetime(2022, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = pd.date_range("2022-06-15T12:30Z", periods=8, freq="15min", unit="us")
NAME = "weather.temperature_degc"


@pytest.fixture
def fed(tmp_path: Path) -> LoadedCity:
    town = Town(tmp_path, days=0).write()
    with town.file.open("a", encoding="utf-8") as file:
        file.write('\n[[weather]]\nsource = "met-office"\n')
    return load(Environment(city=town.file, home=tmp_path))


def tell(engine: Engine, issued: datetime, *degc: float) -> None:
    told = [Told("temperature_degc", issued, issued, False, NOON, HOUR, np.array(degc, np.float32))]
    with writing(engine) as connection:
        weather.store(connection, "met-office", "", told, issued, stated=True)


def test_hourly_temperatures_are_laid_on_quarters_and_not_shared_among_them(engine: Engine, fed: LoadedCity) -> None:
    tell(engine, NOON - HOUR, 10, 14, 18, 22)
    found = temperatures(engine, fed, [NAME, "town.energy"], TIMES, NOON)
    assert list(found) == [NAME]
    assert found[NAME]["p50"].tolist() == [12, 13, 14, 15, 16, 17, 18, 19]
    assert found[NAME]["p10"].tolist() == found[NAME]["p90"].tolist() == found[NAME]["p50"].tolist()


def test_only_what_had_been_told_by_then_counts_and_a_hole_stays_one(engine: Engine, fed: LoadedCity) -> None:
    tell(engine, NOON - HOUR, 10, 10)
    tell(engine, NOON + timedelta(minutes=10), 30, 30, 30, 30)
    early = temperatures(engine, fed, [NAME], TIMES, NOON)[NAME]["p50"]
    assert early[:4].tolist() == [10] * 4
    assert np.isnan(early[-1])
    late = temperatures(engine, fed, [NAME], TIMES, NOON + timedelta(minutes=15))[NAME]["p50"]
    assert late.tolist() == [30] * 8


def test_a_city_without_a_weather_service_has_no_temperatures(engine: Engine, tmp_path: Path) -> None:
    town = Town(tmp_path, days=0).write()
    assert temperatures(engine, load(Environment(city=town.file, home=tmp_path)), [NAME], TIMES, NOON) == {}
