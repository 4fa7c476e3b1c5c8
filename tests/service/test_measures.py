"""Measures of city.toml: two years of hourly readings of a hall that saves a tenth in the second, with the weather it stood in."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from forecasting.weather_archive import Told
from service.environment import Environment
from service.savings.measures import daily_degc, daily_use, measures
from service.settings import LoadedCity, load
from service.store import open_store, weather, writing
from tests.carbon import simulated_buildings as known
from tests.town import HEAD, PARTS, Town

START = datetime(2020, 6, 14, 22, tzinfo=UTC)  # midnight in Rome
NOW = datetime(2022, 6, 16, 6, tzinfo=UTC)
DAYS = 730
MEASURE = """
[[measures]]
id = "windows"
name = "New windows of the hall"
name_zh = "会堂换窗"
accounts = ["el-hall"]
start = 2021-06-15
reporting_to = 2022-06-14
"""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Hourly use that heats below 13 degC, noise that remembers; from day 365 on a tenth less. Tests must not write to it."""
    head = HEAD.replace('role = "load", forecast = "load" }', 'role = "load", forecast = "load", step_s = 3600 }', 1)
    parts = {name: PARTS[name] for name in ("tariff", "accounts")} | {
        "measures": MEASURE,
        "carbon": '[carbon]\nmarginal_file = "marginal.csv"\n',
    }
    parts["imports"] = '[[imports]]\npath = "power.csv"\nmapping = { time = "time", quantity = "energy_kwh", step_s = 3600 }\n'
    town = replace(Town(tmp_path_factory.mktemp("hall") / "town", head=head, parts=parts), days=0).write()
    rng = np.random.default_rng(11)
    degc = known.temperatures(rng, DAYS)
    used = known.use("3PH", degc) + 5 * known.remembering(rng, DAYS, 0.3)
    used[365:] *= 0.9
    times = pd.date_range(START, periods=24 * DAYS, freq="h")
    day = (np.asarray((times.tz_convert("Europe/Rome").tz_localize(None).normalize() - pd.Timestamp("2020-06-15")).days)).clip(0, DAYS - 1)
    lengths = np.bincount(day, minlength=DAYS)
    pd.DataFrame({"time": times, "hall.energy": (used / lengths)[day].round(3)}).to_csv(town.folder / "power.csv", index=False)
    pd.DataFrame({"time_utc": times, "kg_co2e_per_kwh": 0.8}).to_csv(town.folder / "marginal.csv", index=False)
    assert [town.penstock(word).code for word in ("init", "import")] == [0, 0]
    told = Told("temperature_degc", NOW, NOW - timedelta(hours=1), True, START, timedelta(hours=1), degc[day].astype(np.float32))
    with writing(open_store(town.database)) as connection:
        weather.store(connection, "station", "", [told], NOW - timedelta(hours=1), stated=True)
    return town


@pytest.fixture
def spoilt(hall: Town, tmp_path: Path) -> Town:
    shutil.copytree(hall.folder, tmp_path / "town")
    return replace(hall, folder=tmp_path / "town")


def opened(town: Town) -> tuple[Engine, LoadedCity]:
    return open_store(town.database), load(Environment(city=town.file, home=town.folder))


def test_a_tenth_is_found_proved_and_weighed_with_the_marginal_signal(hall):
    (made,) = measures(*opened(hall), NOW)
    assert made.problems == ()
    found = made.savings
    metered = pd.read_csv(hall.folder / "power.csv", parse_dates=["time"]).set_index("time")["hall.energy"]
    metered = metered.tz_convert("Europe/Rome")["2021-06-15":"2022-06-14"].sum()
    assert found.metered == pytest.approx(metered, rel=1e-6)
    assert found.low < metered / 9 < found.high
    assert (found.model.kind, found.verdict, found.unit) == ("3PH", "proved", "kWh")
    assert (found.reporting_days, found.missing_days, found.model.n) == (365, 0, 365)
    assert made.avoided.kg == pytest.approx(0.8 * found.saved)
    assert [made.avoided.low_kg, made.avoided.high_kg] == pytest.approx([0.8 * found.low, 0.8 * found.high])


def test_a_day_with_one_hour_that_was_not_measured_does_not_count(spoilt):
    power = pd.read_csv(spoilt.folder / "power.csv", parse_dates=["time"])
    power.loc[24 * 400 + 5, "hall.energy"] = np.nan
    power.to_csv(spoilt.folder / "power.csv", index=False)
    (spoilt.folder / "penstock.db").unlink()
    assert [spoilt.penstock(word).code for word in ("init", "import")] == [0, 0]
    (made,) = measures(*opened(spoilt), NOW)
    assert "temperature 'weather.temperature_degc': nothing is stored" in made.problems[0]  # the weather went with the store
    engine, city = opened(spoilt)
    use = daily_use(engine, city, city.settings.accounts, date(2021, 7, 1), date(2021, 7, 31))
    assert use.isna().sum() == 1


def test_savings_stay_when_nothing_can_be_said_of_what_they_avoided(spoilt):
    spoilt.file.write_text(spoilt.file.read_text().replace('marginal_file = "marginal.csv"', ""))
    (made,) = measures(*opened(spoilt), NOW)
    assert made.savings.verdict == "proved"
    assert made.avoided is None
    assert "no [carbon] marginal_file" in made.problems[0]


def test_a_measure_that_has_not_begun_says_so(spoilt):
    spoilt.file.write_text(spoilt.file.read_text().replace("start = 2021-06-15\nreporting_to = 2022-06-14", "start = 2022-07-01"))
    (made,) = measures(*opened(spoilt), NOW)
    assert made.savings is None
    assert "days from 2022-07-01 on" in made.problems[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('accounts = ["el-hall"]', 'accounts = ["el-hal"]', "no account 'el-hal'; allowed: one of el-hall"),
        ("start = 2021-06-15", "start = 2023-06-15", "reporting_to 2022-06-14 is before the first day"),
        ("start = 2021-06-15", "start = 2021-06-15\nfinished = 2021-06-01", "finished 2021-06-01 is before start"),
        ("start = 2021-06-15", "start = 2021-06-15\nbaseline_from = 2021-07-01", "baseline_from 2021-07-01 is not before start"),
    ],
)
def test_a_measure_that_cannot_be_is_told_with_its_path(spoilt, old, new, words):
    spoilt.file.write_text(spoilt.file.read_text().replace(old, new))
    with pytest.raises(PenstockError, match=words):
        load(Environment(city=spoilt.file, home=spoilt.folder))


def test_two_measures_on_one_account_are_not_told_apart_silently(spoilt):
    other = MEASURE.replace('"windows"', '"lamps"').replace("start = 2021-06-15", "start = 2021-03-01")
    spoilt.file.write_text(spoilt.file.read_text() + other)
    first, second = measures(*opened(spoilt), NOW)
    assert first.savings is not None
    assert first.problems == ("lamps changed el-hall from 2021-03-01 on: what it saved is in these savings or in their baseline.",)
    assert second.problems[0].startswith("windows changed el-hall from 2021-06-15 on")


def test_less_generation_is_no_saving(spoilt):
    spoilt.file.write_text(spoilt.file.read_text().replace('"grid-electricity"', '"own-renewable"'))
    (made,) = measures(*opened(spoilt), NOW)
    assert made.savings is None
    assert "el-hall counts what is given, not used" in made.problems[0]


def test_a_temperature_that_nobody_measures_is_named(hall):
    engine, city = opened(hall)
    with pytest.raises(PenstockError, match=r"temperature 'roof\.temperature_degc': nothing is stored"):
        daily_degc(engine, city, "roof.temperature_degc", date(2021, 1, 1), date(2021, 1, 31), START)
