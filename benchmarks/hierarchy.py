"""Forecasts that add up, sample paths and peaks on real data: a city of load, ten districts of water, and 100,000 meters for size."""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import _paths_scored, data_folder
from benchmarks.bwdf import HOLIDAYS, dataset
from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity
from forecasting import groups
from forecasting.calendars import Calendar
from forecasting.coherent import Alone, coherent, sampled
from forecasting.correlation import correlation
from forecasting.forecast import LEVELS
from forecasting.models.task import ForecastSettings
from forecasting.paths import sample
from forecasting.reconcile import Tree, reconcile, structural, trees

SUMMARY = "hierarchies that add up, sample paths and peak risk on real load and water"
STEPS, ORIGINS, REPORTED = 48, 28, 56
PATHS = 200
FEEDERS, SUBSTATIONS = 9, 3
METHODS = ("base", "bottom-up", "ols", "wls-structural", "wls", "mint")
"""What is done to P50; the product does wls."""
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Town:
    """A tree with the history of each of its series, and the level of each."""

    name: str
    tree: Tree
    values: FloatArray  # [n, T] hourly
    level: tuple[str, ...]
    start: datetime
    calendar: Calendar
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Night:
    """What is known and what came true at one origin."""

    quantiles: FloatArray  # [n, steps, q]
    errors: FloatArray  # [n, c, steps] over expected size
    actual: FloatArray  # [n, steps]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("report", "tune"), default="report", help="tune: the 28 origins settings may be chosen on")


def load_town(quick: bool, seed: int) -> Town:
    """SimBench customers, charging points and heat pumps at seeded peaks [kW] -> 9 feeders -> 3 substations -> city.

    Every fifth customer has no meter: a feeder is measured, and what its meters do not explain is a series of its own.
    """
    held = pd.read_parquet(data_folder("load") / "simbench_profiles_hourly_pu.parquet").set_index("ds")
    apart = ("RES_", "HS", "lv_", "mv_", "hv_")
    held = held[[c for c in held if (c[:3] == "HLS" or not c.startswith(apart)) and held[c].std() > 0]]
    held = held[~held.index.duplicated()].asfreq("h").interpolate(limit=6)
    held = held.iloc[:, :12] if quick else held
    values = held * np.random.default_rng(seed).lognormal(np.log(100), 0.8, held.shape[1])
    feeder = {name: f"feeder-{i % FEEDERS}" for i, name in enumerate(held)}
    unmetered = set(list(held)[4::5])
    sums: dict[str, dict[str, float]] = {"city": {f"substation-{s}": 1.0 for s in range(SUBSTATIONS)}}
    series: dict[str, pd.Series] = {}
    for f in range(FEEDERS):
        name, own = f"feeder-{f}", [c for c in held if feeder[c] == f"feeder-{f}"]
        sums.setdefault(f"substation-{f % SUBSTATIONS}", {})[name] = 1.0
        without = [c for c in own if c in unmetered]
        parts = [c for c in own if c not in unmetered] + ([f"{name} remainder"] if without else [])
        sums[name] = dict.fromkeys(parts, 1.0)
        series |= {c: values[c] for c in own if c not in unmetered}
        series |= {f"{name} remainder": values[without].sum(axis=1)} if without else {}
    (tree,) = trees(sums)
    bottom = np.stack([series[tree.ids[i]].to_numpy() for i in tree.bottom])
    level = tuple(name.split("-")[0] if name in sums else "remainder" if "remainder" in name else "meter" for name in tree.ids)
    kinds = tuple("ev" if name.startswith(("HLS", "APLS")) else "load" for name in tree.ids)
    start = held.index[0].to_pydatetime().replace(tzinfo=UTC)
    return Town("load", tree, tree.summing @ bottom, level, start, Calendar(time_zone="UTC", country="DE"), kinds)


def water_town(quick: bool) -> Town:
    """The ten DMAs of the BWDF up to the first evaluated week [L/s], and what they take together."""
    inflow = dataset().inflow[:"2022-07-24"].iloc[-24 * (150 if quick else 500) :]
    names = [str(c) for c in inflow]
    (tree,) = trees({"city": dict.fromkeys(names, 1.0)})
    values = np.concatenate([inflow.sum(axis=1, skipna=False).to_numpy()[None], inflow.to_numpy().T])
    level = ("city", *("dma" for _ in names))
    return Town("water", tree, values, level, inflow.index[0].to_pydatetime(), HOLIDAYS, ("water",) * len(level))


def nights(town: Town, settings: ForecastSettings, stage: str, count: int) -> list[Night]:
    """The last `count` daily origins (tune: those that end 56 days before), one fit before the first; each night knows what was known."""
    end = town.values.shape[1] - STEPS - (24 * REPORTED if stage == "tune" else 0)
    quality = np.where(np.isfinite(town.values), VALID, 0).astype(np.uint16)
    block = Block(
        town.tree.ids, town.start, timedelta(hours=1), Quantity.ENERGY_KWH, np.nan_to_num(town.values).astype(np.float32), quality
    )
    h = groups.known(block, dict(zip(town.tree.ids, town.kinds, strict=True)), town.start + timedelta(hours=end + STEPS), settings)
    begin = town.values.shape[1] - h.values.shape[1] - (town.values.shape[1] - end - STEPS)
    rungs = groups.climbed(h, end - begin - 24 * count)
    back = list(range(count + 1, 1, -1))
    made = [groups.answered(q, LEVELS) for q in groups.questions(h, rungs, town.calendar, STEPS, back, settings)]
    found = []
    for k in range(count):
        night = Night(*(np.full((len(town.tree.ids), *s), np.nan) for s in ((STEPS, 3), (settings.calibration_days, STEPS), (STEPS,))))
        for part in made:
            task, rows = part.question.task, part.question.rows
            origin = task.origins[k : k + 1]
            again = groups.answered(replace(part.question, task=task.at(origin, task.fit_before)), LEVELS, part.machine).answer
            night.quantiles[rows] = again.quantiles[:, 0]
            z = again.errors.errors / again.errors.size
            late = again.errors.origins[:, None] + np.arange(STEPS) >= origin[0]
            night.errors[rows, -z.shape[1] :] = np.where(late, np.nan, z)
            night.actual[rows] = task.at(origin, task.fit_before).targets()[:, 0]
        found.append(night)
    return found


def spread_of(quantiles: FloatArray) -> FloatArray:
    return (quantiles[..., 2] - quantiles[..., 0]) / 2.5631


def moved(town: Town, night: Night, method: str, y: FloatArray) -> FloatArray:
    """`y` [n, k, steps] reconciled by one of METHODS."""
    n, spread = len(town.tree.ids), spread_of(night.quantiles)
    if method == "base":
        return y
    if method == "bottom-up":
        spread = np.where(np.isin(np.arange(n), town.tree.bottom)[:, None], 0.0, 1.0) * np.ones((n, STEPS))
    elif method == "ols":
        spread = np.ones((n, STEPS))
    elif method == "wls-structural":
        spread = np.repeat(structural(town.tree)[:, None], STEPS, 1)
    known = correlation(night.errors) if method == "mint" else None
    return reconcile(town.tree, y, spread, known, np.ones(n, bool))


def spans(kept: list[Night]) -> tuple[FloatArray, FloatArray]:
    """Actuals [n, nights, steps] and their P99 - P1 [n]; NaN for a series that did not move."""
    actual = np.stack([night.actual for night in kept], 1)
    span = np.nanpercentile(actual, 99, axis=(1, 2)) - np.nanpercentile(actual, 1, axis=(1, 2))
    return actual, np.where(span > 0, span, np.nan)


def by_level(town: Town, per: FloatArray, digits: int) -> dict[str, float]:
    table = pd.Series(per).groupby(list(town.level), sort=False).mean()
    return {str(name): round(float(v), digits) for name, v in table.items()}


def levels_of(town: Town, kept: list[Night], said: dict[str, list[FloatArray]]) -> list[dict[str, Any]]:
    """rMAE of P50 by level and day for each method, and the mean over levels."""
    actual, span = spans(kept)
    rows = []
    for method, each in said.items():
        error = np.abs(np.stack(each, 1) - actual)
        row: dict[str, Any] = {"method": method}
        for day in (1, 2):
            table = by_level(town, np.nanmean(error[:, :, 24 * day - 24 : 24 * day], axis=(1, 2)) / span, 4)
            row |= {f"{name}_d{day}": v for name, v in table.items()} | {f"mean_d{day}": round(float(np.mean(list(table.values()))), 4)}
        rows.append(row)
    return rows


def bands_of(town: Town, kept: list[Night], ends: dict[str, list[FloatArray]]) -> list[dict[str, Any]]:
    """Share of actuals within P10..P90 [n, steps, 2] and its mean width over the span, by level."""
    actual, span = spans(kept)
    rows = []
    for name, each in ends.items():
        q = np.stack(each, 1)
        inside = (actual >= q[..., 0] - 1e-9) & (actual <= q[..., 1] + 1e-9)
        cov = by_level(town, np.nanmean(np.where(np.isfinite(actual), inside, np.nan), axis=(1, 2)), 3)
        width = by_level(town, np.nanmean(q[..., 1] - q[..., 0], axis=(1, 2)) / span, 3)
        rows.append({"bands": name, **{f"cov80_{k}": v for k, v in cov.items()}, **{f"width_{k}": v for k, v in width.items()}})
    return rows


def town_figures(town: Town, settings: ForecastSettings, args: argparse.Namespace) -> dict[str, Any]:
    """Every figure of one town."""
    kept = nights(town, settings, args.stage, 3 if args.quick else ORIGINS)
    said: dict[str, list[FloatArray]] = {method: [] for method in METHODS}
    ends: dict[str, list[FloatArray]] = {"base": [], "together": [], "paths together": [], "paths reconciled once": []}
    incoherent = dict.fromkeys(METHODS, 0.0)
    paths, worst, spent = [], 0.0, 0.0
    for night in kept:
        for method in METHODS:
            p50 = moved(town, night, method, night.quantiles[:, None, :, 1])
            incoherent[method] = max(incoherent[method], town.tree.incoherence(p50))
            said[method].append(p50[:, 0])
        cpu = time.process_time()
        part = Alone(town.tree.ids, 3600, night.quantiles, np.arange(night.errors.shape[1]).astype("datetime64[D]"), night.errors)
        made = coherent([part], town.tree.sums, (), (), PATHS, args.seed)
        spent += time.process_time() - cpu
        worst = max(worst, made.incoherence)
        paths.append(np.stack([made.paths[name] for name in town.tree.ids]))
        ends["base"].append(night.quantiles[..., [0, 2]])
        ends["together"].append(np.stack([made.quantiles[name][[0, 2]].T for name in town.tree.ids]))
        once = moved(town, night, "wls", sample(night.quantiles, LEVELS, night.errors, PATHS, args.seed))
        for name, drawn in (("paths together", paths[-1]), ("paths reconciled once", once)):
            ends[name].append(np.quantile(drawn, (0.1, 0.9), axis=1).transpose(1, 2, 0))
    print(f"hierarchy: {town.name}, {len(town.tree.ids)} series, {len(kept)} nights, {spent:.1f} CPU-s together", file=sys.stderr)
    return {
        "series": len(town.tree.ids),
        "nights": len(kept),
        "rmae": levels_of(town, kept, said),
        "bands": bands_of(town, kept, ends),
        "incoherence": {name: float(f"{v:.1e}") for name, v in (incoherent | {"P50 and paths together": worst}).items()},
        "together_cpu_s_per_night": round(spent / len(kept), 2),
        **_paths_scored.figures(town, kept, paths, args.seed),
    }


def size_figures(meters: int, seed: int) -> dict[str, Any]:
    """CPU-seconds and coherence of a night of quarters: `meters` meters under feeders of 50, substations of 20 feeders and one city."""
    rng = np.random.default_rng(seed)
    feeders = meters // 50
    sums = {f"f{f}": {f"m{f}.{m}": 1.0 for m in range(50)} for f in range(feeders)}
    sums |= {f"s{s}": {f"f{f}": 1.0 for f in range(20 * s, min(20 * s + 20, feeders))} for s in range(-(-feeders // 20))}
    sums["city"] = {name: 1.0 for name in sums if name[0] == "s"}
    (tree,) = trees(sums)
    steps, drawn = 204, sampled(sums, ())
    middle = tree.summing @ rng.lognormal(0, 1, (len(tree.bottom), 1)) * rng.uniform(0.9, 1.1, (len(tree.ids), steps))
    parts = []
    for some, origins in ((drawn, 28), (set(tree.ids) - drawn, 0)):
        rows = [i for i, name in enumerate(tree.ids) if name in some]
        q = (middle[rows, :, None] * (0.9, 1.0, 1.1)).astype(np.float32)
        z = rng.standard_normal((len(rows), origins, steps)).astype(np.float32)
        parts.append(Alone(tuple(tree.ids[i] for i in rows), 900, q, np.arange(origins).astype("datetime64[D]"), z))
    cpu = time.process_time()
    made = coherent([part for part in parts if part.ids], sums, (), (), PATHS, seed)
    cpu = time.process_time() - cpu
    count = len(next(iter(made.paths.values())))
    size = {"meters": meters, "series": len(tree.ids), "steps": steps, "sampled": len(made.paths), "paths": count}
    return {**size, "cpu_s": round(cpu, 2), "incoherence": float(f"{made.incoherence:.1e}")}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """All towns and sizes. Raises `PenstockError` when the data are missing."""
    quick = {"trees": 40, "leaves": 15, "learning_rate": 0.15, "train_rows": 5_000, "calibration_rows": 5_000} if args.quick else {}
    settings = ForecastSettings(seed=args.seed, **quick)
    towns = [load_town(args.quick, args.seed), water_town(args.quick)]
    found = {town.name: town_figures(town, settings, args) for town in towns}
    sizes = [size_figures(n, args.seed) for n in ((1_000,) if args.quick else (1_000, 10_000, 100_000))]
    return {"stage": args.stage, **found, "sizes": sizes}
