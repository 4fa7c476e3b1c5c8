"""The bench of the field tests: fourteen simulated meters with hand-checkable values."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from meters.maps.registers import load_model
from meters.polling.poll import Device

START = datetime(2022, 6, 14, 22, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
METERS = [
    # meter, unit, model, behaviour
    ("feeder-01", 1, "electricity-meter", "ok"),
    ("feeder-02", 2, "electricity-meter", "swapped_words"),
    ("pv-02", 3, "sunspec-inverter", "ok"),
    ("dma-a", 4, "water-meter", "ok"),
    ("p-101", 5, "pressure-sensor", "dead"),
    ("p-102", 6, "pressure-sensor", "stuck"),
    ("p-103", 7, "pressure-sensor", "ok"),
    ("tank-1", 8, "tank-level", "ok"),
    ("ps-lake", 9, "pump-station", "ok"),
    ("battery-01", 10, "battery", "ok"),
    ("gas-boiler", 11, "gas-meter", "ok"),
    ("valves", 12, "valve-panel", "ok"),
    ("pv-01", 13, "pv-plant", "ok"),
    ("ev-depot", 14, "ev-depot", "stuck"),
]


def table(rows: int = 8) -> pd.DataFrame:
    """Hand-checkable values: row i of every column is a simple function of i."""
    i = np.arange(rows, dtype=float)
    columns = {
        "feeder-01.power": 400 + i,
        "feeder-01.energy": 1_000_000 + 100.25 * i,
        "feeder-02.power": 480.3 + i,
        "feeder-02.energy": 2_000_000 + 120 * i,
        "pv-02.power": np.where(i < 4, 12.345, 2_500.0),
        "pv-02.energy": 5_000 + 3 * i,
        "dma-a.flow": 120.5 + i,
        "dma-a.volume": 999_970 + 10 * i,
        "tank-1.level": 3 + i / 10,
        "ps-lake.power": 150.0 + 0 * i,
        "ps-lake.energy": 10_000 + 37.5 * i,
        "ps-lake.running": i % 2,
        "battery-01.power": -50.0 + 0 * i,
        "battery-01.charge": 100 + 12.5 * i,
        "battery-01.energy_in": 500 + 12.5 * i,
        "battery-01.energy_out": 400 + 0 * i,
        "gas-boiler.volume": 77_000.25 + i,
        "pv-01.power": 30 + i,
        "pv-01.energy": 3_000 + i,
        "ev-depot.power": 60 + i,
        "ev-depot.energy": 6_000 + 15 * i,
        **{f"p-10{k}.pressure": 40 + k + i / 100 for k in (1, 2, 3)},
    }
    times = pd.date_range(START, periods=rows, freq="15min", unit="us")
    return pd.DataFrame({"time_utc": times, **columns})


def devices(meters=METERS) -> list[Device]:
    return [Device(meter, "field", unit, load_model(model)) for meter, unit, model, _ in meters]


def written_spec(folder):
    listed = [{"meter": m, "unit": u, "model": d, "behaviour": b} for m, u, d, b in METERS]
    (folder / "spec.json").write_text(json.dumps({"values": "live.parquet", "devices": listed}))
    return folder / "spec.json"


def start(*arguments):
    """The simulator as a process, listening."""
    process = subprocess.Popen([sys.executable, "-m", "meters.simulator", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("listening on ")
    return process
