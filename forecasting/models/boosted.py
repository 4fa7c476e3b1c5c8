"""One model for all series of a group: gradient boosted trees, direct for every lead time."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from forecasting import features, learning
from forecasting.models.task import Task


class Boosted(BaseModel):
    """LightGBM, absolute error, on targets seen relative to the mean of the last like days and in units of the usual daily range.

    No series id enters, so a series the model has not seen is forecast like any other. References: Ke et al. 2017 (LightGBM);
    Montero-Manso & Hyndman 2021, doi 10.1016/j.ijforecast.2021.03.004 (global models), departing in the normalisation at the origin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["boosted"] = "boosted"

    def fit_predict(self, task: Task) -> NDArray[np.float32]:
        """Median forecast float32[n, k, steps]; where nothing could be learned, the mean of the last like days."""
        rng = np.random.default_rng(task.settings.seed)
        few = learning.some_series(task, rng)
        i, o, t = learning.past_rows(few, rng, min(task.settings.train_rows, few.series * task.settings.rows_per_series))
        folded = features.panel(few.values, few.grid)
        x, base, scale = features.rows(folded, i, o, t, few.covariates)
        y = (few.values[i, t] - base) / scale
        del folded
        booster = learning.grow(x, y, task.settings, task.settings.trees, task.settings.leaves)
        said, base, scale = learning.predict(booster, task)
        return base + said * scale
