"""The city of `benchmarks.chaos`: twelve points on one Modbus line, a month of history, one live day, and what the devices truly say.

A hall, a battery that takes setpoints, two water districts and a pressure: small enough that a whole day and night takes seconds.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from service.store import open_store

ZONE = "Europe/Rome"
MONTH = "2022-06"  # over when the night runs, so it can be closed
DAY_UTC = datetime(2022, 6, 29, 22, 0, tzinfo=UTC)  # local midnight that the live day begins with
MIDNIGHT_UTC = DAY_UTC + timedelta(days=1)
HOUR = timedelta(hours=1)
NIGHT_UTC = MIDNIGHT_UTC + timedelta(minutes=30)
DECISION_UTC = NIGHT_UTC + timedelta(minutes=10)
LAST_UTC = MIDNIGHT_UTC + 4 * HOUR  # the plan's first writes lie before it

TOML = """
city = { id = "chaos", name = "Chaos", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
forecast = { trees = 8, train_rows = 1500, leaves = 7, calibration_days = 7 }
night = { step_s = 3600, steps = 48 }
sectors = [{ id = "services", gdp_10k_cny = { 2021 = 100, 2022 = 110 } }]
sites = [{ id = "here", sector = "services" }]
zones = [{ id = "north", kind = "dma", population = 500 }, { id = "south", kind = "dma", population = 300 }]
links = [{ id = "field", url = "tcp://127.0.0.1:PORT", timeout_s = 0.3, backoff_s = 3600, read_only = false, simulated = true },
  { id = "field-south", url = "tcp://127.0.0.1:SOUTH", timeout_s = 0.3, backoff_s = 3600 }]
carbon = { outside_roots = ["outside/roots.txt"] }
meters = [
  { id = "hall", unit = 1, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load", step_s = 3600 },
  { id = "store", unit = 2, link = "field", site = "here", model = "battery", commodity = "electricity", role = "storage", step_s = 3600 },
  { id = "north", unit = 3, link = "field", site = "here", model = "water-meter", commodity = "water", role = "load", zone = "north", forecast = "water", step_s = 3600 },
  { id = "south", unit = 4, link = "field-south", site = "here", model = "water-meter", commodity = "water", role = "load", zone = "south", forecast = "water", step_s = 3600 },
  { id = "p-north", unit = 5, link = "field", site = "here", model = "pressure-sensor", commodity = "water", role = "sensor", zone = "north", step_s = 3600 },
]
limits = [
  { point = "hall.energy", minimum = 0, maximum = 160 },
  { point = "north.volume", minimum = 0, maximum = 60 },
  { point = "south.volume", minimum = 0, maximum = 60 },
  { point = "store.setpoint", minimum = -20, maximum = 20, write_tolerance = 0.5, revert_after_s = 5400, revert_to = 0 },
]
imports = [
  { path = "power.csv", mapping = { time = "time", quantity = "energy_kwh", step_s = 3600 } },
  { path = "water.csv", mapping = { time = "time", quantity = "volume_m3", step_s = 3600 } },
]
states = [{ asset = "store", quantity = "charge_kwh", weights = { "store.charge" = 1.0 } }]
controls = [{ asset = "store", point = "store.setpoint", quantity = "power_kw" }]
accounts = [
  { id = "el-hall", kind = "grid-electricity", point = "hall.energy", site = "here", sector = "services", region = "CN-ZJ" },
  { id = "water-north", kind = "water-supply", point = "north.volume", site = "here", sector = "services", region = "CN-ZJ" },
]
[tariff]
export_price_per_kwh = 0.1
bands = [{ name = "day", price_per_kwh = 0.8, hours = [[2, 22]] }, { name = "night", price_per_kwh = 0.3, hours = [[0, 24]] }]
[[assets]]
id = "grid"
kind = "grid"
connection_kw = 500.0
[[assets]]
id = "hall"
kind = "fixed_load"
series = ["hall.energy"]
[[assets]]
id = "store"
kind = "battery"
power_kw = 20.0
energy_kwh = 40.0
least_share = 0.1
most_share = 0.95
[[targets]]
id = "per-gdp"
measure = "energy_per_gdp"
base_year = 2021
base_value = 0.5
milestones = { 2026 = -0.1 }
"""  # noqa: E501 - a meter per line

UNITS = {"hall": "electricity-meter", "store": "battery", "north": "water-meter", "south": "water-meter", "p-north": "pressure-sensor"}
POINTS = ("hall.energy", "hall.power", "north.flow", "north.volume", "p-north.pressure", "south.flow", "south.volume", "store.charge",
          "store.energy_in", "store.energy_out", "store.power", "store.setpoint")  # fmt: skip


@dataclass(frozen=True)
class City:
    """The folder of a city, its data and its database."""

    home: Path
    url: str = ""  # of a PostgreSQL database; SQLite in the folder when empty

    @property
    def file(self) -> Path:
        return self.home / "city.toml"

    @property
    def database(self) -> str:
        return self.url or f"sqlite:///{self.home / 'penstock.db'}"

    @contextmanager
    def store(self) -> Iterator[Engine]:
        """Its database, closed afterwards: what is open of a file that is taken away would take the next one's log with it."""
        engine = open_store(self.database)
        try:
            yield engine
        finally:
            engine.dispose()

    @property
    def environment(self) -> dict[str, str]:
        return {"PENSTOCK_CITY": str(self.file), "PENSTOCK_HOME": str(self.home), "PENSTOCK_DATABASE_URL": self.database}


def build(home: Path, port: int, south_port: int, *, garbage: str = "") -> City:
    """city.toml, history and the simulator's specification. `garbage`: a water district whose register means nothing."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "outside").mkdir(exist_ok=True)
    (home / "city.toml").write_text(TOML.replace("PORT", str(port)).replace("SOUTH", str(south_port)), encoding="utf-8")
    days = int((DAY_UTC - datetime(2022, 5, 31, 22, 0, tzinfo=UTC)) / timedelta(days=1))
    used = _used(days + 2)
    past = used[used.index < DAY_UTC]
    for name, columns in (("power", ["hall.energy"]), ("water", ["north.volume", "south.volume"])):
        past[columns].rename_axis("time").reset_index().to_csv(home / f"{name}.csv", index=False)
    write_field(home, used[used.index >= DAY_UTC], garbage)
    return City(home)


def _used(days: int) -> pd.DataFrame:
    """What is used in each hour [kWh, m3], exact to what a count of the meters is; the same every time."""
    times = pd.date_range(MIDNIGHT_UTC - timedelta(days=days - 1), MIDNIGHT_UTC + timedelta(days=1), freq="h", inclusive="left")
    hour = np.asarray(times.hour + 2) % 24
    noise = np.random.default_rng(7).normal(1.0, 0.05, (3, len(times)))
    load = (20 + 10 * np.sin((hour - 6) / 24 * 2 * np.pi)) * noise[0]
    north, south = ((mean + 2 * np.sin(hour / 12 * np.pi)) * noise[i] for i, mean in ((1, 10.0), (2, 6.0)))
    return pd.DataFrame({"hall.energy": load, "north.volume": north, "south.volume": south}, index=times).round(2)


def write_field(home: Path, used: pd.DataFrame, garbage: str = "") -> None:
    """The table of what each device shows at each hour, and the simulator's specification beside it."""
    times = used.index
    shown = pd.DataFrame(index=times)
    for name, base in (("hall.energy", 120000.0), ("north.volume", 5000.0), ("south.volume", 3000.0)):
        shown[name] = (base + used[name].cumsum() - used[name]).round(2)
    shown["hall.power"] = used["hall.energy"].round(1)
    shown["north.flow"], shown["south.flow"] = used["north.volume"].round(1), used["south.volume"].round(1)
    wave = np.sin(np.arange(len(times)) / 7)
    shown["store.power"], shown["store.charge"] = (3 * wave).round(1), (20 + 5 * wave).round(1)
    shown["store.energy_in"], shown["store.energy_out"] = 400 + np.arange(len(times)), 300 + np.arange(len(times))
    shown["p-north.pressure"] = (40 + 3 * wave).round(1)
    if garbage:
        shown[f"{garbage}.volume"] = np.random.default_rng(6).uniform(0, 1e6, len(times)).round(2)
    shown.rename_axis("time_utc").reset_index().astype({"time_utc": "datetime64[us, UTC]"}).to_parquet(home / "field.parquet")
    devices = [{"meter": meter, "unit": unit, "model": model} for unit, (meter, model) in enumerate(UNITS.items(), start=1)]
    (home / "field.json").write_text(json.dumps({"values": "field.parquet", "devices": devices}), encoding="utf-8")
