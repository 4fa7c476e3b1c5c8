"""A meter of its first hours: the shape of its group at its own level."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features
from forecasting.models.task import FloatArray, Task
from forecasting.windows import finite_mean


class FittedShape(BaseModel):
    """The shape, to be put at the level that each series showed so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["group-shape"] = "group-shape"
    shape: tuple[tuple[float, ...], ...] = Field(description="mean of value / own mean, by day type (3) and slot")

    def predict(self, task: Task) -> FloatArray:
        """Forecast float32[n, k, steps]."""
        day_type = task.grid.day_type[task.grid.day].astype(np.int64)
        expected = np.array(self.shape)[day_type, task.grid.slot]
        out = np.empty((task.series, len(task.origins), task.steps), np.float32)
        for k, origin in enumerate(task.origins):
            known = task.values[:, :origin]
            good = np.isfinite(known)
            weight = np.where(good, expected[:origin], 0).sum(axis=1)
            level = np.where(weight > 0, np.where(good, known, 0).sum(axis=1) / np.maximum(weight, 1e-9), 0)
            out[:, k] = level[:, None] * expected[origin : origin + task.steps]
        return out


class GroupShape(BaseModel):
    """Mean over the group's series with history of (value / own mean) by day type and slot; flat when there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["group-shape"] = "group-shape"

    def fit(self, task: Task) -> FittedShape:
        shape = np.ones((3, task.grid.slots))
        if task.peers is not None and len(task.peers):
            known = np.where(np.arange(task.peers.shape[1]) < task.fit_before, task.peers, np.nan).astype(np.float32)
            shape = self._shape(known, task)
        return FittedShape(shape=tuple(map(tuple, shape.tolist())))

    @staticmethod
    def _shape(known: FloatArray, task: Task) -> NDArray[np.float64]:
        """float64[3, S]: mean 1 over the slots seen."""
        means = np.abs(finite_mean(known, 1))
        relative = known / np.where(np.isfinite(means) & (means > 0), means, np.nan)[:, None]
        cells = features.panel(relative.astype(np.float32), task.grid).cells
        overall = finite_mean(cells.reshape(-1, task.grid.slots), 0)
        of_kind = [finite_mean(cells[:, task.grid.day_type == kind].reshape(-1, task.grid.slots), 0) for kind in range(3)]
        return np.nan_to_num(np.where(np.isfinite(of_kind), of_kind, overall), nan=1.0)
