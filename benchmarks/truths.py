"""Other truths of the L-TOWN form, made once into the cache, and how alike they are to L-TOWN-R."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _ltown, _truths, data_folder
from networks import engine as en

SUMMARY = "makes other truths of the L-TOWN form (cached) and says how alike they are to L-TOWN-R"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=4, help="how many seeds, from --seed on")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of L-TOWN-R and of every made truth, side by side. Raises `PenstockError` when the data are missing."""
    rows = [likeness(data_folder("leak/ltown_r"))]
    if args.quick:
        with tempfile.TemporaryDirectory() as place:
            _truths.make(args.seed, Path(place) / "quick", days=3)
            return {"truths": [*rows, likeness(Path(place) / "quick")]}
    for folder in _truths.made(range(args.seed, args.seed + args.count)):
        print(f"truths: {folder}", file=sys.stderr)
        rows.append(likeness(folder))
    return {"truths": rows}


def likeness(folder: Path) -> dict[str, Any]:
    """What makes leaks easy or hard to find: demand's level and noise, the model's misfit, the leaks' number and volume."""
    main, jitter, noise = [], [], []
    years = [year for year in (_ltown.HISTORY, _ltown.EVALUATION) if any(folder.glob(f"{year}_flows_m3h*"))]
    for year in years:
        flow, pressure = _ltown.readings(folder, year, "flows_m3h"), _ltown.readings(folder, year, "pressures_m")
        town = flow["p227"] + flow["p235"] - flow["PUMP_1"]
        main.append(town)
        night = pressure[pressure.index.hour.isin([2, 3])]
        jitter.append(float(night.diff().abs().median().median()) * 1000)
        noise.append(float((town.diff() / town.rolling(2).mean()).abs().median()) * 1.4826 / 2**0.5)
    found: dict[str, Any] = {
        "name": folder.name,
        "town_m3_per_h": [round(float(town.mean()), 1) for town in main],
        "demand_noise_5min_pct": round(100 * float(np.mean(noise)), 2),
        "pressure_step_at_night_mm": round(float(np.mean(jitter)), 1),
        "nominal_misfit_mm": round(1000 * misfit(folder), 1),
    }
    for year in years:
        leaks, flow = _ltown.true_leaks(folder, year), _ltown.true_leak_flow(folder, year)
        found[f"leaks_{year}"], found[f"abrupt_{year}"] = len(leaks), int((leaks["kind"] == "abrupt").sum())
        found[f"leak_m3_per_h_{year}"] = round(float(flow.sum(axis=1).mean()), 1)
        found[f"median_peak_m3_per_h_{year}"] = round(float(flow.max().median()), 1) if len(leaks) else None
    found["ceiling_eur"] = round(_ltown.truth(folder).ceiling_eur) if _ltown.EVALUATION in years else None
    return found


def misfit(folder: Path) -> float:
    """Root mean square of sensor less nominal model [m] on 2 and 3 January 2018 by the hour, before any leak: EPANET with the INP's base
    demand scaled to what the meters said."""
    network, day = _ltown.network(folder), slice("2018-01-02", "2018-01-03")
    pressure, flow, level, amr = (
        _ltown.readings(folder, 2018, part)[day] for part in ("pressures_m", "flows_m3h", "levels_m", "amr_Lh_30min")
    )
    hours = pressure.index[pressure.index.minute == 0]
    base = network.junctions.set_index("id")["base_demand_m3_per_h"]
    in_c = (_truths.dmas(network).reindex(base.index) == "C").to_numpy()
    town = (flow["p227"] + flow["p235"] - flow["PUMP_1"])[hours] / base[~in_c].sum()
    metered = amr.sum(axis=1)[hours] / 1000 / base[amr.columns].sum()
    errors = []
    with en.Engine(network.prepared(), network.name) as engine:
        junctions, at, tank = (engine.node_index(names) for names in (base.index, pressure.columns, level.columns))
        pump = engine.link_index(["PUMP_1"])
        for hour in hours:
            engine.set_nodes(junctions, en.BASE_DEMAND, base.to_numpy() * np.where(in_c, metered[hour], town[hour]))
            engine.set_nodes(tank, en.TANK_LEVEL, level.loc[hour])
            engine.start()
            engine.set_links(pump, en.STATUS, [float(flow.loc[hour, "PUMP_1"] > 1)])
            engine.solve()
            errors.append(pressure.loc[hour].to_numpy() - engine.nodes(at, en.PRESSURE))
    return float(np.sqrt(np.mean(np.square(errors))))
