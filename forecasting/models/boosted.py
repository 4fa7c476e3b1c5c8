"""One model for all series of a group: gradient boosted trees, direct for every lead time."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features, learning
from forecasting.models.asked import RowModel
from forecasting.models.task import FloatArray, Task


class FittedBoosted(RowModel):
    """Trees on features: what they add to the base, in scales."""

    kind: Literal["boosted"] = "boosted"
    trees: learning.Trees = Field(description="LightGBM's own text of the trees")

    def say(self, x: FloatArray, base: FloatArray, scale: FloatArray) -> FloatArray:
        return base + self.trees.predict(x) * scale


class Boosted(BaseModel):
    """LightGBM, absolute error, on targets seen relative to the mean of the last like days and in units of the usual daily range.

    No series id enters, so a series the model has not seen is forecast like any other. References: Ke et al. 2017 (LightGBM);
    Montero-Manso & Hyndman 2021, doi 10.1016/j.ijforecast.2021.03.004 (global models), departing in the normalisation at the origin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["boosted"] = "boosted"

    def fit(self, task: Task) -> FittedBoosted:
        """Trees from rows drawn over series, days and lead times; where nothing could be learned they say zero."""
        rng = np.random.default_rng(task.settings.seed)
        few = learning.some_series(task, rng)
        i, o, t = learning.past_rows(few, rng, min(task.settings.train_rows, few.series * task.settings.rows_per_series))
        x, base, scale = features.rows(features.panel(few.values, few.grid), i, o, t, few.weather)
        y = (few.values[i, t] - base) / scale
        weight = None if few.weights is None else few.weights[i, t]
        return FittedBoosted(trees=learning.grow(x, y, task.settings, task.settings.trees, task.settings.leaves, weight))
