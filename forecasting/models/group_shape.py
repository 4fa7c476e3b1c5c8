"""A meter of its first hours: the shape of its group at its own level."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from forecasting import features
from forecasting.models.task import Task
from forecasting.windows import finite_mean


class GroupShape(BaseModel):
    """Mean over the group of (value / own mean) by day type and slot, times the level the new series showed so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["group-shape"] = "group-shape"

    def fit_predict(self, task: Task) -> NDArray[np.float32]:
        """Forecast float32[n, k, steps]; with no peers the shape is flat."""
        first = int(task.origins[0])
        shape = self._shape(task, first)
        kind = task.grid.day_type[task.grid.day].astype(np.int64)
        expected = shape[kind, task.grid.slot]
        out = np.empty((task.series, len(task.origins), task.steps), np.float32)
        for k, origin in enumerate(task.origins):
            known = task.values[:, :origin]
            good = np.isfinite(known)
            weight = np.where(good, expected[:origin], 0).sum(axis=1)
            level = np.where(weight > 0, np.where(good, known, 0).sum(axis=1) / np.maximum(weight, 1e-9), 0)
            out[:, k] = level[:, None] * expected[origin : origin + task.steps]
        return out

    @staticmethod
    def _shape(task: Task, before: int) -> NDArray[np.float64]:
        """float64[3, S]: mean 1 over the slots seen, from values before column `before`."""
        shape = np.ones((3, task.grid.slots))
        if task.peers is None or not len(task.peers):
            return shape
        known = np.where(np.arange(task.peers.shape[1]) < before, task.peers, np.nan).astype(np.float32)
        means = np.abs(finite_mean(known, 1))
        relative = known / np.where(np.isfinite(means) & (means > 0), means, np.nan)[:, None]
        cells = features.panel(relative.astype(np.float32), task.grid).cells
        overall = finite_mean(cells.reshape(-1, task.grid.slots), 0)
        for kind in range(3):
            mean = finite_mean(cells[:, task.grid.day_type == kind].reshape(-1, task.grid.slots), 0)
            shape[kind] = np.nan_to_num(np.where(np.isfinite(mean), mean, overall), nan=1.0)
        return shape
