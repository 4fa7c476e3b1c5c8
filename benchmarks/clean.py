"""Faults put into real histories by a seed: how many cleaning finds, how often it is wrong, and what it is worth to the forecast."""

import argparse
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import bwdf, load
from forecasting import cleaning
from forecasting.models import Boosted, Profile
from forecasting.models.task import ForecastSettings, Task

SUMMARY = "stuck sensors, spikes and level steps in real load and inflow: found, falsely found, and worth to the forecast"
DAY = 24
FAULTS = ("stuck", "ends stuck", "spikes", "step")
FOUND_DAYS = 3
"""A step is found when it is dated within this many days [d]."""
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Spoilt:
    """A history with one kind of fault per series, and where the faults are."""

    values: FloatArray  # [n, T]
    fault: NDArray[np.int64]  # [n] number in FAULTS
    at: NDArray[np.bool_]  # [n, T] stuck or spiked
    step_day: NDArray[np.int64]  # [n] civil day of the step, -1 for none


def spoilt(task: Task, rng: np.random.Generator) -> Spoilt:
    """Before the first origin every series gets one kind of fault: what comes after stays as it was, so that forecasts can be scored."""
    n, end = task.series, int(task.origins[0])
    values, at = task.values.copy(), np.zeros(task.values.shape, bool)
    fault, day = rng.permutation(np.arange(n) % len(FAULTS)), np.full(n, -1)
    for i, kind in enumerate(fault):
        span = float(np.diff(np.nanpercentile(values[i, :end], [1, 99]))[0])
        if kind == 0:
            for back in rng.integers(3 * DAY, 60 * DAY, 3).tolist():
                at[i, end - back + 1 : end - back + rng.integers(12, 49)] = True
        elif kind == 1:
            at[i, end - 2 * DAY : end] = True
        elif kind == 2:
            hours = end - rng.integers(1, 60 * DAY, 12)
            at[i, hours] = True
            values[i, hours] += rng.uniform(2, 10, 12) * span
        else:
            day[i] = task.grid.day[end] - rng.integers(7, 61)
            before = slice(0, int(np.searchsorted(task.grid.day, day[i])))
            factor = rng.uniform(1.3, 2.5) ** rng.choice([-1, 1])
            shift = rng.uniform(0.3, 0.6) * float(np.nanmean(values[i, :end]))
            values[i, before] = values[i, before] * factor if rng.random() < 0.5 else values[i, before] + shift
        if kind < 2:
            last = np.maximum.accumulate(np.where(at[i], 0, np.arange(at.shape[1])))
            values[i] = np.where(at[i], values[i, last], values[i])
            at[i, last[at[i]]] = True  # the value it stuck at belongs to the run
    return Spoilt(values, fault, at, day)


def found(task: Task, bad: Spoilt, made: cleaning.Cleaned) -> dict[str, Any]:
    """Shares found of what was put in, and of what was found how much was put in; values by hours, steps by dates."""
    end = int(task.origins[0])
    masked = np.isfinite(bad.values[:, :end]) & ~np.isfinite(made.values)
    figures: dict[str, Any] = {}
    for kind, name in enumerate(FAULTS[:3]):
        rows = bad.fault == kind
        hit = int((masked[rows] & bad.at[rows, :end]).sum())
        figures[name] = np.array([hit, int(bad.at[rows, :end].sum()), int(masked[rows].sum())])
    near = [s for s in made.steps if bad.step_day[s.row] >= 0 and abs(s.day - bad.step_day[s.row]) <= FOUND_DAYS]
    told = [s for s in made.steps if bad.step_day[s.row] >= 0]
    figures["step"] = np.array([len({s.row for s in near}), int((bad.step_day >= 0).sum()), len(told)])
    return figures


def cleaned(task: Task) -> tuple[Task, cleaning.Cleaned, float]:
    """The question with what came before its first origin cleaned, and the CPU-seconds that took."""
    end = int(task.origins[0])
    began = time.process_time()
    made = cleaning.clean(task.values[:, :end], task.grid)
    spent = time.process_time() - began
    values, weights = task.values.copy(), np.ones(task.values.shape, np.float32)
    values[:, :end], weights[:, :end] = made.values, made.weights
    return replace(task, values=values, weights=weights), made, spent


def rmae(truth: Task, asked: Task, model: Boosted | Profile) -> NDArray[np.float64]:
    """Mean absolute error of two days over the range of what came true, float64[n]."""
    actual = truth.targets()
    error = np.abs(model.fit(asked).predict(asked) - actual)
    low, high = np.nanpercentile(actual, [1, 99], axis=(1, 2))
    return np.asarray(np.nanmean(error, axis=(1, 2)) / np.maximum(high - low, 1e-9), float)


def questions(quick: bool, seed: int) -> list[Task]:
    """Two days at three origins of SimBench's loads and of the ten districts' inflows, from origins that settings may be chosen on."""
    small = {"trees": 30, "train_rows": 5_000} if quick else {}
    settings = ForecastSettings(seed=seed, max_history_days=load.HISTORY_DAYS, **small)
    made = [load.ask(load.systems(quick)[0], settings, "tune", 3)]
    data = bwdf.dataset()
    for monday in bwdf.TUNING[9::10]:
        task = bwdf.ask(data, monday, settings, False)
        origin, grid = int(task.origins[0]), task.grid
        at = np.array([origin + d * DAY for d in range(3)])
        made.append(replace(task, origins=at, steps=2 * DAY, grid=grid).recent(load.HISTORY_DAYS))
    return made[:2] if quick else made


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Raises `PenstockError` when data or the package of the inflows are missing."""
    rng = np.random.default_rng(args.seed)
    counts = {name: np.zeros(3) for name in FAULTS}
    errors: dict[tuple[str, str], list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}
    spent = days = years = alarms = masked = values = 0.0
    for _ in range(1 if args.quick else 3):
        for task in questions(args.quick, args.seed):
            bad = spoilt(task, rng)
            dirty = replace(task, values=bad.values)
            repaired, made, cpu = cleaned(dirty)
            spent, days = spent + cpu, days + task.series * float(task.origins[0]) / DAY
            for name, figures in found(task, bad, made).items():
                counts[name] += figures
            untouched, left, _ = cleaned(task)
            years += task.series * int(task.origins[0]) * timedelta(hours=1) / timedelta(days=365)
            alarms += len(left.steps)
            known = np.isfinite(task.values[:, : int(task.origins[0])])
            masked, values = masked + float((known & ~np.isfinite(left.values)).sum()), values + float(known.sum())
            for model in (Profile(), Boosted()):
                for name, asked in (("sound", task), ("sound cleaned", untouched), ("spoilt", dirty), ("spoilt cleaned", repaired)):
                    errors.setdefault((model.kind, name), []).append((bad.fault, rmae(task, asked, model)))
    return {
        **{f"found_{name.replace(' ', '_')}": round(float(hit / put), 3) for name, (hit, put, _) in counts.items() if put},
        **{f"right_{name.replace(' ', '_')}": round(float(hit / told), 3) for name, (hit, _, told) in counts.items() if told},
        "false_steps_per_series_year": round(alarms / years, 3),
        "sound_values_left_out_share": round(masked / values, 6),
        "clean_us_per_series_day": round(1e6 * spent / days, 1),
        "rmae": [_row(model, name, pairs) for (model, name), pairs in errors.items()],
    }


def _row(model: str, name: str, pairs: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> dict[str, Any]:
    fault, error = (np.concatenate([pair[j] for pair in pairs]) for j in (0, 1))
    by = {FAULTS[k].replace(" ", "_"): round(float(np.nanmean(error[fault == k])), 4) for k in range(len(FAULTS))}
    return {"model": model, "history": name, "all": round(float(np.nanmean(error)), 4), **by}
