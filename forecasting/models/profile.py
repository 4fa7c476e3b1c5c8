"""The mean of the last like days, moved to the level of the last week."""

from typing import Literal

from numpy import float32
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from forecasting.models.asked import answer
from forecasting.models.task import Task


class Profile(BaseModel):
    """Day-type profile times recent level: the base of `features.rows`, which the boosted model only corrects."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["profile"] = "profile"

    def fit_predict(self, task: Task) -> NDArray[float32]:
        """Forecast float32[n, k, steps]."""
        return answer(task, lambda _x, base, _scale: (base,))[0]
