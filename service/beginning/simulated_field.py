"""A small field that is not there, for a first city without a meter at hand: a hall, a roof and a battery, 60 days back and 8 ahead.

Its figures are invented: a working week's load, a sun by day of the year, noise from a fixed seed.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from city.clock import civil_day, local_date

DAYS_BACK, DAYS_AHEAD = 60, 8
_STEP = pd.Timedelta("15min")


def write(folder: Path, now_utc: datetime, zone: str) -> tuple[Path, Path]:
    """Write the simulator's specification with its table, and the history up to the last local midnight, below `folder`."""
    midnight = pd.Timestamp(civil_day(local_date(now_utc, zone), zone)[0])
    first, last = midnight - timedelta(days=DAYS_BACK), midnight + timedelta(days=DAYS_AHEAD)
    times = pd.date_range(first, last, freq=_STEP, inclusive="left")
    load_kw, sun_kw = _load_kw(times, zone), _sun_kw(times, zone)
    energy = pd.DataFrame({"hall.energy": load_kw / 4, "roof.energy": sun_kw / 4}, index=times).round(3)
    field = folder / "field"
    field.mkdir(parents=True, exist_ok=True)
    energy[energy.index < midnight].rename_axis("time_utc").reset_index().to_csv(folder / "history.csv", index=False)
    _live(energy, load_kw, sun_kw, midnight).to_parquet(field / "values.parquet", index=False)
    devices = [("hall", "electricity-meter"), ("roof", "pv-plant"), ("battery", "battery")]
    listed = [{"meter": meter, "unit": unit, "model": model} for unit, (meter, model) in enumerate(devices, start=1)]
    spec = field / "simulator.json"
    spec.write_text(json.dumps({"values": "values.parquet", "devices": listed}, indent=1) + "\n", encoding="utf-8")
    return spec, folder / "history.csv"


def _live(energy: pd.DataFrame, load_kw: np.ndarray, sun_kw: np.ndarray, midnight: pd.Timestamp) -> pd.DataFrame:
    """What the devices show from a day before midnight on: registers count whole Wh from the start."""
    whole = np.rint(energy.to_numpy() * 1000).astype(np.int64)
    before = np.vstack([np.zeros((1, 2), dtype=np.int64), np.cumsum(whole, axis=0)[:-1]]) / 1000
    table = pd.DataFrame(
        {
            "hall.power": load_kw,
            "hall.energy": before[:, 0] + 120_000,
            "roof.power": sun_kw,
            "roof.energy": before[:, 1] + 30_000,
            "battery.power": 0.0,
            "battery.charge": 20.0,
            "battery.energy_in": 500.0,
            "battery.energy_out": 450.0,
        },
        index=energy.index,
    )
    kept = table[table.index >= midnight - timedelta(days=1)]
    return kept.rename_axis("time_utc").reset_index()


def _load_kw(times: pd.DatetimeIndex, zone: str) -> np.ndarray:
    local = times.tz_convert(zone)
    hour, working = np.asarray(local.hour + local.minute / 60), np.asarray(local.day_of_week < 5)
    shape = np.exp(-(((hour - 13) / 4.5) ** 2))
    noise = np.random.default_rng(11).normal(1.0, 0.04, len(times))
    return np.asarray((8 + np.where(working, 22, 7) * shape) * noise).round(3)


def _sun_kw(times: pd.DatetimeIndex, zone: str) -> np.ndarray:
    local = times.tz_convert(zone)
    hour, day = np.asarray(local.hour + local.minute / 60), np.asarray(local.day_of_year)
    half = 6 + 2 * np.cos((day - 172) / 365 * 2 * np.pi)  # half a day's length [h]
    noon = np.maximum(0.0, np.cos(np.clip((hour - 12.5) / half, -1, 1) * np.pi / 2))
    cloud = np.repeat(np.random.default_rng(12).uniform(0.7, 1.0, len(times) // 96 + 2), 96)[: len(times)]
    return np.asarray(15 * noon * cloud).round(3)
