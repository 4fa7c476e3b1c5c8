"""The forecast of tonight: every series of a Block, P10, P50 and P90 for each step, and the rung each one stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import clock
from city.frames import FORECAST, Block, checked
from city.problems import fault
from forecasting import groups
from forecasting.calendars import Calendar
from forecasting.learnable import learnable
from forecasting.models.task import ForecastSettings
from forecasting.weather import Weather

__all__ = ["LEVELS", "ForecastSettings", "Forecasts", "forecast"]
LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Forecasts:
    """What is said tonight, and what it was made of."""

    frame: pd.DataFrame  # FORECAST
    ladder: pd.DataFrame  # series_id, model, reason; 'none': not forecast
    history: groups.History
    parts: tuple[groups.Part, ...]


def forecast(
    history: Block,
    kinds: Mapping[str, str],
    made_at_utc: datetime,
    steps: int,
    calendar: Calendar,
    settings: ForecastSettings | None = None,
    weather: Weather | None = None,
    weights: NDArray[np.float32] | None = None,
    coordinates_deg: Mapping[str, tuple[float, float]] | None = None,
) -> Forecasts:
    """Forecast `steps` steps of every series in `kinds` (id -> kind, see `groups.KINDS`).

    The first forecast step is the one `made_at_utc` falls into: only steps over by then are known, whatever the block holds beyond.
    Values are in the block's quantity per step [its unit, e.g. kWh per quarter]. `weather` lies on the block's grid; `weights`
    float32[n, T] say how much each value may teach (0: nothing). A series that cannot be forecast has no rows in the frame; in the
    ladder it has the model 'none' and its reason.
    Raises `PenstockError` for unknown kinds or ids, for a naive time and for a horizon over 14 days.
    """
    settings = settings or ForecastSettings()
    most = int(groups.MOST_DAYS * 86400 / history.step.total_seconds())
    if not 1 <= steps <= most:
        raise fault("forecast horizon", f"{steps} steps of {history.step}", f"1 to {most} steps", "Ask for at most 14 days.")
    h = groups.known(history, kinds, made_at_utc, settings, weather, weights, coordinates_deg)
    h, found = learnable(h, calendar, h.values.shape[1])
    rungs = groups.climbed(h, h.values.shape[1])
    times = clock.grid(clock.floor(made_at_utc, h.step), steps, h.step)
    parts = tuple(groups.answered(question, LEVELS) for question in groups.questions(h, rungs, calendar, steps, [0], settings))
    frames = [_frame(h, part, times) for part in parts]
    columns = pd.concat(frames) if frames else pd.DataFrame(columns=list(FORECAST.columns))
    columns = columns.assign(made_at_utc=clock.as_utc(made_at_utc), quantity=str(history.quantity))
    order = {name: r for r, name in enumerate(h.ids)}
    columns = columns.sort_values("series_id", key=lambda s: s.map(order), kind="stable")
    told = groups.guarded(rungs, parts)
    told["reason"] = [f"{reason} {found.get(name, '')}".strip() for name, reason in zip(told["series_id"], told["reason"], strict=True)]
    return Forecasts(checked(FORECAST, columns[list(FORECAST.columns)], "forecast"), told, h, parts)


def _frame(h: groups.History, part: groups.Part, times: pd.DatetimeIndex) -> pd.DataFrame:
    rows = part.question.rows
    q = part.answer.quantiles[:, 0].astype(float)
    if not np.isfinite(q).all():
        bad = h.ids[rows[np.argwhere(~np.isfinite(q))[0][0]]]
        raise fault(f"forecast of '{bad}'", "not a finite number", "finite quantiles", "Report this: a model must not do that.")
    return pd.DataFrame(
        {
            "series_id": np.repeat(np.array([h.ids[r] for r in rows], dtype=object), len(times)),
            "time_utc": times.append([times] * (len(rows) - 1)) if len(rows) > 1 else times,
            **{name: q[..., j].ravel() for j, name in enumerate(("p10", "p50", "p90"))},
            "model": np.repeat(part.names, len(times)),
        }
    )
