"""`penstock forecast backtest`: rolling origins, each seeing only what was known at it, against naive and against the profile."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city.problems import fault
from forecasting import groups as methods
from forecasting import peaks
from forecasting.forecast import LEVELS
from forecasting.models import Naive, Profile
from service.forecasts import history
from service.forecasts.series import Group, groups, window_start
from service.settings import LoadedCity
from service.store import meter_days

MOST = 500
"""Series backtested at once."""
COLUMNS = (
    "series_id",
    "model",
    "day",
    "mae",
    "mae_naive",
    "mae_profile",
    "skill",
    "skill_profile",
    "p10",
    "p50",
    "p90",
    "cover80",
    "peak",
    "n",
)


def backtest(city: LoadedCity, engine: Engine, origins: int, series: Sequence[str], known_at_utc: datetime) -> pd.DataFrame:
    """One row per series and day ahead, columns `COLUMNS`.

    One fit before the first origin, as a night then would have had it; at a later origin newer values are known. Days are read as they
    were known at `known_at_utc`: their first versions where later ones came, weather by its vintages. mae [unit per step], skill = 1 - mae
    / mae of seasonal naive (and of the profile), p10, p50, p90: share of actuals below (should be .1, .5, .9), peak: error at each day's
    highest actual relative to naive's there. Raises `PenstockError` for unknown series and for more days than there are.
    """
    unknown = sorted(set(series) - {name for ids in groups(city).values() for name in ids})
    if unknown:
        raise fault("--series", ", ".join(unknown[:5]), "forecast series of city.toml", "Correct the name.")
    if not 1 <= origins <= 366:
        raise fault("--origins", str(origins), "1 to 366", "Ask for a week or a month of days.")
    made_at_utc = window_start(city, known_at_utc, 0)
    found = []
    for group, ids in groups(city).items():
        some = tuple(name for name in ids if not series or name in series)
        step = -(-len(some) // MOST)
        if some:
            found += list(_of_group(city, engine, group, some[::step], origins, made_at_utc, known_at_utc))
    rows = [row for frame in found for row in frame.to_dict("records")]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["series_id", "day"], kind="stable").reset_index(drop=True)


def _of_group(
    city: LoadedCity, engine: Engine, group: Group, ids: Sequence[str], origins: int, made_at_utc: datetime, known_at_utc: datetime
) -> Iterator[pd.DataFrame]:
    settings, calendar = city.settings.forecast, city.settings.calendar
    oldest = max(meter_days.first(engine) or made_at_utc, made_at_utc - timedelta(days=city.settings.night.history_days))
    first = made_at_utc - timedelta(days=origins + 1, hours=1)  # not after the first origin, whatever the clock did
    if oldest >= first:
        return
    steps = 2 * int(timedelta(days=1) / group.step)
    known = history.read(city, engine, group, ids, oldest, made_at_utc, known_at_utc, steps, clean_until_utc=first)
    h = known.history
    if h.values.shape[1] // h.slots < origins + 3:
        return
    rungs = methods.climbed(h, int((first - h.start_utc) / h.step))
    for question in methods.questions(h, rungs, calendar, 2 * h.slots, list(range(origins + 1, 1, -1)), settings):
        yield _scores(h, known, methods.answered(question, LEVELS))


def _scores(h: methods.History, known: history.Known, part: methods.Part) -> pd.DataFrame:
    question, slots = part.question, h.slots
    task = question.task
    actual = replace(task, values=known.measured[question.rows]).targets()
    naive, profile = Naive().predict(task), Profile().predict(task)
    q = part.answer.quantiles
    rows: list[dict[str, Any]] = []
    for day in (1, 2):
        cut = slice((day - 1) * slots, day * slots)
        y = actual[:, :, cut]
        seen = np.isfinite(y)
        n = seen.sum(axis=(1, 2))

        def mean(values: np.ndarray, seen: np.ndarray = seen, n: np.ndarray = n) -> np.ndarray:
            return np.where(n > 0, np.where(seen, values, 0).sum(axis=(1, 2), dtype=float) / np.maximum(n, 1), np.nan)

        mae, of_naive, of_profile = (mean(np.abs(y - said[:, :, cut])) for said in (q[..., 1], naive, profile))
        below = [mean(y <= q[:, :, cut, level]) for level in range(3)]
        inside = mean((y >= q[:, :, cut, 0]) & (y <= q[:, :, cut, 2]))
        peak, peak_naive = (np.nanmean(peaks.peak_errors(y, said[:, :, cut], slots)[..., 0], axis=1) for said in (q[..., 1], naive))
        for j in np.flatnonzero(n).tolist():
            rows.append(
                {
                    "series_id": h.ids[question.rows[j]],
                    "model": part.names[j],
                    "day": day,
                    "mae": mae[j],
                    "mae_naive": of_naive[j],
                    "mae_profile": of_profile[j],
                    "skill": _gain(mae[j], of_naive[j]),
                    "skill_profile": _gain(mae[j], of_profile[j]),
                    **{name: below[level][j] for level, name in enumerate(("p10", "p50", "p90"))},
                    "cover80": inside[j],
                    "peak": 1 - _gain(peak[j], peak_naive[j]),
                    "n": int(n[j]),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _gain(own: float, other: float) -> float:
    return float(1 - own / other) if other > 0 else float("nan")


def page(frame: pd.DataFrame) -> Iterator[str]:
    """The table for a terminal, and the means over series."""
    if frame.empty:
        yield "nothing to backtest: too little history"
        return
    yield f"{'series':<28} {'model':<13} day    error   naive  profile  skill  cover  peak"
    for row in frame.itertuples():
        yield (
            f"{row.series_id:<28} {row.model:<13} {row.day:>3} {row.mae:>8.3g} {row.mae_naive:>7.3g} {row.mae_profile:>8.3g} "
            f"{100 * row.skill:>5.0f}% {100 * row.cover80:>5.0f}% {row.peak:>5.2f}"
        )
    for day, some in frame.groupby("day"):
        told = ", ".join(f"{name.upper()} {some[name].mean():.2f}" for name in ("p10", "p50", "p90"))
        worse = int((some["mae"] > some["mae_profile"] * 1.0001).sum())
        yield (
            f"day {day}: {100 * some['skill'].mean():.0f} % below seasonal naive, {100 * some['skill_profile'].mean():.0f} % below "
            f"the profile ({worse} of {len(some)} series above it); actuals below {told}; "
            f"80 % bands held {100 * some['cover80'].mean():.0f} %; error at the day's peak {some['peak'].mean():.2f} of naive's"
        )
