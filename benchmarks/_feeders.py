"""A city of feeders from a seed: distinct batteries, cars, suns, sites and cooled buildings, each feeder behind a line, one grid.

Loads and sun have the shapes of SimBench (16 June 2016, from noon) when PENSTOCK_DATA has them, otherwise bells around their hours.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import data_folder
from city.clock import as_utc
from city.problems import PenstockError
from optimisation.assets import ASSETS, Asset
from optimisation.program import PlanInput

START = as_utc(datetime.fromisoformat("2022-06-16T12:00+02:00"))  # the Thursday that 16 June 2016 was
STEPS = 96
HOUR = (12 + np.arange(STEPS) / 4) % 24
SHARES = {"battery": 0.28, "ev_fleet": 0.28, "curtailable": 0.2, "interruptible": 0.12, "thermal_building": 0.12}
CHARGERS_KW = (3.7, 7.4, 11.0, 22.0)
CAP = 0.8  # the city's import cap over the highest import if nobody planned
Floats = np.ndarray


@dataclass
class Feeder:
    """What one feeder adds to a city; `total_kw` float[steps] is what it takes when nobody plans, `fixed_kw` what it cannot put off."""

    name: str
    rng: np.random.Generator
    tables: list[dict[str, Any]] = field(default_factory=list)
    series: dict[str, Floats] = field(default_factory=dict)
    state: dict[str, dict[str, float]] = field(default_factory=dict)
    total_kw: Floats = field(default_factory=lambda: np.zeros(STEPS))
    fixed_kw: Floats = field(default_factory=lambda: np.zeros(STEPS))

    def add(self, kind: str, number: int, **fields: Any) -> str:
        asset = f"{self.name}-{kind}-{number:03d}"
        self.tables.append({"kind": kind, "id": asset, "balance": self.name, **fields})
        return asset

    def forecast(self, asset: str, power_kw: Floats) -> list[str]:
        self.series[asset] = power_kw / 4
        return [asset]


def shapes() -> tuple[list[Floats], list[Floats], str]:
    """Loads and suns, float[steps] of their own peak, and where they are from."""
    try:
        folder = data_folder("grid/simbench")
        load, sun = (pd.read_parquet(folder / f"{name}Profile.parquet") for name in ("Load", "RES"))
    except (PenstockError, FileNotFoundError):
        bell = lambda at, wide: np.exp(-((((HOUR - at + 12) % 24) - 12) ** 2) / wide)  # noqa: E731
        return [0.3 + 0.6 * bell(at, 10) for at in range(9, 22)], [bell(at, 8) for at in (12, 13, 14)], "seeded bells"
    noon = int(np.flatnonzero(load["time"] == "16.06.2016 12:00")[0])
    kinds = ("H0-", "G0-", "G1-", "G2-", "G3-", "G4-", "G5-", "L0-", "L1-", "BL-", "WB-")
    loads = [load[c] / load[c].max() for c in load if c.startswith(kinds) and c.endswith("_pload")]
    suns = [sun[c] / sun[c].max() for c in sun if c.startswith("PV")]
    day = slice(noon, noon + STEPS)
    return [s.to_numpy()[day] for s in loads], [s.to_numpy()[day] for s in suns], "SimBench 2016-06-16"


def _storages(f: Feeder, count: int) -> None:
    for i in range(count):
        power = round(f.rng.uniform(2, 12), 3)
        energy, efficiency = round(power * f.rng.uniform(1, 3), 3), round(f.rng.uniform(0.92, 0.975), 5)
        wear = round(f.rng.uniform(0.002, 0.03), 6)
        sizes = {"power_kw": power, "energy_kwh": energy, "charge_efficiency": efficiency, "discharge_efficiency": efficiency}
        f.state[f.add("battery", i, **sizes, wear_price_per_kwh=wear)] = {"charge_kwh": round(energy * f.rng.uniform(0.15, 0.9), 3)}


def _cars(f: Feeder, count: int) -> None:
    """A charger each: its car comes home in the evening, leaves in the morning, and would charge on arrival."""
    for i in range(count):
        power, energy = float(f.rng.choice(CHARGERS_KW)), f.rng.uniform(6, 45)
        arrives, leaves = (int(np.clip(f.rng.normal(mean, wide), mean - 5, mean + 4) * 4) for mean, wide in ((18, 1.8), (31.3, 0.8)))
        power_kw = np.clip(energy - power / 4 * np.arange(STEPS), 0, power / 4) * 4
        drawn = np.zeros(STEPS)
        drawn[arrives - 48 : leaves - 48] = power_kw[: leaves - arrives]
        local = [f"{at // 4 % 24:02d}:{15 * (at % 4):02d}" for at in (arrives, leaves)]
        asset = f"{f.name}-ev_fleet-{i:03d}"
        fields = {"series": f.forecast(asset, drawn), "arrive_local": local[0], "depart_local": local[1], "max_kw": power}
        f.add("ev_fleet", i, **fields, short_price_per_kwh=round(f.rng.uniform(1.5, 2.5), 4))
        f.total_kw += drawn


def _suns(f: Feeder, count: int, suns: list[Floats]) -> None:
    for i in range(count):
        noise = 1 + 0.05 * f.rng.standard_normal(STEPS)
        power_kw = np.maximum(f.rng.uniform(3, 15) * suns[f.rng.integers(len(suns))] * noise, 0)
        series = f.forecast(f"{f.name}-curtailable-{i:03d}", power_kw)
        f.add("curtailable", i, series=series, curtail_price_per_kwh=round(f.rng.uniform(0, 0.01), 6))
        f.total_kw -= power_kw


def _sites(f: Feeder, count: int, loads: list[Floats]) -> None:
    for i in range(count):
        peak = f.rng.uniform(3, 25)
        power_kw = peak * loads[f.rng.integers(len(loads))] * np.clip(1 + 0.02 * f.rng.standard_normal(STEPS), 0.5, None)
        f.add(
            "interruptible",
            i,
            series=f.forecast(f"{f.name}-interruptible-{i:03d}", power_kw),
            max_curtail_share=round(f.rng.uniform(0.1, 0.5), 4),
            notice_h=float(f.rng.choice([0, 1, 2])),
            budget_kwh_per_day=round(peak * f.rng.uniform(0.3, 2), 3),
            payment_per_kwh=round(f.rng.uniform(0.1, 0.4), 5),
        )
        f.total_kw += power_kw
        f.fixed_kw += power_kw


def _buildings(f: Feeder, count: int) -> None:
    """Offices and shops that cool themselves on a warm day."""
    outdoors = tuple(np.round(24 + 7 * np.cos((np.arange(24) - 15) / 24 * 2 * np.pi), 2).tolist())
    for i in range(count):
        resistance = f.rng.uniform(2, 6)
        asset = f.add(
            "thermal_building",
            i,
            service="cooling",
            cop=round(f.rng.uniform(2.6, 4.2), 4),
            max_kw=round(f.rng.uniform(8, 16), 3),
            resistance_k_per_kw=round(resistance, 4),
            capacity_kwh_per_k=round(f.rng.uniform(1.5, 5), 4),
            gains_kw=[round(f.rng.uniform(0.3, 2), 3)],
            ambient_degc=outdoors,
            least_degc=20.0,
            most_degc=25.0,
        )
        f.state[asset] = {"indoor_degc": round(f.rng.uniform(22.5, 24.5), 2)}
        f.total_kw += np.maximum(np.array(outdoors)[HOUR.astype(int)] - 23, 0) / resistance / 3 + 0.3


def _feeder(number: int, devices: int, seed: int, loads: list[Floats], suns: list[Floats]) -> Feeder:
    f = Feeder(f"feeder-{number:04d}", np.random.default_rng([seed, number]))
    base = sum(f.rng.uniform(20, 120) * loads[f.rng.integers(len(loads))] for _ in range(2))
    base = base * np.clip(1 + 0.03 * f.rng.standard_normal(STEPS), 0.5, None)
    f.total_kw, f.fixed_kw = base.copy(), base.copy()
    f.add("fixed_load", 0, series=f.forecast(f"{f.name}-load", base))
    count = {kind: round(share * devices) for kind, share in SHARES.items()}
    _storages(f, devices - sum(count.values()) + count["battery"])
    _cars(f, count["ev_fleet"])
    _suns(f, count["curtailable"], suns)
    _sites(f, count["interruptible"], loads)
    _buildings(f, count["thermal_building"])
    rating = max(1.05 * f.fixed_kw.max(), f.rng.uniform(0.6, 1.1) * np.abs(f.total_kw).max())
    loss = round(f.rng.uniform(0.01, 0.03), 4)
    f.tables.append({"kind": "line", "id": f"{f.name}-line", "to_balance": f.name, "rating_kw": round(rating, 1), "loss_share": loss})
    return f


def city(feeders: int, devices: int, seed: int) -> tuple[PlanInput, tuple[Asset, ...], str]:
    """A city of `feeders` with `devices` each that nobody could plan device by device, and where its shapes are from.

    Some lines are rated below what their feeder takes when nobody plans; the grid below what the city takes then.
    """
    loads, suns, source = shapes()
    made = [_feeder(number, devices, seed, loads, suns) for number in range(feeders)]
    peak = float(np.sum([f.total_kw for f in made], axis=0).max())
    rng = np.random.default_rng([seed, feeders])
    price = np.where((HOUR >= 8) & (HOUR < 19), 0.32, np.where((HOUR >= 7) & (HOUR < 23), 0.26, 0.19))
    grid = {
        "kind": "grid",
        "id": "grid",
        "connection_kw": round(CAP * peak, 1),
        "contract_kw": round(0.95 * CAP * peak, 1),
        "excess_price_per_kwh": 0.3,
        "capacity_charge_per_kw_month": 0.5,
    }
    series = {name: values for f in made for name, values in f.series.items()}
    inputs = PlanInput(
        start_utc=START,
        zone="Europe/Rome",
        series={name: {"p50": values} for name, values in series.items()},
        import_price_per_kwh=price + 0.03 * np.repeat(rng.standard_normal(STEPS // 4), 4),
        export_price_per_kwh=np.full(STEPS, 0.08),
        intensity_kg_per_kwh=0.4 + 0.1 * np.cos(HOUR / 24 * 2 * np.pi),
        carbon_price_per_t=60.0,
        month_peak_kw=round(0.7 * CAP * peak, 1),
        state={asset: state for f in made for asset, state in f.state.items()},
        steps=STEPS,
    )
    return inputs, ASSETS.validate_python([grid, *(table for f in made for table in f.tables)]), source
