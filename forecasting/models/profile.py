"""The mean of the last like days, moved to the level of the last week."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.models.asked import answer, column
from forecasting.models.task import Task


class Profile(BaseModel):
    """Mean of the last eight days of the type and the last four of the weekday, moved by (mean of the last 168 h) / (what was
    expected of them).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["profile"] = "profile"
    largest_move: float = Field(default=2.0, gt=1, description="the level may move the profile by at most this factor, up or down [1]")

    def fit_predict(self, task: Task) -> NDArray[np.float32]:
        """Forecast float32[n, k, steps]."""

        def say(x: NDArray[np.float32], base: NDArray[np.float32], scale: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
            level = column(x, "level_in_scales")
            expected = level - np.nan_to_num(column(x, "surprise_168h"))
            safe = np.where(expected > 1e-3, expected, 1.0)
            like = base + np.nan_to_num(0.5 * (column(x, "alike_mean8") + column(x, "weekday_mean4"))) * scale
            move = np.where(expected > 1e-3, level / safe, 1.0)
            return (like * np.clip(move, 1 / self.largest_move, self.largest_move).astype(np.float32),)

        return answer(task, say)[0]
