"""Figures of the composed city behind the base values in city.toml: `python -m demo.figures FOLDER`, after `python -m demo.make FOLDER`.

A year is the year of the profiles, 2021-12-31 to 2022-12-30; pump stations and water are the days of history scaled to a year.
"""

import argparse
import sys
import tomllib
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pandas as pd

from carbon.accounts import account_of, apply
from carbon.factors import load
from carbon.targets.energy import coal_weights, energy_kgce
from demo import profiles, water
from demo.make import CITY, make
from meters.roads.drop import read_drop
from meters.roads.mapping import Mapping
from networks.losses.night_flow import night_losses

GENERATION = ("pv-01", "pv-02", "wind-01")
STATIONS = tuple(f"{name}.energy" for name in water.PUMPS)
BASE_YEAR, BASE_GROWTH = 2021, 1.05  # the base year is stated as 5 % above the profile year
DAY_OF = {2021: date(2021, 7, 1), 2022: date(2022, 7, 1)}


def yearly(folder: Path) -> dict[str, float]:
    """Sums of a profile year: electricity_kwh, own_kwh, gas_m3, water_m3, peak_kw, loss_share."""
    made = make(folder)
    city = tomllib.loads(CITY.read_text(encoding="utf-8"))
    times = profiles.extract_times()
    power = profiles.power_kw(times, city["city"]["time_zone"])
    energy = power.sum() / 4
    loads = [name for name in power if name not in (*GENERATION, "battery-01")]
    history = {path.stem: pd.read_parquet(path).set_index("time_utc") for path in made.history}
    per_year = 365 * 96 / len(history["energy"])
    return {
        "electricity_kwh": float(energy[loads].sum() + history["energy"][list(STATIONS)].to_numpy().sum() * per_year),
        "own_kwh": float(energy[list(GENERATION)].sum()),
        "gas_m3": float(profiles.gas_m3(times).to_numpy().sum()),
        "water_m3": float(history["water_sources"].to_numpy().sum() * per_year),
        "peak_kw": float(power[loads].sum(axis=1).max()),
        "loss_share": loss_share(made.folder, city),
    }


def loss_share(folder: Path, city: dict) -> float:
    """Real losses of the history by the night balance, over inflow [1]."""
    (inflow,) = read_drop(folder / "history" / "water_districts.parquet", Mapping(quantity="volume_m3", step_s=3600))
    people = {zone["id"]: float(zone["population"]) for zone in city["zones"]}
    block = replace(inflow, ids=tuple(name.removesuffix(".volume") for name in inflow.ids))
    use = city["water"]["night_use_l_per_person_h"]
    known = night_losses(block, people=people, zone=city["city"]["time_zone"], night_use_l_per_person_h=use).dropna(subset=["loss_m3"])
    return float(known["loss_m3"].sum() / known["inflow_m3"].sum())


def per_gdp(electricity_kwh: float, gas_m3: float, year: int, city: dict) -> tuple[float, float]:
    """Energy [tce] and carbon [t CO2] per 10,000 CNY of a year's GDP, with that year's factors."""
    factors, on = load(), DAY_OF[year]
    accounts = [account_of(**entry) for entry in city["accounts"]]
    of_kind = [next(a for a in accounts if a.kind == kind) for kind in ("grid-electricity", "natural-gas")]
    grid, gas = (Fraction(rule.numerator, rule.denominator) for rule, *_ in (apply(account, factors, on) for account in of_kind))
    gdp = sum(sector.get("gdp_10k_cny", {}).get(str(year), 0) for sector in city["sectors"])
    weights = coal_weights(of_kind, factors, on, "equivalent")
    amounts = dict(zip((a.id for a in of_kind), (round(electricity_kwh * 1e3), round(gas_m3 * 1e6)), strict=True))
    tce = energy_kgce(amounts, weights) / 1000
    tonnes = (electricity_kwh * float(grid) * 1e3 + gas_m3 * float(gas) * 1e6) / 1e9
    return float(tce) / gdp, tonnes / gdp


def main() -> None:
    """Print the figures and the two base values."""
    parser = argparse.ArgumentParser(prog="python -m demo.figures", description="Figures of the composed city.")
    parser.add_argument("folder", type=Path)
    found = yearly(parser.parse_args().folder)
    city = tomllib.loads(CITY.read_text(encoding="utf-8"))
    for name, value in found.items():
        sys.stdout.write(f"{name:18} {value:16,.3f}\n")
    for year, growth in ((2022, 1.0), (BASE_YEAR, BASE_GROWTH)):
        energy, carbon = per_gdp(found["electricity_kwh"] * growth, found["gas_m3"] * growth, year, city)
        sys.stdout.write(f"{year}: {energy:.4f} tce and {carbon:.4f} t CO2 per 10,000 CNY\n")


if __name__ == "__main__":
    main()
