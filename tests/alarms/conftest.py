"""A city of four meters on one link in two districts, whose slots a test gives by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.quality import VALID, Cause, missing
from service.access.roles import Person
from service.alarms import store
from service.alarms.listing import listed
from service.alarms.refresh import refresh
from service.alarms.shown import Shown
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import readings, runs, writing
from service.store.runs import StepResult

SLOT = timedelta(minutes=15)
BEGUN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CITY = """
city = { id = "four", name = "Four", time_zone = "Asia/Shanghai", country = "CN", region = "CN-ZJ" }
sectors = [{ id = "homes" }]
sites = [{ id = "here", sector = "homes" }]
zones = [{ id = "east", kind = "area" }, { id = "west", kind = "area" }]
links = [{ id = "field", url = "tcp://127.0.0.1:1", read_only = false }]
meters = [
  { id = "m1", unit = 1, link = "field", zone = "east", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
  { id = "m2", unit = 2, link = "field", zone = "east", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
  { id = "m3", unit = 3, link = "field", zone = "west", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
  { id = "m4", unit = 4, link = "field", zone = "west", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
]
"""  # noqa: E501
METERS = ("m1", "m2", "m3", "m4")
OPERATOR, VIEWER = Person(name="wang.li", role="operator"), Person(name="guest", role="viewer")
EAST, ENGINEER = Person(name="zhao.min", role="operator", districts=("east",)), Person(name="chen.gang", role="engineer")


@dataclass
class Bench:
    """The city, its store and its clock."""

    city: LoadedCity
    engine: Engine
    now_utc: datetime = BEGUN

    def slot(self, *silent: str, slots: int = 1, poll: bool = True) -> int:
        """So many slots with these meters silent and a refresh after each; returns the changes of state."""
        key_of = readings.register_points(self.engine, list(self.city.points.values()))
        changes = 0
        for _ in range(slots):
            self.now_utc += SLOT
            at = pd.Timestamp(self.now_utc).as_unit("us")
            lost = np.array([meter in silent for meter in METERS])
            frame = pd.DataFrame(
                {"point_id": [f"{m}.power" for m in METERS], "time_utc": at, "quantity": "power_kw", "received_at_utc": at}
            )
            frame = frame.assign(value=np.where(lost, np.nan, 1.5), quality=np.where(lost, missing(Cause.TIMEOUT), VALID).astype(np.uint16))
            if poll:
                readings.store_batch(self.engine, f"slot-{self.now_utc:%d%H%M}", frame, key_of)
                runs.beat(self.engine, "poll", self.now_utc)
            runs.beat(self.engine, "work", self.now_utc)
            changes += refresh(self.engine, self.city, self.now_utc)
        return changes

    def shown(self, person: Person | None = None) -> list[Shown]:
        return listed(self.engine, self.now_utc, person)

    def states(self) -> dict[str, str]:
        """{kind subject: state} of every alarm that lasts, on the list or off it."""
        with self.engine.connect() as connection:
            return {f"{row['kind']} {row['subject']}": row["state"] for row in store.lasting(connection)}

    def id_of(self, subject: str) -> int:
        with self.engine.connect() as connection:
            return next(row["alarm_id"] for row in store.lasting(connection) if row["subject"] == subject)

    def journal(self, subject: str) -> list[tuple[str, str]]:
        """(event, state after it) of a subject, oldest first."""
        rows = store.events(self.engine, BEGUN - SLOT, self.now_utc + timedelta(days=9))
        return [(row.event, row.state) for row in rows if row.subject == subject]


@pytest.fixture
def bench(engine: Engine, tmp_path: Path) -> Bench:
    """The city with one good slot behind it, on each database."""
    (tmp_path / "city.toml").write_text(CITY)
    city = load(Environment(city=tmp_path / "city.toml", home=tmp_path))
    night = BEGUN.date()
    runs.end_run(engine, runs.start_run(engine, "four", night, "night", BEGUN, "0" * 64), "done", {})
    with writing(engine) as connection:
        runs.finish_step(connection, "four", night, "validate", 1.0, StepResult("validated"))
    made = Bench(city, engine)
    made.slot()
    return made
