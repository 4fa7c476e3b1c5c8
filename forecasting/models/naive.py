"""The last rung: the same time on the last day of the same weekday."""

from typing import Literal

import numpy as np

from forecasting.models.asked import RowModel, column
from forecasting.models.task import FloatArray, Task


class Naive(RowModel):
    """Seasonal naive by local time: one week back (a holiday looks to the last Sunday); a gap a week ago falls back on the last day,
    then on the mean of like days, then on the level. It has nothing to fit.
    """

    kind: Literal["naive"] = "naive"

    def fit(self, _task: Task) -> "Naive":
        return self

    def say(self, x: FloatArray, base: FloatArray, scale: FloatArray) -> FloatArray:
        week, day = column(x, "weekday_1"), column(x, "last_day")
        return base + np.where(np.isfinite(week), week, np.nan_to_num(day)).astype(np.float32) * scale
