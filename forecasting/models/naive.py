"""The last rung: the same time on the last day of the same weekday."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from forecasting.models.asked import answer, column
from forecasting.models.task import Task


class Naive(BaseModel):
    """Seasonal naive by local time: one week back (a holiday looks to the last Sunday), else the last day that has the value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["naive"] = "naive"

    def fit_predict(self, task: Task) -> NDArray[np.float32]:
        """Forecast float32[n, k, steps]; a gap a week ago falls back on the last day, then on the mean of like days, then the level."""

        def say(x: NDArray[np.float32], base: NDArray[np.float32], scale: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
            week, day = column(x, "weekday_1"), column(x, "last_day")
            back = np.where(np.isfinite(week), week, np.nan_to_num(day)).astype(np.float32)
            return (base + back * scale,)

        return answer(task, say)[0]
