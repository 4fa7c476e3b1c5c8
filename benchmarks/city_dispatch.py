"""A city of feeders with distinct devices, planned feeder by feeder with its distance to the least cost; a small one also as one model."""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._feeders import city
from optimisation import decomposed, matrix, program, solve
from optimisation.assets import Asset, FixedLoad, Grid, Line
from service.fanout import kept

SUMMARY = "100,000 distinct devices in feeders planned within a stated gap, and a small city beside its exact optimum"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--devices", type=int, default=100_000, help="devices with distinct parameters")
    parser.add_argument("--per-feeder", type=int, default=100, help="devices of a feeder")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gap", type=float, default=decomposed.REL_GAP, help="relative gap at which rounds end")
    parser.add_argument("--central", type=int, default=2000, help="devices of the city that is also planned as one model; 0: none")


def check(assets: tuple[Asset, ...], made: decomposed.CityPlan) -> dict[str, Any]:
    """From the frames alone: does the shared balance close, and which lines are at their rating?"""
    lines = {asset.id: asset for asset in assets if isinstance(asset, Line)}
    grid = made.result.plan
    left = grid[grid["quantity"] == "power_kw"]["value"].to_numpy().copy()
    full, above = 0, 0.0
    for file in made.files:
        frame = pd.read_parquet(file, filters=[("asset_id", "in", [f"{file.name.split('.')[0]}-line"])])
        sent, line = frame["value"].to_numpy(), lines[frame["asset_id"].iloc[0]]
        left += line.flows(sent)["electricity"]
        full += bool((np.abs(sent) > line.rating_kw * (1 - 1e-6)).any())
        above = max(above, float((np.abs(sent) - line.rating_kw).max()))
    return {"worst_imbalance_kw": float(np.abs(left).max()), "lines_at_rating": full, "worst_above_rating_kw": max(above, 0.0)}


def planned(devices: int, args: argparse.Namespace) -> dict[str, Any]:
    """Figures of one city planned feeder by feeder; the files of its feeders go when it is done."""
    said = f"city_dispatch: {devices} devices"
    print(f"{said}: making the city", file=sys.stderr)
    inputs, assets, shapes = city(devices // args.per_feeder, args.per_feeder, args.seed)
    folder = Path(tempfile.mkdtemp(prefix="city-"))
    begun = time.perf_counter()
    try:
        with kept(args.workers) as each:
            made = decomposed.plan(inputs, assets, each, folder, args.gap)
        wall = time.perf_counter() - begun
        checked = check(assets, made) if made.files else {}
        size = sum(file.stat().st_size for file in folder.iterdir())
    finally:
        shutil.rmtree(folder)
    flexible = [asset for asset in assets if not isinstance(asset, FixedLoad | Line | Grid)]
    return {
        "devices": len(flexible),
        "distinct": len({asset.model_dump_json(exclude={"id", "balance", "name"}) for asset in flexible}),
        "feeders": devices // args.per_feeder,
        "steps": inputs.steps,
        "shapes": shapes,
        "status": made.result.status,
        "reasons": list(made.result.reasons),
        "plan_wall_s": round(wall, 1),
        "cost": made.result.cost.total,
        "bound": made.bound,
        "gap_pct": 100 * made.result.gap,
        "peak_kw": made.result.peak_kw,
        **checked,
        "files_mb": round(size / 2**20),
        "rounds": [told(one) for one in made.rounds],
    }


def told(one: decomposed.Round) -> dict[str, float]:
    """A row of the table of rounds."""
    figures = {"feeders": one.feeders, "bound": one.bound, "cost": one.cost, "gap_pct": 100 * one.gap, "missing_kw": one.missing_kw}
    figures |= {"box_per_kwh": one.box_per_kwh, "iterations": one.iterations, "wall_s": one.wall_s}
    return {name: round(value, 4) for name, value in figures.items()}


def central(args: argparse.Namespace) -> dict[str, Any]:
    """The small city both ways: the true distance from the least cost beside the distance that is told."""
    apart = planned(args.central, args)
    inputs, assets, _ = city(args.central // args.per_feeder, args.per_feeder, args.seed)
    print(f"city_dispatch: {args.central} devices as one model", file=sys.stderr)
    begun = time.process_time()
    formulation = program.formulate(inputs, assets)
    solution = solve.solved(matrix.compiled(formulation).arrays)
    best = solution.objective + formulation.constant
    return {
        "devices": apart["devices"],
        "optimum": best,
        "central_cpu_s": round(time.process_time() - begun, 1),
        "cost": apart["cost"],
        "bound": apart["bound"],
        "gap_pct": apart["gap_pct"],
        "true_gap_pct": 100 * (apart["cost"] - best) / best,
        "bound_below_optimum_pct": 100 * (best - apart["bound"]) / best,
    }


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The large city; then the small one, which a smoke run takes alone."""
    if args.quick:
        args.devices, args.per_feeder, args.central, args.workers = 80, 20, 80, 1
    figures = planned(args.devices, args)
    own, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    figures["all_processes_rss_mb"] = round(own + (args.workers * child if args.workers > 1 else 0.0))
    return {**figures, "small": central(args) if args.central else None}
