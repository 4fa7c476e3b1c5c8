"""The simulated field of the live day: counters that go on from the history, present values, and the devices that answer with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from city.places import MeterPeriod
from demo import headend, profiles, water
from demo.water import WaterWorld

# Three things that are wrong in the field; the operators are not told.
BEHAVIOUR = {"p-189": "dead", "p-161": "stuck", "feeder-07": "swapped_words"}
OUTAGE, OUTAGE_AFTER = "feeder-06", pd.Timedelta("25h15min")  # dead from 01:15 on after the live day, till the end: in no closed day
ROLLS_OVER = "dma-h"  # its totaliser passes 999,999.99 m3 on the live day
_ROLLS_AFTER_M3 = 500.0
_HEAT_BASE_KWH, _HEAT_STORED_KWH = 3e6, 2000.0  # register at the first hour of history; what the store holds, all day
_BASE = {"energy": (4e6, 6e7), "volume": (1e5, 6e5), "gas": (1e6, 6e6)}  # kWh, m3, m3: registers at the first hour of history


def counters(usage: pd.DataFrame, start: pd.Timestamp, base: dict[str, float], digits: int) -> pd.DataFrame:
    """Registers [unit of the usage] at every time from `start` on: base + all usage of periods before that time.

    Sums are made in integers of 10**-digits, so that the last difference is as exact as the first.
    """
    whole = np.rint(usage.to_numpy() * 10**digits).astype(np.int64)
    before = np.vstack([np.zeros((1, whole.shape[1]), dtype=np.int64), np.cumsum(whole, axis=0)[:-1]])
    first = np.array([round(base[name] * 10**digits) for name in usage.columns])
    register = pd.DataFrame((before + first) / 10**digits, index=usage.index, columns=usage.columns)
    return register.loc[start:]


def bases(names: pd.Index, kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Register values at the first hour of history, whole numbers."""
    low, high = _BASE[kind]
    return {str(name): float(np.floor(rng.uniform(low, high))) for name in names}


def live_table(
    energy_kwh: pd.DataFrame, power_kw: pd.DataFrame, world: WaterWorld, gas_m3: pd.DataFrame, start: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Every measured register of every device from `start` on, one column per point, index time_utc."""
    found, drawn = world.hydraulics, world.drawn_m3_per_h
    pumped = pd.DataFrame({meter: found.flow_m3_per_h[pump].clip(lower=0) for meter, pump in water.SOURCES.items()})
    flow = pd.concat([drawn, pumped], axis=1)
    volume_base = bases(flow.columns, "volume", rng)
    until = (drawn.loc[: start - pd.Timedelta(seconds=1), ROLLS_OVER] / 4).round(6).sum()
    volume_base[ROLLS_OVER] = float(np.floor(1e6 - _ROLLS_AFTER_M3 - until))
    parts = [
        counters(energy_kwh, start, bases(energy_kwh.columns, "energy", rng), 3),
        power_kw.loc[start:].rename(columns=lambda name: f"{name}.power"),
        counters((flow / 4).add_suffix(".volume"), start, {f"{k}.volume": v for k, v in volume_base.items()}, 6),
        flow.loc[start:].add_suffix(".flow"),
        counters(gas_m3.add_suffix(".volume"), start, {f"{k}.volume": v for k, v in bases(gas_m3.columns, "gas", rng).items()}, 3),
        counters(headend.heat_kwh(gas_m3), start, {"heat-plant.energy": _HEAT_BASE_KWH}, 3),
        pd.DataFrame({"heat-plant.charge": _HEAT_STORED_KWH}, index=gas_m3.loc[start:].index),
        found.pump_running.loc[start:].rename(columns={pump: f"{meter}.running" for meter, pump in water.PUMPS.items()}),
        profiles.battery_charge_kwh(power_kw["battery-01"], start).loc[start:].rename("battery-01.charge").to_frame(),
    ]
    return pd.concat(parts, axis=1)


def as_displayed(live: pd.DataFrame, meters: list[dict[str, Any]]) -> pd.DataFrame:
    """The live table with the meters that have a history as their displays show them: behind CT and PT, and exchanged when it says so.

    The old meter shows its `final` register at the exchange and the new one its `first`, so city.toml and the field tell one story.
    """
    shown = live.copy()
    for meter in meters:
        periods = [MeterPeriod.model_validate(entry) for entry in meter.get("history", ())]
        if len(periods) != 2:
            continue
        new = periods[1]
        at = pd.Timestamp(new.since).tz_convert(live.index.tz)
        energy, power = f"{meter['id']}.energy", f"{meter['id']}.power"
        before, ratio = live.index < at, [float(period.ct * period.pt) for period in periods]
        then = np.interp(at.timestamp(), live.index.map(pd.Timestamp.timestamp), live[energy])
        counted = live[energy] - then
        register = np.where(before, new.final["energy"] + counted / ratio[0], new.first["energy"] + counted / ratio[1])
        shown[energy] = register.round(3)
        shown[power] = live[power] / np.where(before, *ratio)
    return shown


def devices(meters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of the simulator's specification, from the [[meters]] of city.toml that are on a link."""
    return [
        {"meter": meter["id"], "unit": meter["unit"], "model": meter["model"], "behaviour": BEHAVIOUR.get(meter["id"], "ok")}
        for meter in meters
        if meter.get("link")
    ]


def write_spec(path: Path, meters: list[dict[str, Any]], values: Path) -> None:
    """Write the simulator's specification beside its table of values."""
    own = [str(Path(__file__).with_name("devices").resolve())]
    path.write_text(json.dumps({"values": values.name, "devices": devices(meters), "models": own}, indent=1) + "\n", encoding="utf-8")
