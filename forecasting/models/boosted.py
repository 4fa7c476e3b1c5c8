"""One model for all series of a group: gradient boosted trees, direct for every lead time."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features, learning
from forecasting.models.asked import RowModel
from forecasting.models.task import FloatArray, Task

From = Literal["profile", "last-day"]
LARGEST_ANSWER = 3.0
"""Nothing is learned to be further than this from where the trees start: beyond it lies a fault, not a load [scales]."""
_LAST_DAY = features.NAMES.index("last_day")


class FittedBoosted(RowModel):
    """Trees on features: what they add to where they start, in scales."""

    kind: Literal["boosted"] = "boosted"
    start: From = "profile"
    trees: learning.Trees = Field(description="LightGBM's own text of the trees")

    def say(self, x: FloatArray, base: FloatArray, scale: FloatArray) -> FloatArray:
        seen, shift = moved(x, self.start)
        return base + (shift + self.trees.predict(seen)) * scale

    def contributions(self, x: FloatArray) -> FloatArray:
        """What each feature adds to the base, and last what is said of everything, in scales: float32[r, f + 1]."""
        seen, shift = moved(x, self.start)
        added = self.trees.contributions(seen)
        added[:, _LAST_DAY] += shift
        return added


class Boosted(BaseModel):
    """LightGBM, absolute error, on targets in units of the usual daily range, seen from the profile or from the last day.

    No series id enters, so a series the model has not seen is forecast like any other. References: Ke et al. 2017 (LightGBM);
    Montero-Manso & Hyndman 2021, doi 10.1016/j.ijforecast.2021.03.004 (global models), departing in the normalisation at the origin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["boosted"] = "boosted"
    start: From = Field(default="profile", description="what the trees correct: the day-type profile, or the last day at the same time")

    def fit(self, task: Task) -> FittedBoosted:
        """Trees from rows drawn over series, days and lead times; where nothing could be learned they say zero."""
        d = learning.drawn(task)
        seen, shift = moved(d.x, self.start)
        y = np.clip((d.value - d.base) / d.scale - shift, -LARGEST_ANSWER, LARGEST_ANSWER)
        trees = learning.grow(seen, y, task.settings, task.settings.trees, task.settings.leaves, d.weight)
        return FittedBoosted(start=self.start, trees=trees)


def moved(x: FloatArray, start: From) -> tuple[FloatArray, FloatArray]:
    """Features [r, f] with every earlier value seen from `start`, and how far that lies from the base, both in scales.

    From the last day its own column holds that distance, so that nothing is lost; a last day that is missing counts as the base.
    """
    if start == "profile":
        return x, np.zeros(len(x), np.float32)
    shift = np.nan_to_num(x[:, _LAST_DAY])
    seen = x.copy(order="K")
    seen[:, : len(features.LAGS)] -= shift[:, None]
    seen[:, _LAST_DAY] = shift
    return seen, shift
