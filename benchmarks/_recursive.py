"""mlforecast as most would use it: one LightGBM over all series, recursive, with its own conformal distribution of errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.models.task import FloatArray, Task

LAGS = (1, 2, 24, 48, 168)
CALENDAR = ("hour", "dayofweek", "month")
WINDOWS = 14
"""Two-day windows before the first origin whose errors make its bands."""


def quantiles(task: Task, levels: Sequence[float]) -> FloatArray:
    """Quantiles float32[n, k, steps, q] of one fit before the first origin. Raises `ImportError` where mlforecast is not installed.

    Series are standardised by mlforecast itself. At each later origin it is told what came true and predicts again; level 0.5 is the
    model's own forecast, the others follow from its `conformal_distribution`.
    """
    import lightgbm as lgb
    from mlforecast import MLForecast
    from mlforecast.target_transforms import LocalStandardScaler
    from mlforecast.utils import PredictionIntervals

    seed = task.settings.seed
    model = lgb.LGBMRegressor(n_estimators=300, learning_rate=0.05, num_leaves=63, random_state=seed, n_jobs=1, verbosity=-1)
    made = MLForecast({"lgbm": model}, freq="h", lags=LAGS, date_features=CALENDAR, target_transforms=[LocalStandardScaler()])
    first = int(task.origins[0])
    made.fit(_frame(task, 0, first), static_features=[], prediction_intervals=PredictionIntervals(n_windows=WINDOWS, h=task.steps))
    widths: list[int | float] = [round(100 * (1 - 2 * q)) for q in levels if q < 0.5]
    names = [_name(q) for q in levels]
    out = np.empty((task.series, len(task.origins), task.steps, len(levels)), np.float32)
    for k, origin in enumerate(task.origins):
        if k:
            made.update(_frame(task, int(task.origins[k - 1]), int(origin)))
        out[:, k] = made.predict(task.steps, level=widths)[names].to_numpy().reshape(task.series, task.steps, -1)
    return out


def _name(level: float) -> str:
    if level == 0.5:
        return "lgbm"
    return f"lgbm-{'lo' if level < 0.5 else 'hi'}-{round(100 * abs(1 - 2 * level))}"


def _frame(task: Task, begin: int, end: int) -> pd.DataFrame:
    """Columns begin..end as mlforecast reads them; ids sort as the rows do."""
    times = pd.date_range(task.grid.first_day, periods=end, freq="h")[begin:]
    values = task.values[:, begin:end]
    columns: dict[str, Any] = {
        "unique_id": np.repeat([f"{i:04d}" for i in range(task.series)], end - begin),
        "ds": np.tile(times.to_numpy(), task.series),
        "y": values.ravel(),
    }
    return pd.DataFrame(columns)
