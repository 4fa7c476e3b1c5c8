"""Small cities made from a seed that cannot be planned: one or two contradictions among a random choice of assets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from benchmarks._cities import START, bands
from optimisation.assets import ASSETS, Asset
from optimisation.program import Lock, PlanInput

HOURS = 24
UNTIL = START + timedelta(hours=HOURS)


@dataclass
class City:
    """A town with a grid, a pump and a tank; contradictions change its tables, series, state and what the inputs say."""

    rng: np.random.Generator
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    series: dict[str, np.ndarray] = field(default_factory=dict)
    state: dict[str, dict[str, float]] = field(default_factory=dict)
    locks: list[Lock] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def add(self, kind: str, id: str, state: dict[str, float] | None = None, **fields: Any) -> None:
        self.tables[id] = {"kind": kind, "id": id, **fields}
        if state is not None:
            self.state[id] = state

    def load(self, id: str, values: np.ndarray, balance: str = "electricity") -> None:
        self.series[id] = values
        self.add("fixed_load", id, series=[id], balance=balance)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    @property
    def town_kw(self) -> np.ndarray:
        return self.series["town"]


def plain(rng: np.random.Generator) -> City:
    """A city that can be planned, with up to four assets that change nothing about that."""
    city = City(rng)
    water = rng.uniform(30, 60) * (1 + 0.3 * rng.random(HOURS))
    city.add("grid", "grid", connection_kw=2000.0)
    city.load("town", rng.uniform(100, 200) * (1 + 0.3 * rng.random(HOURS)))
    city.series |= {"water": water, "pv": np.maximum(30 * np.sin((np.arange(HOURS) - 5) / 12 * np.pi), 0.0), "mill": np.full(HOURS, 20.0)}
    flow = float(water.max() * rng.uniform(1.3, 2.0))
    city.add("pump_station", "pump", {"running": float(rng.integers(2))}, tank="tank", flow_m3_per_h=flow, power_kw=30.0)
    city.add("tank", "tank", {"volume_m3": 500.0}, series=["water"], volume_max_m3=1000.0)
    city.add("battery", "battery", {"charge_kwh": 50.0}, power_kw=50.0, energy_kwh=100.0)
    beside: tuple[Callable[[], None], ...] = (
        lambda: city.add("curtailable", "pv", series=["pv"]),
        lambda: city.add("interruptible", "mill", series=["mill"], max_curtail_share=0.2, budget_kwh_per_day=20, payment_per_kwh=0.3),
        lambda: city.add("pumped_storage", "lake", {"volume_m3": 500.0}, volume_m3=1000.0, head_m=40.0, pump_kw=20.0, turbine_kw=20.0),
        lambda: city.add("diesel", "spare", {"fuel_l": 20.0}, power_kw=20.0, min_share=0.0, fuel_price_per_l=1.5),
    )
    for add in beside:
        if rng.random() < 0.5:
            add()
    return city


def connection_too_small(city: City) -> None:
    city.tables["grid"]["connection_kw"] = float(city.town_kw.min() * city.between(0.2, 0.4))


def operators_limit_too_low(city: City) -> None:
    city.said["import_limit_kw"] = np.where(np.arange(HOURS) >= 6, city.town_kw * city.between(0.1, 0.3), np.inf)


def too_little_carbon(city: City) -> None:
    city.said["carbon_cap_kg"] = float(city.town_kw.sum() * 0.5 * city.between(0.1, 0.4))


def station_too_small(city: City) -> None:
    city.tables["pump"]["flow_m3_per_h"] = float(city.series["water"].mean() * city.between(0.05, 0.25))
    city.tables["tank"]["volume_max_m3"] = 600.0


def station_held_off(city: City) -> None:
    city.locks.append(Lock("pump", "running", 0.0, UNTIL))


def battery_held_at_discharge(city: City) -> None:
    city.locks.append(Lock("battery", "power_kw", city.between(20, 50), UNTIL))


def feeder_too_weak(city: City) -> None:
    city.load("village", np.full(HOURS, city.between(40, 80)), "feeder")
    city.add("line", "cable", to_balance="feeder", rating_kw=city.between(10, 35))


def boiler_too_small(city: City) -> None:
    city.load("district", np.full(HOURS, city.between(50, 90)), "heat")
    city.add("supply", "gas", price_per_kwh=0.05)
    city.add("boiler", "boiler", max_kw=city.between(20, 45))
    city.add("thermal_storage", "water-store", {"charge_kwh": 20.0}, power_kw=20.0, energy_kwh=40.0)


def half_a_pump(city: City) -> None:
    """Only with integers: half a pump would keep this tank, a whole one overflows or empties it."""
    city.tables["tank"] |= {"volume_max_m3": 506.0, "volume_min_m3": 494.0}


def half_a_boiler(city: City) -> None:
    """Only with integers: the district takes less than the boiler's least, and no store stands between."""
    city.load("district", np.full(HOURS, city.between(10, 25)), "heat")
    city.add("supply", "gas", price_per_kwh=0.05)
    city.add("boiler", "boiler", max_kw=100.0, min_share=city.between(0.4, 0.6))


def half_a_generator(city: City) -> None:
    """Only with integers: a village off the grid takes less than its generator's least."""
    city.load("village", np.full(HOURS, city.between(10, 20)), "village")
    city.add("diesel", "generator", {"fuel_l": 5000.0}, power_kw=80.0, min_share=0.4, fuel_price_per_l=1.5, balance="village")


def too_few_starts(city: City) -> None:
    """Only with integers: the tank needs its pump again and again, and the pump may start once a day."""
    water = city.series["water"]
    city.tables["tank"] |= {"volume_max_m3": 500.0 + 1.5 * float(water.max()), "volume_min_m3": 500.0 - 1.5 * float(water.max())}
    city.tables["pump"] |= {"max_starts_per_day": 1, "flow_m3_per_h": 2.0 * float(water.max())}
    city.state["pump"]["running"] = 0.0


LINEAR: tuple[Callable[[City], None], ...] = (
    connection_too_small,
    operators_limit_too_low,
    too_little_carbon,
    station_too_small,
    station_held_off,
    battery_held_at_discharge,
    feeder_too_weak,
    boiler_too_small,
)
WHOLE: tuple[Callable[[City], None], ...] = (half_a_pump, half_a_boiler, half_a_generator, too_few_starts)


def contradictory(seed: int) -> tuple[PlanInput, tuple[Asset, ...]]:
    """A city of 24 hourly steps that cannot be planned: two in three for a reason that the relaxation sees, sometimes for two."""
    rng = np.random.default_rng(seed)
    city = plain(rng)
    kinds = LINEAR if rng.random() < 0.65 else WHOLE
    kinds[int(rng.integers(len(kinds)))](city)
    if rng.random() < 0.15 and "heat" not in {table.get("balance") for table in city.tables.values()}:
        boiler_too_small(city)
    return stated(city)


def stated(city: City) -> tuple[PlanInput, tuple[Asset, ...]]:
    """The city as a plan takes it."""
    rng = city.rng
    inputs = PlanInput(
        start_utc=START,
        zone="Europe/Rome",
        series={name: bands(values) for name, values in city.series.items()},
        import_price_per_kwh=0.1 + 0.2 * rng.random(HOURS),
        export_price_per_kwh=np.full(HOURS, 0.05),
        intensity_kg_per_kwh=np.full(HOURS, 0.5),
        state=city.state,
        locks=tuple(city.locks),
        steps=HOURS,
        step_s=3600,
        **city.said,
    )
    return inputs, ASSETS.validate_python(list(city.tables.values()))
