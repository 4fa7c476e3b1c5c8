"""Forecast every series that city.toml asks for, and the backtest that says how good that is."""

import pandas as pd
from sqlalchemy import Connection

from city.clock import civil_day, local_date
from city.places import Point
from city.problems import Problem
from city.quantities import Quantity
from forecasting.backtest import backtest
from forecasting.forecast import forecast
from service import schema as t
from service.night import Night, Output
from service.store import readings, results
from service.store.results import replace_rows
from service.store.runs import StepResult

HOURS_AHEAD = 51  # the plan starts up to an hour after midnight and looks 48 h ahead


def groups(night: Night) -> list[tuple[tuple[Quantity, int], list[Point]]]:
    """Series to forecast, grouped by what can share one Block: quantity and step."""
    found: dict[tuple[Quantity, int], list[Point]] = {}
    for meter in night.city.settings.meters:
        if meter.forecast is None:
            continue
        for point in night.city.points.values():
            if point.meter == meter.id and point.quantity.is_register:
                found.setdefault((point.stored, point.step_s), []).append(point)
    return sorted(found.items())


def compute(night: Night) -> Output:
    """Fit, forecast and backtest each group; series without any data are named, not invented."""
    parts: list[tuple[pd.DataFrame, pd.DataFrame, int]] = []
    skills: list[pd.DataFrame] = []
    problems: list[Problem] = []
    settings = night.city.settings
    zone = settings.city.time_zone
    oldest = night.today - pd.Timedelta(days=settings.night.history_days).to_pytimedelta()
    start = civil_day(local_date(oldest, zone), zone)[0]
    for (_, step_s), points in groups(night):
        history = readings.days(night.engine, points, start, night.today)
        kinds = {p.id: str(night.city.meter[p.meter].forecast) for p in points}
        steps = HOURS_AHEAD * 3600 // step_s
        frame, ladder = forecast(history, kinds, night.today, steps, settings.calendar, settings.forecast)
        parts.append((frame, ladder, step_s))
        skills.append(backtest(history, kinds, night.today, settings.calendar, settings.forecast))
        told = ladder[ladder["model"] != "boosted"]
        problems += [
            Problem(
                f"forecast of {row.series_id}",
                f"made by '{row.model}': {row.reason}",
                "the boosted model on full history",
                "Mend the meter.",
            )
            for row in told.itertuples()
        ]
    skill = pd.concat(skills, ignore_index=True) if skills else pd.DataFrame()

    def write(connection: Connection) -> None:
        replace_rows(connection, t.forecast, t.forecast.c.night == night.date, [])
        for frame, ladder, step_s in parts:
            results.store_forecast(connection, night.date, frame, ladder, step_s)
        replace_rows(connection, t.skill, t.skill.c.night == night.date, _skill_rows(night, skill))

    by_day = _gain(skill)
    count = sum(frame["series_id"].nunique() for frame, _, _ in parts)
    told = ", ".join(f"day {day} error {100 * gain:.0f} % below seasonal naive" for day, gain in by_day.items())
    cover = f"; 80 % bands held {100 * skill['cover80'].mean():.0f} % of the time" if len(skill) else ""
    return Output(StepResult(f"{count} series for 48 h; {told}{cover}", {"skill": by_day, "series": count}, problems), write)


def _skill_rows(night: Night, skill: pd.DataFrame) -> list[dict[str, object]]:
    names = ("series_id", "day", "model", "mae", "mae_naive", "cover80", "n")
    return [{"night": night.date, **{name: row[name] for name in names}} for row in skill.to_dict("records")]


def _gain(skill: pd.DataFrame) -> dict[int, float]:
    """{day: mean over series of 1 - error / naive error}."""
    if skill.empty:
        return {}
    known = skill[skill["mae_naive"] > 0]
    ratio = (known["mae"] / known["mae_naive"]).groupby(known["day"]).mean()
    return {int(day): float(1 - value) for day, value in ratio.items()}
