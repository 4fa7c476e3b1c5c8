"""Forecast every series that city.toml asks for, and the backtest that says how good that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine

from city.clock import civil_day, local_date
from city.places import Point
from city.problems import Problem
from city.quantities import Quantity
from forecasting.backtest import backtest
from forecasting.forecast import forecast
from service import schema as t
from service import weather
from service.environment import Environment
from service.fanout import fanout
from service.night import Night, Output
from service.settings import FORECAST_HOURS, LoadedCity, load
from service.store import meter_days, open_store, results
from service.store.results import replace_rows
from service.store.runs import StepResult

BACKTESTED = 1000  # series of a task whose skill is measured; a larger task takes an evenly spaced sample
SERIES_PER_TASK = 5000  # bounds the memory of one task; fixed, so that results do not depend on the number of workers


@dataclass(frozen=True)
class Task:
    """The key of one share of the work: a process opens city and store itself and takes these points of one group."""

    environment: tuple[Path, Path, str]  # city file, home, database URL
    today: datetime
    quantity: Quantity
    step_s: int
    first: int


@dataclass(frozen=True)
class Share:
    """What a task gives back."""

    forecast: pd.DataFrame
    ladder: pd.DataFrame
    skill: pd.DataFrame
    step_s: int


@lru_cache(maxsize=1)
def _opened(city_file: Path, home: Path, url: str) -> tuple[LoadedCity, Engine]:
    return load(Environment(city=city_file, home=home)), open_store(url)


def groups(city: LoadedCity) -> dict[tuple[Quantity, int], list[Point]]:
    """Points to forecast, grouped by what can share one Block: quantity and step."""
    found: dict[tuple[Quantity, int], list[Point]] = {}
    wanted = {meter.id for meter in city.settings.meters if meter.forecast is not None}
    for point in city.points.values():
        if point.meter in wanted and point.quantity.is_register:
            found.setdefault((point.stored, point.step_s), []).append(point)
    return dict(sorted(found.items()))


def _tasks(night: Night) -> Iterator[Task]:
    env = night.city.environment
    for (quantity, step_s), points in groups(night.city).items():
        for first in range(0, len(points), SERIES_PER_TASK):
            yield Task((env.city_file, env.folder, env.url), night.today, quantity, step_s, first)


def share(task: Task) -> Share:
    """Fit, forecast and backtest the series of one task."""
    city, engine = _opened(*task.environment)
    settings = city.settings
    zone = settings.city.time_zone
    points = groups(city)[task.quantity, task.step_s][task.first : task.first + SERIES_PER_TASK]
    oldest = local_date(task.today, zone) - timedelta(days=settings.night.history_days)
    first = meter_days.first(engine) or task.today
    start = max(civil_day(oldest, zone)[0], first)
    start = min(start, civil_day(local_date(task.today, zone) - timedelta(days=1), zone)[0])
    history = meter_days.block(engine, points, start, task.today, estimates=False)  # a model that learns estimates learns itself
    kinds = {p.id: str(city.meter[p.meter].forecast) for p in points}
    steps = FORECAST_HOURS * 3600 // task.step_s
    seen = weather.known(engine, city, history, task.today, steps)
    made = forecast(history, kinds, task.today, steps, settings.calendar, settings.forecast, seen)
    sample = history.ids[:: -(-len(history.ids) // BACKTESTED)]
    tried = {name: kinds[name] for name in sample}
    skill = backtest(history.select(sample), tried, task.today, settings.calendar, settings.forecast, weather=seen)
    return Share(made.frame, made.ladder, skill, task.step_s)


def compute(night: Night) -> Output:
    """Forecasts of all groups; a series on a lower rung of the ladder, or without any forecast, is named with its reason."""
    sky = weather.take_in(night.engine, night.city, night.now_utc) + weather.state(night.engine, night.city, night.now_utc)[1]
    shares = fanout(share, list(_tasks(night)), night.city.settings.night.workers)
    if not shares:
        return Output(StepResult("no meter asks for a forecast"))
    skill = pd.concat([part.skill for part in shares], ignore_index=True)
    ladder = pd.concat([part.ladder for part in shares], ignore_index=True)
    problems = [
        Problem(
            f"forecast of {row.series_id}", f"made by '{row.model}': {row.reason}", "the boosted model on full history", "Mend the meter."
        )
        for row in ladder[ladder["model"] != "boosted"].itertuples()
    ] + sky

    def write(connection: Connection) -> None:
        replace_rows(connection, t.forecast, t.forecast.c.night == night.date, [])
        for part in shares:
            results.store_forecast(connection, night.date, part.forecast, part.ladder, part.step_s)
        replace_rows(connection, t.skill, t.skill.c.night == night.date, list(_skill_rows(night.date, skill)))

    by_day = _gain(skill)
    count = int((ladder["model"] != "none").sum())
    told = "".join(f"; day {day} error {100 * gain:.0f} % below seasonal naive" for day, gain in by_day.items())
    cover = f"; 80 % bands held {100 * skill['cover80'].mean():.0f} % of the time" if len(skill) else ""
    return Output(StepResult(f"{count} series for 48 h{told}{cover}", {"skill": by_day, "series": count}, problems), write)


def _skill_rows(night: date, skill: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = ("series_id", "day", "model", "mae", "mae_naive", "cover80", "n")
    for row in skill.to_dict("records"):
        yield {"night": night, **{name: row[name] for name in names}}


def _gain(skill: pd.DataFrame) -> dict[int, float]:
    """{day: mean over series of 1 - error / naive error}."""
    if skill.empty:
        return {}
    known = skill[skill["mae_naive"] > 0]
    ratio = (known["mae"] / known["mae_naive"]).groupby(known["day"]).mean()
    return {int(day): float(1 - value) for day, value in ratio.items()}
