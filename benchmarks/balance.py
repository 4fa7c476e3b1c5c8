"""Monthly real losses per metered area against the true leak flow, in points of inflow, with how often the 90 % interval holds.

The estimator reads flows, tank level, customers' meters and the nominal network; the true leak flow is the scorer's. Its one constant
(`networks.losses.evidence.UNSEEN`) was set on the months of 2018 of L-TOWN-R.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import _ltown, _truths, data_folder
from city.problems import fault
from networks.leakage.scada import Scada
from networks.losses.areas import MeteredArea, area_inflow, metered_areas
from networks.losses.monthly import real_losses
from networks.network import Network

SEEDS = range(1, 6)  # of the generated truths, made where the cache has none
SUMMARY = "Monthly real losses per metered area from inflow, AMR and the nominal model, against each truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--truths", type=Path, help="a folder of folders of the L-TOWN form; default: five generated ones")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of L-TOWN-R, year by year, and of every other truth over its two years. Raises `PenstockError` when data are missing."""
    own = data_folder("leak/ltown_r")
    years = {"ltown_r 2018": [scored(own, 2018)]}
    if not args.quick:
        years["ltown_r 2019"] = [scored(own, 2019)]
        if args.truths and not args.truths.is_dir():
            raise fault(f"--truths {args.truths}", "no such folder", "a folder of folders", "Correct the path.")
        folders = sorted(args.truths.iterdir()) if args.truths else _truths.made(SEEDS)
        for path in (one for one in folders if (one / "2018_leaks.csv").exists()):
            years[path.name] = [scored(path, 2018), scored(path, 2019)]
    tables = {name: pd.concat(parts) for name, parts in years.items()}
    pooled = pd.concat(tables.values())
    return {
        "truths": [{"truth": name, **_figures(table), "areas": _by_area(table)} for name, table in tables.items()],
        "mean_error_points_max": max(_figures(table)["mean_error_points"] for table in tables.values()),
        **_figures(pooled),
    }


def _figures(table: pd.DataFrame) -> dict[str, float]:
    return {"mean_error_points": round(float(table["points"].abs().mean()), 3), "cover90": round(float(table["covered"].mean()), 3)}


def _by_area(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    return {str(area): _figures(rows) for area, rows in table.groupby("area")}


def estimated(network: Network, told: Scada, areas: list[MeteredArea]) -> pd.DataFrame:
    """Monthly losses of every area, from the readings of one year and the nominal network alone."""
    inflow = {area.id: area_inflow(network, area, told.flow, told.level) for area in areas}
    junctions = {area.id: area.junctions for area in areas}
    meters = _ltown.sites(told).consumption
    return real_losses(network, inflow, junctions, zone="UTC", consumption=told.consumption, meters=meters)


def scored(folder: Path, year: int) -> pd.DataFrame:
    """Per area and month: error in points of inflow, and whether the truth lies in the interval."""
    network, told = _ltown.network(folder), _ltown.scada(folder, year)
    sites = _ltown.sites(told)
    areas = metered_areas(network, sites.flow, sites.level)
    made = estimated(network, told, areas)
    true = _ltown.true_leak_flow(folder, year).resample("h").mean()
    tables = []
    for area in areas:
        inside = [pipe for pipe in true.columns if pipe in area.pipes]
        volume = true[inside].sum(axis=1).groupby(true.index.tz_localize(None).to_period("M")).sum()
        table = made[made["area"] == area.id]
        table = table.assign(true_m3=volume.reindex(table["month"]).to_numpy())
        table["points"] = 100 * (table["loss_m3"] - table["true_m3"]) / table["inflow_m3"]
        table["covered"] = table["true_m3"].between(table["low_m3"], table["high_m3"])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
