"""The mean of the last like days, moved to the level of the last week."""

from typing import Literal

from forecasting.models.asked import RowModel
from forecasting.models.task import FloatArray, Task


class Profile(RowModel):
    """Day-type profile times recent level: the base of `features.rows`, which the boosted model only corrects. It has nothing to fit."""

    kind: Literal["profile"] = "profile"

    def fit(self, _task: Task) -> "Profile":
        return self

    def say(self, _x: FloatArray, base: FloatArray, _scale: FloatArray) -> FloatArray:
        return base
