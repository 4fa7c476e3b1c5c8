"""Does weather pay, and does the test that decides it choose rightly? Electricity of Victoria and water of ten districts."""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import bwdf, load
from forecasting import machine
from forecasting.models import LADDER
from forecasting.models.boosted import Boosted
from forecasting.models.task import ForecastSettings, Task
from forecasting.weather import Weather
from forecasting.weather_archive import stood_in

SUMMARY = "what weather is worth: none, perfect, forecasts with growing error, noise; and whether the gate chooses rightly"
FloatArray = NDArray[np.float32]
AT_ISSUE, AFTER_THREE_DAYS = 0.15, 0.5
"""Standard error of a synthetic forecast in standard deviations of the variable: 0.6 and 2 degrees where that is 4, as of real ones."""
NOISE = "weather of other days"
MATTERS = 0.025
"""A smaller gain or loss on the scored days is too close to call from 28 other days; the decision is not counted [1]."""
CORRELATION_H = 20.0
"""Time over which errors of one vintage stay alike [h]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("report", "tune"), default="tune", help="which of the protocols' origins are scored")


def vintages(truth: FloatArray, issued: NDArray[np.int64], length: int, rng: np.random.Generator, rough: float) -> FloatArray:
    """Forecasts float32[m, v, length] of measured weather float32[m, T]: errors grow with the square root of the lead and hang together."""
    m, v = len(truth), len(issued)
    keep = np.exp(-1 / CORRELATION_H)
    error = rng.normal(size=(m, v, length))
    for lead in range(1, length):
        error[:, :, lead] = keep * error[:, :, lead - 1] + np.sqrt(1 - keep**2) * error[:, :, lead]
    size = AT_ISSUE + (AFTER_THREE_DAYS - AT_ISSUE) * np.sqrt(np.arange(length) / 72)
    at = issued[:, None] + np.arange(length)
    known = np.where(at < truth.shape[1], truth[:, np.minimum(at, truth.shape[1] - 1)], np.nan)
    said = known + rough * size * np.nanstd(truth, axis=1)[:, None, None] * error
    low, high = np.nanmin(truth, axis=1), np.nanmax(truth, axis=1)
    return np.clip(said, low[:, None, None], high[:, None, None]).astype(np.float32)


def cases(perfect: Weather, task: Task, seed: int) -> Iterator[tuple[str, Weather]]:
    """The same place with weather of different worth: a vintage a day, at the origins' time of day."""
    truth = perfect.observed
    issued = np.arange(int(task.origins[0]) % 24, truth.shape[1], 24)
    length = task.steps + 24

    def feed(rough: float, days: int, of: FloatArray = truth) -> Weather:
        first = int(np.searchsorted(issued, task.origins[0] - 24 * days))
        said = vintages(of, issued, length, np.random.default_rng(seed), rough)
        return Weather(perfect.names, of, issued[first:], said[:, first:])

    days = truth.shape[1] // 24
    shuffled = np.concatenate([truth[:, 24 * d : 24 * d + 24] for d in np.random.default_rng(seed).permutation(days)], axis=1)
    noise = np.pad(shuffled, ((0, 0), (0, truth.shape[1] - shuffled.shape[1])), mode="edge")
    yield "perfect", perfect
    yield "forecasts, archive of 400 days", feed(1.0, 400)
    yield "forecasts, archive of 60 days", feed(1.0, 60)
    yield "forecasts, archive of 40 days", feed(1.0, 40)
    yield "forecasts with 4 x the error, 60 days", feed(4.0, 60)
    yield NOISE, feed(1.0, 400, noise)


def errors(task: Task, said: FloatArray) -> tuple[float, list[float]]:
    """Mean absolute error in percent of each series' mean, over everything and for the first day and the rest."""
    found = np.abs(task.targets() - said) / np.nanmean(np.abs(task.values), axis=1)[:, None, None] * 100
    return float(np.nanmean(found)), [round(float(np.nanmean(found[..., cut])), 3) for cut in (slice(0, 24), slice(24, None))]


def tried(name: str, task: Task, weather: Weather | None, without: float | None) -> dict[str, Any]:
    """One case: the boosted model made to look at the weather, and the whole machine with its own decision."""
    began = time.process_time()
    asked = replace(task, weather=weather)
    if weather is not None:
        taught = replace(asked, weather=stood_in(weather, task.fit_before, 24, task.settings.seed))
        forced, by_day = errors(task, Boosted().fit(taught).predict(asked))
    else:
        forced, by_day = errors(task, Boosted().fit(task).predict(task))
    made = machine.fit(asked, LADDER["boosted"])
    _, own_by_day = errors(task, made.answer(asked, (0.5,)).quantiles[..., 0])
    row: dict[str, Any] = {"weather": name, "forced_pct": by_day, "chosen_pct": own_by_day}
    if made.verdict is not None and without is not None:
        gain = 1 - forced / without
        row |= {"gain_pct": round(100 * gain, 1), "gate_used": made.verdict.used, "gate": made.verdict.sentence}
        pays = gain > MATTERS and name != NOISE
        row["right"] = made.verdict.used == pays if pays or gain < -MATTERS or name == NOISE else None
    else:
        row["error"] = forced
    row["cpu_s"] = round(time.process_time() - began, 1)
    print(f"weather: {row}", file=sys.stderr)
    return row


def places(args: argparse.Namespace) -> Iterator[tuple[str, Task]]:
    settings = ForecastSettings(seed=args.seed, max_history_days=400)
    if args.quick:
        settings = settings.model_copy(update={"trees": 40, "leaves": 15, "train_rows": 5_000, "calibration_rows": 5_000})
    victoria = load.systems(False)[-1]
    yield "victoria", load.ask(victoria, settings, args.stage, 4 if args.quick else load.ORIGINS, weather=True)
    if args.quick:
        return
    mondays = bwdf.TUNING if args.stage == "tune" else bwdf.EVALUATED
    data = bwdf.dataset()
    asks = [bwdf.ask(data, monday, settings, True) for monday in mondays]
    origins = np.concatenate([ask.origins for ask in asks])
    yield "ten districts", replace(asks[-1], origins=origins, fit_before=int(origins[0]))


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Every case at both places; one fit each, before the first origin scored. Raises `PenstockError` when the data are missing."""
    found: dict[str, Any] = {}
    for name, task in places(args):
        dry = tried("none", replace(task, weather=None), None, None)
        without = dry.pop("error")
        seen = cases(task.weather, task, args.seed) if task.weather is not None else ()
        rows = [dry, *(tried(case, task, weather, without) for case, weather in seen)]
        found[name] = rows
    judged = [row["right"] for rows in found.values() for row in rows if row.get("right") is not None]
    return {**found, "stage": args.stage, "decisions": len(judged), "right": sum(judged)}
