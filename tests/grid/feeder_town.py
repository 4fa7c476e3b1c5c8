"""A town on the demo's electric network, whose meters read what a test says, straight into the store."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city import quality as q
from city.frames import Block
from city.quality import Cause
from city.quantities import Quantity
from service.environment import Environment
from service.grid.days import energy_points
from service.grid.side import GridSide, required
from service.migrations import upgrade
from service.settings import LoadedCity, load
from service.store import meter_days, open_store, readings, writing

ROOT = Path(__file__).resolve().parents[2]
START, STEP = datetime(2026, 3, 3, 23, 0, tzinfo=UTC), timedelta(minutes=15)  # a local midnight
KW = {f"feeder-0{k}": 100.0 * k for k in range(1, 9)} | {"ev-depot": 300.0, "street-lights": 200.0, "industry": 500.0, "heat-pumps": 150.0}
SILENT = float("nan")

HEAD = """
city = { id = "feeders", name = "Feeders", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services" }]
sites = [{ id = "centre", sector = "services" }, { id = "works", sector = "services" }, { id = "port", sector = "services" }]
"""
METER = (
    '{{ id = "{id}", unit = {unit}, link = "{link}", site = "{site}", model = "electricity-meter",'
    ' commodity = "electricity", role = "load" }},'
)
PANEL = (
    """{ id = "switches", unit = 99, link = "b", site = "works", model = "switch-panel", commodity = "electricity", role = "sensor" },"""
)
GRID = """
[grid]
network = "grid"
critical = { "06-2" = "Cold store" }
EXTRA
"""


@dataclass
class FeederTown:
    """`last` is the time of the newest slot that a test planted."""

    city: LoadedCity
    engine: Engine
    last: datetime = START

    @property
    def side(self) -> GridSide:
        return required(self.city)

    def read(self, kw: Mapping[str, float], first: int, count: int = 1, cause: Cause = Cause.TIMEOUT) -> datetime:
        """Each meter reads its power [kW] in `count` slots from slot `first` on; not-a-number is a meter without a value for `cause`.
        Returns the time of the last slot."""
        times = pd.date_range(START + first * STEP, periods=count, freq=STEP, unit="us")
        rows = [(f"{meter}.power", time, value) for time in times for meter, value in kw.items()]
        frame = pd.DataFrame(rows, columns=["point_id", "time_utc", "value"])
        self._store(frame, Quantity.POWER_KW, f"{first}-{count}-{sorted(kw.items())}", cause)
        return times[-1].to_pydatetime()

    def read_points(self, states: Mapping[str, float], at: datetime) -> None:
        """What points of switches read at a time: 1 closed, 0 open."""
        rows = pd.DataFrame({"point_id": list(states), "time_utc": pd.Timestamp(at), "value": list(states.values())})
        self._store(rows, Quantity.STATE, f"switches-{at}")

    def _store(self, frame: pd.DataFrame, quantity: Quantity, batch: str, cause: Cause = Cause.TIMEOUT) -> None:
        frame = frame.assign(quantity=str(quantity), received_at_utc=frame["time_utc"])
        frame["quality"] = np.where(frame["value"].isna(), q.missing(cause), q.VALID)
        readings.store_batch(
            self.engine,
            hashlib.sha256(batch.encode()).hexdigest(),
            frame,
            readings.register_points(self.engine, list(self.city.points.values())),
        )

    def month(self, name: str, kw: float, days: int = 28) -> None:
        """The validated days of a load or feeder up to `START`, with the same power [kW] all the time."""
        point, start = energy_points(self.side)[name], START - timedelta(days=days)
        values = np.full((1, days * 96), point.stored.to_int(kw / 4), dtype=np.int64)
        block = Block((point.id,), start, STEP, point.stored, values, np.full(values.shape, q.VALID, dtype=np.uint16))
        keys = readings.register_points(self.engine, list(self.city.points.values()))
        with writing(self.engine) as connection:
            civil = [(start + timedelta(days=k), start + timedelta(days=k + 1)) for k in range(days)]
            meter_days.store(connection, block, civil, keys, "test")


def feeder_town(folder: Path, *, motors: str = "", extra: str = "") -> FeederTown:
    """`motors`: lines of [grid.switch_points]; `extra`: more lines of [grid]."""
    shutil.copytree(ROOT / "demo" / "grid", folder / "grid")
    shutil.copytree(ROOT / "demo" / "devices", folder / "devices")
    site = {"feeder-06": "port", "industry": "works", "heat-pumps": "works"}
    named = {name: {"id": name, "unit": unit, "link": "ab"[unit % 2], "site": site.get(name, "centre")} for unit, name in enumerate(KW, 1)}
    meters = "\n".join(METER.format(**one) for one in named.values()) + PANEL
    links = ", ".join(f'{{ id = "{name}", url = "tcp://127.0.0.1:1599{k}", read_only = false }}' for k, name in enumerate("ab"))
    points = f"[grid.switch_points]\n{motors}" if motors else ""
    text = f"{HEAD}\nlinks = [{links}]\nmeters = [{meters}]\n{GRID.replace('EXTRA', extra)}\n{points}"
    (folder / "city.toml").write_text(text, encoding="utf-8")
    return opened(folder)


def opened(folder: Path, database_url: str | None = None) -> FeederTown:
    """The town of a folder; its store is made when it is not there."""
    city = load(Environment.model_validate({"city": folder / "city.toml", "home": folder, "database_url": database_url}))
    engine = open_store(city.environment.url, create=True)
    upgrade(engine)
    return FeederTown(city, engine)
