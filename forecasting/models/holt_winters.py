"""Additive Holt-Winters: statsmodels finds the smoothing constants, one pass over all series carries the states to each origin."""

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.models.task import FloatArray, Task
from forecasting.windows import finite_mean


class FittedHoltWinters(BaseModel):
    """The smoothing constants of a group."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["holt-winters"] = "holt-winters"
    season_days: int = Field(description="length of the season [d]")
    learn_days: int = Field(description="the states start this long before the first origin [d]")
    level: float = Field(description="smoothing constant of the level [1]")
    seasonal: float = Field(description="smoothing constant of the season [1]")

    def predict(self, task: Task) -> FloatArray:
        """Forecast float32[n, k, steps]: level and season run over the recent columns and answer when an origin is reached."""
        season = self.season_days * task.grid.slots
        phase = task.grid.day.astype(np.int64) % self.season_days * task.grid.slots + task.grid.slot  # people live by the wall clock
        start = max(0, int(task.origins[0]) - self.learn_days * task.grid.slots)
        # each series starts from its own first two seasons, else from what it has; at the first origin at the latest
        first = slice(start, min(int(task.origins[0]), start + 2 * season))
        head = task.values[:, first].T.astype(float)
        level = np.nan_to_num(finite_mean(task.values[:, start : int(task.origins[0])], 1))
        total, count = np.zeros((2, season, task.series))
        np.add.at(total, phase[first], np.nan_to_num(head))
        np.add.at(count, phase[first], np.isfinite(head))
        seasonal = np.where(count > 0, total / np.maximum(count, 1) - level, 0).T.copy()
        out = np.empty((task.series, len(task.origins), task.steps), np.float32)
        waiting = {int(o): k for k, o in enumerate(task.origins)}
        for c in range(start, int(task.origins.max()) + 1):
            if c in waiting:
                out[:, waiting[c]] = level[:, None] + seasonal[:, phase[c : c + task.steps]]
            if c >= task.values.shape[1]:
                continue
            y, s = task.values[:, c].astype(float), phase[c]
            good = np.isfinite(y)
            y = np.where(good, y, level + seasonal[:, s])
            moved = self.level * (y - seasonal[:, s]) + (1 - self.level) * level
            seasonal[:, s] = np.where(good, self.seasonal * (y - level) + (1 - self.seasonal) * seasonal[:, s], seasonal[:, s])
            level = np.where(good, moved, level)
        return out


class HoltWinters(BaseModel):
    """Level and season, no trend. Reference: Winters 1960, doi 10.1287/mnsc.6.3.324; the recursion is statsmodels' additive one,
    with the departures that a missing value leaves the states as they are, and that a group shares the median of its constants.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["holt-winters"] = "holt-winters"
    season_days: Literal[1, 7] = Field(default=1, description="length of the season [d]")
    learn_days: int = Field(default=42, ge=4, description="the constants are found on at most this much history [d]")
    most_fits: int = Field(default=40, ge=1, description="series whose constants are searched")

    def fit(self, task: Task) -> FittedHoltWinters:
        season = self.season_days * task.grid.slots
        start = max(0, task.fit_before - self.learn_days * task.grid.slots)
        chosen = np.sort(np.random.default_rng(task.settings.seed).permutation(task.series)[: self.most_fits])
        found = [self._constants(task.values[i, start : task.fit_before], season) for i in chosen]
        level, seasonal = np.median([c for c in found if c is not None] or [(0.1, 0.1)], axis=0)
        return FittedHoltWinters(season_days=self.season_days, learn_days=self.learn_days, level=float(level), seasonal=float(seasonal))

    @staticmethod
    def _constants(y: NDArray[np.float32], season: int) -> tuple[float, float] | None:
        """Smoothing constants of level and season, or None when the series is too short or flat. Gaps are bridged for this search only."""
        from statsmodels.tsa.holtwinters import ExponentialSmoothing

        first = np.flatnonzero(np.isfinite(y))
        if not first.size:
            return None
        y = y[first[0] :].astype(float)
        if len(y) < 2 * season + 2 or np.nanstd(y) == 0:
            return None
        folded = np.concatenate([y, np.full(-len(y) % season, np.nan)]).reshape(-1, season)
        slot_mean = np.tile(np.nan_to_num(finite_mean(folded, 0), nan=float(np.nanmean(y))), folded.shape[0])[: len(y)]
        full = np.where(np.isfinite(y), y, slot_mean)
        full = (full - full.mean()) / full.std()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge" leaves usable constants
            model = ExponentialSmoothing(full, seasonal="add", seasonal_periods=season, initialization_method="heuristic")
            fit = model.fit(method="L-BFGS-B", minimize_kwargs={"options": {"maxiter": 30}})
        return float(fit.params["smoothing_level"]), float(fit.params["smoothing_seasonal"])
