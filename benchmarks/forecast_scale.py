"""One fit and one night's answers for 1 k, 10 k and 100 k series: CPU, wall and memory, and how they grow.

Every scale runs in a process of its own, so that its peak of memory is its own. Series are real quarter-hourly load profiles (SimBench)
moved by whole weeks, scaled and made noisy; they are made chunk by chunk, as a store hands them out, and making them is not timed.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import data_folder
from forecasting import limits, machine
from forecasting.calendars import Calendar, LocalGrid
from forecasting.forecast import LEVELS
from forecasting.models import members
from forecasting.models.task import ForecastSettings, Task

SUMMARY = "one fit and one night of forecasts for 1 k, 10 k and 100 k series: CPU-seconds, memory and how they grow"
FIT_DAYS, ANSWER_DAYS = 180, 119
START = datetime(2022, 1, 2, 23, tzinfo=UTC)  # Monday 2022-01-03 00:00 in Rome
NIGHT_H, WEEK_H = 51, 168
CHUNK = 1_000  # series handed out at a time
WARM = 1_000  # series answered before the clock starts, so that what a process pays once is told apart


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000, 100_000])


@dataclass(frozen=True)
class Scale:
    """One size of city."""

    series: int
    slots: int  # steps a day
    horizon_h: int
    seed: int
    quick: bool

    @property
    def steps(self) -> int:
        return self.horizon_h * self.slots // 24

    def settings(self) -> ForecastSettings:
        small = (
            {"trees": 20, "leaves": 15, "train_rows": 5_000, "calibration_rows": 5_000, "calibration_cells": 20_000} if self.quick else {}
        )
        return ForecastSettings(seed=self.seed, **small)


class Source:
    """Series by number: the same number is the same series, whatever chunk it is made in."""

    def __init__(self, scale: Scale) -> None:
        import pandas as pd

        real = pd.read_parquet(data_folder("grid/simbench") / "LoadProfile.parquet").filter(like="_pload").to_numpy(np.float32)
        real = real[: len(real) // 96 * 96].reshape(-1, 96 // scale.slots, real.shape[1]).mean(axis=1)
        self._real = np.ascontiguousarray((real / real.mean(axis=0)).T)
        self._scale = scale

    def chunk(self, numbers: NDArray[np.int64], steps: int) -> NDArray[np.float32]:
        """float32[len(numbers), steps]."""
        weeks = self._real.shape[1] // (7 * self._scale.slots)
        out = np.empty((len(numbers), steps), np.float32)
        for row, number in zip(out, numbers, strict=True):
            rng = np.random.default_rng((self._scale.seed, int(number)))
            begin = rng.integers(weeks) * 7 * self._scale.slots
            shape = self._real[rng.integers(len(self._real))]
            noise = rng.standard_normal(steps, np.float32) * np.float32(rng.uniform(0.02, 0.2))
            row[:] = np.take(shape, np.arange(begin, begin + steps), mode="wrap") * (1 + noise) * np.float32(rng.lognormal(0, 1))
        return np.maximum(out, 0)


def ask(scale: Scale, values: NDArray[np.float32], grid: LocalGrid, days: int, first: int) -> Task:
    """Tonight's question about the chunk, whose column 0 is column `first` of the grid."""
    now = values.shape[1]
    cut, _ = grid.since(FIT_DAYS - days)
    start = START + timedelta(days=1) / scale.slots * first
    return Task(values, cut, np.array([now], np.int64), scale.steps, now, scale.settings(), start_utc=start)


def measure(scale: Scale) -> dict[str, Any]:
    """Fit on a sample of the series, then answer all of them; timed is everything but making the series."""
    source, settings = Source(scale), scale.settings()
    now = FIT_DAYS * scale.slots
    grid = Calendar().grid(START, timedelta(days=1) / scale.slots, now + scale.steps)
    answered = (FIT_DAYS - ANSWER_DAYS) * scale.slots
    drawn = np.sort(np.random.default_rng(scale.seed).permutation(scale.series)[: settings.train_series])
    values = source.chunk(drawn, now)
    fit, fit_wall = time.process_time(), time.perf_counter()
    made = machine.fit(ask(scale, values, grid, FIT_DAYS, 0), members("boosted", len(values)))
    made = made.model_copy(update={"thin": scale.series > settings.thin_series})
    fit, fit_wall = time.process_time() - fit, time.perf_counter() - fit_wall
    del values
    said = np.empty((scale.series, scale.steps, len(LEVELS)), np.float32)
    cpu = wall = start = 0.0
    for first in range(-WARM, scale.series, CHUNK):
        numbers = np.arange(max(first, 0), min(max(first, 0) + CHUNK, scale.series))
        values = source.chunk(numbers, now)[:, answered:]
        began, began_wall = time.process_time(), time.perf_counter()
        task = ask(scale, values, grid, ANSWER_DAYS, answered)
        said[numbers] = limits.bound("usage", made.answer(task, LEVELS).quantiles, task)[:, 0]
        took, took_wall = time.process_time() - began, time.perf_counter() - began_wall
        if first < 0:
            start = took
            continue
        cpu, wall = cpu + took, wall + took_wall
    return {
        "series": scale.series,
        "steps_a_day": scale.slots,
        "horizon_h": scale.horizon_h,
        "fit_cpu_s": round(fit, 2),
        "predict_cpu_s": round(cpu, 2),
        "series_days_per_cpu_s": round(scale.series * scale.horizon_h / 24 / cpu),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "wall_s": round(fit_wall + wall, 2),
        "first_chunk_cpu_s": round(start, 2),
        "rows_per_cpu_s": round(said.shape[0] * said.shape[1] / cpu),
        "sound": bool(np.isfinite(said).all() and (np.diff(said, axis=2) >= 0).all()),
    }


def exponent(scales: list[dict[str, Any]], key: str) -> float | None:
    """Slope of log(figure) over log(series) from the smallest to the largest scale: 1 is linear."""
    if len(scales) < 2:
        return None
    low, high = scales[0], scales[-1]
    return round(math.log(max(high[key], 1e-9) / max(low[key], 1e-9)) / math.log(high["series"] / low["series"]), 3)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Raises `PenstockError` when SimBench's profiles are not there."""
    data_folder("grid/simbench")
    night = [(series, 24, NIGHT_H) for series in ((60, 120) if args.quick else args.series)]
    middle = args.series[len(args.series) // 2]
    beside = [] if args.quick else [(args.series[0], 96, NIGHT_H), (middle, 96, NIGHT_H), (middle, 24, WEEK_H)]
    found = []
    for asked in (*night, *beside):
        scale = json.dumps(asdict(Scale(*asked, args.seed, args.quick)))
        done = subprocess.run([sys.executable, "-m", "benchmarks.forecast_scale", scale], stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"forecast_scale: {found[-1]}", file=sys.stderr)
    scales = found[: len(night)]
    growth = {f"{key}_exponent": exponent(scales, key) for key in ("fit_cpu_s", "predict_cpu_s", "peak_rss_mb")}
    return {"scales": scales, **growth, "beside": found[len(night) :]}


if __name__ == "__main__":
    print(json.dumps(measure(Scale(**json.loads(sys.argv[1])))))
