"""CITY-LOAD-54: two days of hourly load, 54 series, 56 origins, one fit, no weather."""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import _recursive as recursive
from benchmarks import data_folder
from forecasting import machine
from forecasting.calendars import Calendar
from forecasting.models import members
from forecasting.models.holt_winters import HoltWinters
from forecasting.models.task import ForecastSettings, Model, Task
from forecasting.weather import Weather

SUMMARY = "load forecasts of CITY-LOAD-54 against seasonal naive, 4-week mean, Holt-Winters and mlforecast"
LEVELS = tuple(np.round(np.arange(0.1, 0.95, 0.1), 1).tolist())
ERRORS = ("rmae_d1", "rmae_d2", "rcrps_d1", "rcrps_d2")
STEPS, ORIGINS, TUNING_ORIGINS, HISTORY_DAYS = 48, 56, 28, 400
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """Series on one local clock and one calendar."""

    name: str
    values: pd.DataFrame  # hourly, index in naive local time
    calendar: Calendar
    weather: pd.Series | None = None


class WeekAgo:
    """Seasonal naive, 168 h."""

    kind = "week-ago"

    def fit(self, _task: Task) -> "WeekAgo":
        return self

    def predict(self, task: Task) -> NDArray[np.float32]:
        return task.values[:, task.origins[:, None] - 168 + np.arange(task.steps)]


class FourWeekMean:
    """Mean of the same hour of the last four same weekdays."""

    kind = "four-week-mean"

    def fit(self, _task: Task) -> "FourWeekMean":
        return self

    def predict(self, task: Task) -> NDArray[np.float32]:
        at = task.origins[:, None] + np.arange(task.steps)
        return np.mean([task.values[:, np.maximum(at - 168 * k, 0)] for k in (1, 2, 3, 4)], axis=0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stage", choices=("report", "tune"), default="report", help="tune: the 28 origins settings may be chosen on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[], help="score ours with these seeds too, to state the spread")


def systems(quick: bool) -> list[System]:
    """The three sources. Their clocks are kept as recorded, so a day has 24 rows everywhere; gaps of up to 6 h are interpolated."""
    folder = data_folder("load")
    sim = pd.read_parquet(folder / "simbench_profiles_hourly_pu.parquet").set_index("ds")
    others = ("RES_", "HS", "HLS", "APLS", "Air", "Soil")
    sim = sim[[c for c in sim if not c.startswith(others) and sim[c].std() > 0]]
    pjm = pd.read_parquet(folder / "pjm_zones_hourly_MW.parquet").set_index("ds").loc["2016-01-01":"2018-08-02 23:00"]
    vic = (
        pd.read_parquet(folder / "vic_elec_halfhourly.parquet").set_index("ds_utc_or_local")[["Demand", "Temperature"]].resample("h").mean()
    )
    made = [
        System("simbench", sim, Calendar(time_zone="UTC", country="DE")),
        System("pjm", pjm, Calendar(time_zone="UTC", country="US")),
        System("victoria", vic[["Demand"]], Calendar(time_zone="UTC", country="AU", subdivision="VIC"), vic["Temperature"]),
    ]
    whole = [replace(s, values=s.values[~s.values.index.duplicated()].asfreq("h").interpolate(limit=6)) for s in made]
    return [replace(s, values=s.values.iloc[:, :2]) for s in whole] if quick else whole


def ask(system: System, settings: ForecastSettings, stage: str, count: int, weather: bool = False) -> Task:
    """The protocol's question: the last `count` daily origins (or the 28 that end 56 days before the first of 56), 400 days before them."""
    values = system.values.to_numpy(np.float32).T
    last = values.shape[1] - STEPS
    origins = last - 24 * np.arange(count)[::-1]
    if stage == "tune":
        origins = last - 24 * (ORIGINS - 1) - 24 * ORIGINS - 24 * np.arange(min(count, TUNING_ORIGINS))[::-1]
    begin = max(0, int(origins[0]) - HISTORY_DAYS * 24)
    end = int(origins[-1]) + STEPS
    grid = system.calendar.grid(system.values.index[begin].to_pydatetime().replace(tzinfo=UTC), timedelta(hours=1), end - begin)
    origins = (origins - begin).astype(np.int64)
    known = None
    if weather and system.weather is not None:
        known = Weather.perfect(("temperature_degc",), system.weather.to_numpy(np.float32)[None, begin:end])
    names = tuple(map(str, system.values.columns))
    return Task(values[:, begin:end], grid, origins, STEPS, int(origins[0]), settings, weather=known, ids=names)


def score(task: Task, q: NDArray[np.float32]) -> pd.DataFrame:
    """Per series: rmae, rcrps, cov80 of each day and the number of crossings, as the protocol defines them."""
    y = task.targets().astype(float)
    window = task.values[:, task.origins[0] :]
    span = np.nanpercentile(window, 99, axis=1) - np.nanpercentile(window, 1, axis=1)
    error = y[..., None] - q
    levels = np.array(LEVELS)
    pinball = np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
    inside = np.where(np.isfinite(y), (y >= q[..., 0]) & (y <= q[..., -1]), np.nan)
    found: dict[str, Any] = {"crossings": (np.diff(q, axis=-1) < 0).sum(axis=(1, 2, 3))}
    for day in (1, 2):
        cut = slice(24 * (day - 1), 24 * day)
        found[f"rmae_d{day}"] = np.nanmean(np.abs(error[:, :, cut, len(LEVELS) // 2]), axis=(1, 2)) / span
        found[f"rcrps_d{day}"] = 2 * np.nanmean(pinball[:, :, cut], axis=(1, 2)) / span
        found[f"cov80_d{day}"] = np.nanmean(inside[:, :, cut], axis=(1, 2))
    return pd.DataFrame(found)


def run_model(name: str, models: tuple[Model, ...] | None, asked: list[tuple[str, Task]]) -> dict[str, Any]:
    """Score a rival, or without `models` the product's own, on all systems; every one gets its bands from the same machinery."""
    began = time.process_time()
    machines = [machine.fit(task, models or members("boosted", task.series)) for _, task in asked]
    fitted = time.process_time()
    said = [made.answer(task, LEVELS).quantiles for made, (_, task) in zip(machines, asked, strict=True)]
    answered = time.process_time()
    series = sum(task.series for _, task in asked)
    cost = {"fit_cpu_s": fitted - began, "predict_cpu_s": answered - fitted, "cpu_s_per_series": (answered - began) / series}
    return figures(name, said, asked) | {key: round(value, 3) for key, value in cost.items()}


def figures(name: str, said: list[NDArray[np.float32]], asked: list[tuple[str, Task]]) -> dict[str, Any]:
    """The protocol's figures: the plain mean over all series."""
    table = pd.concat([score(task, q).assign(system=system) for q, (system, task) in zip(said, asked, strict=True)])
    mean = table.drop(columns=["system"]).mean()
    found: dict[str, Any] = {key: round(float(mean[key]), 4) for key in ERRORS}
    found["cov80_pooled"] = round(float(mean["cov80_d1"]), 4)
    found["cov80_by_group"] = {k: round(float(v), 4) for k, v in table.groupby("system", sort=False)["cov80_d1"].mean().items()}
    found["cov_err"] = round(float((table["cov80_d1"] - 0.8).abs().mean()), 4)
    found["crossings"] = int(table["crossings"].sum())
    print(f"load: {name} rmae {found['rmae_d1']} / {found['rmae_d2']}", file=sys.stderr)
    return {"name": name, **found, "series": len(table)}


def run_mlforecast(asked: list[tuple[str, Task]]) -> dict[str, Any]:
    """The same for mlforecast with its own bands; without the package the reason why it is left out."""
    name = "mlforecast + LightGBM, recursive, its own intervals"
    began = time.process_time()
    try:
        said = [recursive.quantiles(task, LEVELS) for _, task in asked]
    except ImportError as error:
        return {"name": name, "left_out": f"{error.name or error} is not installed; it comes with the dev dependencies"}
    return figures(name, said, asked) | {"total_cpu_s": round(time.process_time() - began, 2)}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Our model, its rivals, and Victoria with the temperature that came true. Raises `PenstockError` when the data are missing."""
    quick: dict[str, Any] = (
        {"trees": 40, "leaves": 15, "learning_rate": 0.15, "train_rows": 5_000, "calibration_rows": 5_000} if args.quick else {}
    )
    settings = ForecastSettings(seed=args.seed, max_history_days=HISTORY_DAYS, **quick)
    count = 4 if args.quick else ORIGINS
    cities = systems(args.quick)
    asked = [(s.name, ask(s, settings, args.stage, count)) for s in cities]
    ours = run_model("boosted", None, asked)
    warm = [("victoria", ask(cities[-1], settings, args.stage, count, weather=True))]
    victoria = run_model("victoria with temperature", None, warm)
    seeds = [_with_seed(seed, asked) for seed in args.seeds]
    rivals = [
        run_model("seasonal naive 168 h", (WeekAgo(),), asked),
        run_model("mean of last 4 same weekdays", (FourWeekMean(),), asked),
        run_model("holt-winters 168 h (statsmodels)", (HoltWinters(season_days=7, most_fits=100),), asked),
        run_mlforecast(asked),
    ]
    ours.pop("name")
    return {
        **ours,
        "stage": args.stage,
        "rivals": rivals,
        "victoria_weather": {key: victoria[key] for key in ("rmae_d1", "rmae_d2", "cov80_pooled")},
        "seeds": {key: [found[key] for found in (ours, *seeds)] for key in (*ERRORS, "cov80_pooled", "cov_err")} if seeds else {},
    }


def _with_seed(seed: int, asked: list[tuple[str, Task]]) -> dict[str, Any]:
    again = [(name, replace(task, settings=task.settings.model_copy(update={"seed": seed}))) for name, task in asked]
    return run_model(f"boosted, seed {seed}", None, again)
