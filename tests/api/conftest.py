"""One town after one night for every test of the API."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from city.causes import Cause
from city.quality import VALID, missing
from service import schema as t
from service.environment import Environment
from service.settings import load
from service.store import open_store, readings, writing
from tests.api.api_town import Client, with_api
from tests.town import NOW, Town

FIRST = datetime(2022, 6, 15, 20, 0, tzinfo=UTC)
SLOTS = 10
POINTS = {"hall.energy": "energy_register_kwh", "sun.energy": "energy_register_kwh", "flat.energy": "energy_register_kwh"}


def live(slots: int, first: datetime = FIRST) -> pd.DataFrame:
    """Registers that count 1.5 kWh a quarter-hour from 100 on; the fourth reading of the roof has no value."""
    rows = [
        (name, first + i * timedelta(minutes=15), quantity, 100 + 1.5 * i, VALID) for i in range(slots) for name, quantity in POINTS.items()
    ]
    frame = pd.DataFrame(rows, columns=["point_id", "time_utc", "quantity", "value", "quality"])
    lost = (frame["point_id"] == "sun.energy") & (frame["time_utc"] == first + timedelta(minutes=45))
    frame.loc[lost, ["value", "quality"]] = [float("nan"), missing(Cause.TIMEOUT)]
    frame["time_utc"] = pd.to_datetime(frame["time_utc"], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(received_at_utc=frame["time_utc"] + pd.Timedelta("3s"))


@pytest.fixture(scope="session")
def api_night(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Eight days of history, ten slots of readings, a night and its statements; tests must not write to it."""
    made = with_api(Town(tmp_path_factory.mktemp("api") / "town", days=8)).write()
    for words in (["init"], ["import"]):
        assert made.penstock(*words).code == 0
    engine, city = open_store(made.database), load(Environment(city=made.file, home=made.folder))
    readings.store_batch(engine, "live", live(SLOTS), readings.register_points(engine, list(city.points.values())))
    assert made.penstock("night", "--now", NOW).foreseen
    with writing(engine) as connection:  # what a first night does not have yet
        skill = {"series_id": "hall.energy", "day": 1, "model": "boosted", "mae": 0.4, "mae_naive": 0.9, "cover80": 0.8, "n": 96}
        connection.execute(t.skill.insert().values(night=date(2022, 6, 16), **skill))
        level = {"day": date(2022, 6, 15), "level": "meters online", "good": 97.0, "total": 100.0, "basis": "readings of the day"}
        connection.execute(t.level_day.insert().values(**level))
    said = made.penstock("report", "--now", NOW)
    assert said.code in (0, 2), said.all
    return made


@pytest.fixture(scope="session")
def client(api_night: Town) -> Client:
    return Client(api_night)


@pytest.fixture
def api_town(api_night: Town, tmp_path: Path) -> Town:
    """A copy to write to."""
    shutil.copytree(api_night.folder, tmp_path / "town")
    return Town(tmp_path / "town", head=api_night.head, parts=api_night.parts)
