"""Monthly real losses per metered area against the true leak flow, in points of inflow, with how often the 90 % interval holds.

The estimator reads flows, tank level, customers' meters and the nominal network; the true leak flow is the scorer's. Its one constant
(`networks.losses.evidence.UNSEEN`) was set on the months of 2018 of L-TOWN-R.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import _ltown, data_folder
from networks.losses.areas import MeteredArea, area_inflow, metered_areas
from networks.losses.evidence import weekday
from networks.losses.monthly import real_losses
from networks.losses.nominal import customers, nominal_week
from networks.network import Network

SUMMARY = "Monthly real losses per DMA from inflow, night flow, AMR and the nominal model, against each truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--truths", type=Path, help="a folder of folders of the L-TOWN form to score besides L-TOWN-R")


def run(args: argparse.Namespace) -> dict[str, Any]:
    own = data_folder("leak/ltown_r")
    folders = [(own, 2018)] if args.quick else [(own, 2018), (own, 2019)]
    if args.truths and not args.quick:
        folders += [(path, 2019) for path in sorted(args.truths.iterdir()) if path.is_dir()]
    tables = {f"{path.name} {year}": scored(path, year) for path, year in folders}
    pooled = pd.concat(tables.values())
    return {
        "truths": [{"truth": name, **_figures(table), "areas": _by_area(table)} for name, table in tables.items()],
        "mean_error_points_max": max(_figures(table)["mean_error_points"] for table in tables.values()),
        "mean_error_points": _figures(pooled)["mean_error_points"],
        "cover90": _figures(pooled)["cover90"],
    }


def _figures(table: pd.DataFrame) -> dict[str, float]:
    return {"mean_error_points": round(float(table["points"].abs().mean()), 3), "cover90": round(float(table["covered"].mean()), 3)}


def _by_area(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    return {str(area): _figures(rows) for area, rows in table.groupby("area")}


def estimated(network: Network, told: Any, areas: list[MeteredArea]) -> dict[str, pd.DataFrame]:
    """Per area the monthly losses, from the readings of one year and the nominal network alone."""
    sites = _ltown.sites(told)
    inflow = {area.id: area_inflow(network, area, told.flow, told.level) for area in areas}
    largest = areas[0]
    first = weekday(inflow[largest.id], nominal_week(network, largest.junctions), "UTC")
    return {
        area.id: real_losses(inflow[area.id], customers(network, area.junctions, told.consumption, sites.consumption), first, zone="UTC")
        for area in areas
    }


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
        table = made[area.id].assign(area=area.id, true_m3=volume.reindex(made[area.id]["month"]).to_numpy())
        table["points"] = 100 * (table["loss_m3"] - table["true_m3"]) / table["inflow_m3"]
        table["covered"] = table["true_m3"].between(table["low_m3"], table["high_m3"])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
