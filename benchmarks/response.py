"""Baselines on days without an event, where the truth is known: what 10-of-10 and its same-day adjustments get wrong."""

import argparse
from datetime import UTC, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import System, systems
from forecasting.calendars import WORKDAY, LocalGrid
from optimisation.response.baseline import BaselineRule, Days, baseline

SUMMARY = "demand-response baselines of real loads on days without events: bias, error and spread, with and without adjustment"
EVENT = np.arange(14, 18)
"""Hours of the events that never were."""
RULES = {kind: BaselineRule(adjustment=kind) for kind in ("none", "additive", "multiplicative")}
PREDICTABLE = 0.20
"""Relative root mean square error up to which AEMO takes a load into its wholesale demand response."""
Floats = NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=60, help="days without an event drawn per series and kind of day")


def history(values: Floats, grid: LocalGrid, day: int) -> Days:
    """The civil days before `day` as the baseline reads them."""
    rows = slice(max(0, day - 60), day)
    column = grid.column[rows]
    exists = column >= 0
    return Days(
        dates=tuple(grid.first_day + timedelta(days=d) for d in range(*rows.indices(grid.days))),
        kwh=np.where(exists, values[np.maximum(column, 0)], np.nan),
        exists=exists,
        off=grid.day_type[rows] != WORKDAY,
        out=np.zeros(column.shape[0], bool),
    )


def errors(system: System, days: int, rng: np.random.Generator) -> dict[tuple[str, str], list[tuple[Floats, Floats]]]:
    """{(rule, kind of day): [(baseline, truth) of one series, float[days, hours]]}."""
    start = system.values.index[0].tz_localize(UTC).to_pydatetime()
    grid = system.calendar.grid(start, timedelta(hours=1), len(system.values))
    rule = RULES["none"]
    before = int(EVENT[0] - rule.adjust_gap_h - rule.adjust_hours) + np.arange(int(rule.adjust_hours))
    found: dict[tuple[str, str], list[tuple[Floats, Floats]]] = {}
    for series in system.values.to_numpy(dtype=float).T:
        for name, off in (("workdays", False), ("days off", True)):
            fit = np.flatnonzero((grid.day_type != WORKDAY) == off)
            drawn = np.sort(rng.choice(fit[fit >= 60], min(days, int((fit >= 60).sum())), replace=False))
            pairs: dict[str, list[tuple[Floats, Floats]]] = {}
            for day in drawn.tolist():
                truth, earlier = (series[grid.column[day, hours]] for hours in (EVENT, before))
                if not np.isfinite(truth).all() or not truth.any():
                    continue
                past = history(series, grid, day)
                for kind, one in RULES.items():
                    pairs.setdefault(kind, []).append((baseline(past, off, EVENT, before, earlier, one).kwh, truth))
            for kind, both in pairs.items():
                found.setdefault((kind, name), []).append((np.array([b for b, _ in both]), np.array([t for _, t in both])))
    return found


def scored(pairs: list[tuple[Floats, Floats]]) -> dict[str, Any]:
    """Means over series, each relative to its own mean load: bias, absolute error, root mean square error."""
    bias = [float((b - t).sum() / t.sum()) for b, t in pairs]
    mape = [float(np.abs(b - t).sum() / np.abs(t).sum()) for b, t in pairs]
    rrmse = np.array([float(np.sqrt(np.mean((b - t) ** 2)) / np.mean(np.abs(t))) for b, t in pairs])
    return {
        "series": len(pairs),
        "events": sum(len(b) for b, _ in pairs),
        "bias": round(float(np.mean(bias)), 4),
        "bias_spread": round(float(np.std(bias)), 4),
        "mape": round(float(np.mean(mape)), 4),
        "rrmse": round(float(rrmse.mean()), 4),
        "predictable": round(float((rrmse <= PREDICTABLE).mean()), 3),
    }


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Raises `PenstockError` when the data are missing."""
    rng = np.random.default_rng(args.seed)
    rows, pooled = [], dict[tuple[str, str], list[tuple[Floats, Floats]]]()
    for system in systems(args.quick):
        found = errors(system, 5 if args.quick else args.days, rng)
        for (kind, name), pairs in found.items():
            rows.append({"loads": system.name, "on": name, "adjustment": kind, **scored(pairs)})
            pooled.setdefault((kind, name), []).extend(pairs)
    everything = [{"on": name, "adjustment": kind, **scored(pairs)} for (kind, name), pairs in pooled.items()]
    best = {row["adjustment"]: row for row in everything if row["on"] == "workdays"}
    return {
        "bias": best["multiplicative"]["bias"],
        "mape": best["multiplicative"]["mape"],
        "mape_unadjusted": best["none"]["mape"],
        "pooled": everything,
        "by_loads": rows,
    }
