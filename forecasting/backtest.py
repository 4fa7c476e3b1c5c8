"""The skill of the same machinery on the last days: rolling daily origins, one fit before the first of them."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.frames import Block
from city.problems import fault
from forecasting import groups
from forecasting.calendars import Calendar
from forecasting.forecast import LEVELS
from forecasting.learnable import learnable
from forecasting.models import Naive
from forecasting.models.task import ForecastSettings
from forecasting.weather import Weather

COLUMNS = ("series_id", "model", "day", "mae", "mae_naive", "skill", "cover80", "n")


def backtest(
    history: Block,
    kinds: Mapping[str, str],
    made_at_utc: datetime,
    calendar: Calendar,
    settings: ForecastSettings | None = None,
    origins: int = 7,
    weather: Weather | None = None,
    weights: NDArray[np.float32] | None = None,
    coordinates_deg: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Skill of 48 h forecasts made at the last `origins` daily times whose two days are over by `made_at_utc`.

    `weather` and `weights` are those of `forecast`. Everything (rung, fit, bands, size of errors) comes from before the first origin;
    at a later origin the newer values and errors are known, as they would have been.

    Returns one row per series and day ahead: series_id, model, day (1: 0-24 h, 2: 24-48 h), mae and mae_naive [unit of the block's
    quantity per step], skill = 1 - mae / mae_naive (NaN where naive errs nowhere), cover80 (share of actuals within P10..P90), n
    (actuals compared). Series without a rung at the first origin or without actuals have no row.
    Raises `PenstockError` as `forecast` does, and for fewer than one origin.
    """
    if not 1 <= origins <= 366:
        raise fault("backtest origins", str(origins), "1 to 366", "Ask for a week or a month of days.")
    settings = settings or ForecastSettings()
    h = groups.known(history, kinds, made_at_utc, settings, weather, weights, coordinates_deg)
    steps = 2 * h.slots
    back = list(range(origins + 1, 1, -1))
    days_held = h.values.shape[1] // h.slots
    if days_held < back[0] + 1:
        return pd.DataFrame(columns=list(COLUMNS))
    first = max(h.values.shape[1] - back[0] * h.slots - h.slots // 24, 0)  # not after the first origin, whatever the clock did
    h, _ = learnable(h, calendar, first)
    rungs = groups.climbed(h, first)
    asked = groups.questions(h, rungs, calendar, steps, back, settings)
    found = [_skill(h, groups.answered(question, LEVELS)) for question in asked]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(found).sort_values(["series_id", "day"], kind="stable").reset_index(drop=True)


def _skill(h: groups.History, part: groups.Part) -> pd.DataFrame:
    question = part.question
    actual = question.task.targets()
    naive = Naive().predict(question.task)
    low, middle, high = (part.answer.quantiles[..., j] for j in range(3))
    rows = []
    for day in (1, 2):
        cut = slice((day - 1) * h.slots, day * h.slots)
        y = actual[:, :, cut]
        seen = np.isfinite(y)
        n = seen.sum(axis=(1, 2))
        inside = (y >= low[:, :, cut]) & (y <= high[:, :, cut])
        means = [
            np.where(seen, a, 0).sum(axis=(1, 2), dtype=float) / np.maximum(n, 1)
            for a in (np.abs(y - middle[:, :, cut]), np.abs(y - naive[:, :, cut]), inside)
        ]
        skill = np.where(means[1] > 0, 1 - means[0] / np.where(means[1] > 0, means[1], 1), np.nan)
        values = {"mae": means[0], "mae_naive": means[1], "skill": skill, "cover80": means[2], "n": n}
        rows.append(pd.DataFrame({"series_id": [h.ids[r] for r in question.rows], "model": part.names, "day": day, **values})[n > 0])
    return pd.concat(rows)
