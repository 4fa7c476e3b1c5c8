"""PV, wind, heat pumps, gas, charging and net load: two days ahead, 56 origins in winter and in summer, one fit, no weather."""

import argparse
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._skies import HISTORY_DAYS, ORIGINS, Case, ask, cases
from forecasting import limits, machine
from forecasting.clear import clear
from forecasting.models import LADDER
from forecasting.models.distribution import lagged
from forecasting.models.forest import sample_quantiles
from forecasting.models.task import FloatArray, ForecastSettings, Model, Task

SUMMARY = "forecasts of PV, wind, heat pumps, gas, charging and net load against persistence, climatology and the boosted model"
LEVELS = tuple(np.round(np.arange(0.1, 0.95, 0.1), 1).tolist())
METRICS = ("rmae_d1", "rmae_d2", "rcrps_d1", "rcrps_d2")
CLIMATE_DAYS = 28


class Ago:
    """The same time some days ago."""

    def __init__(self, days: int) -> None:
        self.kind, self._days = f"{days} d ago", days

    def fit(self, _task: Task) -> "Ago":
        return self

    def predict(self, task: Task) -> FloatArray:
        t = task.origins[:, None] + np.arange(task.steps)
        return np.nan_to_num(task.values[:, lagged(t, task.origins[:, None], self._days * task.grid.slots)])


class ClearPersistence:
    """Clear-sky output times how clear the last day was as a whole."""

    kind = "clear-sky persistence"

    def fit(self, _task: Task) -> "ClearPersistence":
        return self

    def predict(self, task: Task) -> FloatArray:
        output = clear(task, int(task.origins[0])).output
        last = task.origins[:, None] - 1 - np.arange(task.grid.slots)
        given, possible = np.nan_to_num(task.values)[:, last].sum(axis=2), output[:, last].sum(axis=2)
        index = np.where(possible > 0, given / np.maximum(possible, 1e-9), 0)
        return (index[..., None] * output[:, task.origins[:, None] + np.arange(task.steps)]).astype(np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("report", "tune"), default="report", help="tune: the 28 origins settings may be chosen on")
    parser.add_argument("--hour", type=int, default=0, help="hour of day forecasts are made at [h]; by day PV knows this morning's sky")
    parser.add_argument("--only", default="", help="one case by its name")


def climatology(task: Task) -> FloatArray:
    """Quantiles of what was at the same time of the last 28 days, as they stand."""
    t = task.origins[:, None] + np.arange(task.steps)
    at = lagged(t, task.origins[:, None], task.grid.slots)[..., None] - task.grid.slots * np.arange(CLIMATE_DAYS)
    samples = np.where(at >= 0, task.values[:, np.maximum(at, 0)], np.nan)
    return np.nan_to_num(sample_quantiles(samples.reshape(-1, CLIMATE_DAYS), LEVELS)).reshape(*samples.shape[:3], len(LEVELS))


def score(case: Case, task: Task, q: FloatArray) -> dict[str, Any]:
    """Mean over series. MAE and CRPS (twice the mean pinball loss) over the capacity for PV and wind, else over P99 - P1 of the test's
    actuals; `cov80` of all steps, `cov80_open` of those in which the band is open: by day, or where there was a choice.
    """
    y = task.targets().astype(float)
    if case.group in ("pv", "wind"):
        size = np.nanmax(task.values[:, : task.fit_before], axis=1)
    else:
        size = np.ptp(np.nanpercentile(task.values[:, task.origins[0] :], [1, 99], axis=1), axis=0)
    error, levels = y[..., None] - q, np.array(LEVELS)
    pinball = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
    inside = np.where(np.isfinite(y), (y >= q[..., 0]) & (y <= q[..., -1]), np.nan)
    opened = q[..., -1] > q[..., 0]
    found: dict[str, NDArray[np.float64]] = {}
    for day in (1, 2):
        cut = slice(task.grid.slots * (day - 1), task.grid.slots * day)
        found[f"rmae_d{day}"] = np.nanmean(np.abs(error[:, :, cut, len(LEVELS) // 2]), axis=(1, 2)) / size
        found[f"rcrps_d{day}"] = 2 * np.nanmean(pinball[:, :, cut], axis=(1, 2)) / size
    figures = {name: round(float(found[name].mean()), 4) for name in METRICS}
    if case.group == "pv":
        lit = np.isfinite(y) & (clear(task, task.fit_before).output[:, task.origins[:, None] + np.arange(task.steps)] > 0)
        median = np.abs(error[..., len(LEVELS) // 2])
        figures["nmae_daylight"] = round(float((np.where(lit, median, 0).sum(axis=(1, 2)) / lit.sum(axis=(1, 2)) / size).mean()), 4)
    covers = {"cov80": np.nanmean(inside), "cov80_open": np.nanmean(inside[opened])}
    crossings = int((np.diff(q, axis=-1) < 0).sum())
    return {**figures, **{name: round(float(c), 4) for name, c in covers.items()}, "crossings": crossings}


def asked_of(case: Case, models: tuple[Model, ...], task: Task) -> tuple[FloatArray, float, float]:
    """Quantiles within the limits of the group, CPU-seconds to fit and to answer; every model gets its bands from the product's code."""
    begin = time.process_time()
    made = machine.fit(task, models)
    fitted = time.process_time()
    said = limits.bound(case.group, made.answer(task, LEVELS).quantiles, task)
    return said, fitted - begin, time.process_time() - fitted


def measured(case: Case, window: str, stage: str, hour: int, settings: ForecastSettings, count: int) -> dict[str, Any]:
    """The product and its rivals on one case in one window."""
    task = ask(case, window, stage, settings, hour, count)
    said, fit_s, answer_s = asked_of(case, LADDER[case.rung], task)
    figures = score(case, task, said)
    rivals = [{"name": "climatology, 28 d", **score(case, task, climatology(task))}]
    others: list[Any] = [Ago(1), Ago(7), *([ClearPersistence()] if case.group == "pv" else [])]
    for model in others:
        rivals.append({"name": model.kind, **score(case, task, asked_of(case, (model,), task)[0])})
    rivals.append({"name": "boosted", **score(case, task, asked_of(case, LADDER["boosted"], task)[0])})
    ahead = sum(all(figures[m] < rival[m] for rival in rivals) for m in METRICS)
    best = {m: rivals[int(np.argmin([rival[m] for rival in rivals]))] for m in METRICS}
    told = ", ".join(f"{m} {figures[m]:.4f} ({best[m]['name']} {best[m][m]:.4f})" for m in METRICS)
    print(f"sky: {case.name}, {window}: {told}, cover {figures['cov80_open']:.3f}, {fit_s + answer_s:.1f} CPU-s", file=sys.stderr)
    timing = {"fit_cpu_s": round(fit_s, 2), "predict_cpu_s": round(answer_s, 2)}
    return {"case": case.name, "window": window, "series": task.series, **figures, **timing, "ahead_of_all": ahead, "rivals": rivals}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Every case in every window. Raises `PenstockError` when the data are missing."""
    quick = {"trees": 20, "leaves": 15, "train_rows": 3_000, "calibration_rows": 3_000} if args.quick else {}
    settings = ForecastSettings(seed=args.seed, max_history_days=HISTORY_DAYS, **quick)
    chosen = [case for case in cases() if args.only in ("", case.name)]
    if args.quick:
        chosen = [Case(c.name, c.group, c.rung, c.values.iloc[:, :2], c.calendar, c.windows[:1]) for c in chosen if "quarter" not in c.name]
    count = 4 if args.quick else ORIGINS
    found = [measured(case, window, args.stage, args.hour, settings, count) for case in chosen for window in case.windows]
    table = pd.DataFrame(found)
    return {
        "stage": args.stage,
        "hour": args.hour,
        "cases": found,
        "ahead_of_every_rival": f"{int(table['ahead_of_all'].sum())} of {len(METRICS) * len(table)}",
        "cov80_open_mean": round(float(table["cov80_open"].mean()), 4),
        "crossings": int(table["crossings"].sum()),
        "fit_cpu_s": round(float(table["fit_cpu_s"].sum()), 2),
        "predict_cpu_s": round(float(table["predict_cpu_s"].sum()), 2),
    }
