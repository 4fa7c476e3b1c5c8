"""Additive Holt-Winters: statsmodels finds the smoothing constants, one pass over all series carries the states to each origin."""

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.models.task import Task
from forecasting.windows import finite_mean


class HoltWinters(BaseModel):
    """Level and season, no trend. Reference: Winters 1960, doi 10.1287/mnsc.6.3.324; the recursion is statsmodels' additive one,
    with the departure that a missing value leaves the states as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["holt-winters"] = "holt-winters"
    season_days: Literal[1, 7] = Field(default=1, description="length of the season [d]")
    learn_days: int = Field(default=42, ge=4, description="the constants are found on at most this much history [d]")
    most_fits: int = Field(default=40, ge=1, description="series whose constants are searched; the others take the median")

    def fit_predict(self, task: Task) -> NDArray[np.float32]:
        """Forecast float32[n, k, steps]."""
        season = self.season_days * task.grid.slots
        start = max(0, task.fit_before - self.learn_days * task.grid.slots)
        rng = np.random.default_rng(task.settings.seed)
        chosen = np.sort(rng.permutation(task.series)[: self.most_fits])
        found = [self._constants(task.values[i, start : task.fit_before], season) for i in chosen]
        known = np.array([c for c in found if c is not None] or [(0.1, 0.1)])
        constants = np.tile(np.median(known, axis=0), (task.series, 1))
        for i, c in zip(chosen, found, strict=True):
            constants[i] = constants[i] if c is None else c
        return self._carry(task, season, start, constants)

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

    @staticmethod
    def _carry(task: Task, season: int, start: int, constants: NDArray[np.float64]) -> NDArray[np.float32]:
        """Run level and season over the columns from `start` and forecast when an origin is reached."""
        alpha, gamma = constants.T
        # each series starts from its own first two seasons, else from what it has; at the first origin at the latest
        head = task.values[:, start : min(int(task.origins[0]), start + 2 * season)].astype(float)
        level = np.nan_to_num(finite_mean(task.values[:, start : int(task.origins[0])], 1))
        head = np.concatenate([head, np.full((len(head), -head.shape[1] % season), np.nan)], axis=1).reshape(len(head), -1, season)
        seasonal = np.nan_to_num(finite_mean(head, 1) - level[:, None])
        out = np.empty((task.series, len(task.origins), task.steps), np.float32)
        waiting = {int(o): k for k, o in enumerate(task.origins)}
        for c in range(start, int(task.origins.max()) + 1):
            if c in waiting:
                ahead = (c - start + np.arange(task.steps)) % season
                out[:, waiting[c]] = level[:, None] + seasonal[:, ahead]
            if c >= task.values.shape[1]:
                continue
            y, s = task.values[:, c].astype(float), (c - start) % season
            good = np.isfinite(y)
            y = np.where(good, y, level + seasonal[:, s])
            moved = alpha * (y - seasonal[:, s]) + (1 - alpha) * level
            seasonal[:, s] = np.where(good, gamma * (y - level) + (1 - gamma) * seasonal[:, s], seasonal[:, s])
            level = np.where(good, moved, level)
        return out
