"""What a model is asked, the same for every model on the ladder."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.calendars import LocalGrid


class ForecastSettings(BaseModel):
    """How much is learned from how much, one setting for all series of a city."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_history_days: int = Field(default=400, ge=2, description="older values are not read [d]")
    seed: int = Field(default=1, ge=0, description="seed of every random choice")
    num_threads: int = Field(default=1, ge=1, description="threads of LightGBM")
    trees: int = Field(default=200, ge=1, description="boosting rounds of the point model")
    leaves: int = Field(default=48, ge=2, description="leaves per tree")
    learning_rate: float = Field(default=0.08, gt=0, le=1, description="shrinkage per tree")
    train_rows: int = Field(default=120_000, ge=1_000, description="rows drawn for one fit, whatever the number of series")
    rows_per_series: int = Field(default=6_000, ge=100, description="rows drawn for one fit from each series, on average")
    train_series: int = Field(default=1_000, ge=1, description="series drawn for one fit")
    calibration_days: int = Field(default=28, ge=3, description="daily origins whose errors make the bands [d]")
    calibration_cells: int = Field(
        default=600_000, ge=1_000, description="series x origins x steps whose errors are looked at; beyond it fewer origins, but 7"
    )
    calibration_rows: int = Field(default=60_000, ge=1_000, description="rows drawn for the model of the error's size")
    chunk_series: int = Field(default=256, ge=1, description="series predicted at a time; bounds memory")


@dataclass(frozen=True)
class Task:
    """Forecast n series at k origins for the next `steps` columns.

    An origin o is a column: at o only columns before o are known. Only targets before `fit_before` may be learned from.
    `covariates` (weather) reach over the horizon: a column's value must have been known at every origin that uses it.
    """

    values: NDArray[np.float32]  # [n, T], NaN where unusable
    grid: LocalGrid  # of at least max(origins) + steps columns
    origins: NDArray[np.int64]  # [k]
    steps: int
    fit_before: int
    settings: ForecastSettings
    covariates: NDArray[np.float32] | None = None  # [m, >= max(origins) + steps]
    peers: NDArray[np.float32] | None = None  # [p, T], the group's series that have history, for those that have none

    @property
    def series(self) -> int:
        return int(self.values.shape[0])

    def at(self, origins: NDArray[np.int64], fit_before: int) -> "Task":
        """The same question asked at other origins."""
        return replace(self, origins=origins, fit_before=fit_before)

    def rows(self, select: NDArray[np.int64] | slice) -> "Task":
        """The same question for some of the series."""
        return replace(self, values=self.values[select])

    def recent(self, days: int) -> "Task":
        """The same question with only `days` civil days before the first origin's day in reach."""
        day = int(self.grid.day[self.origins.min()]) - days
        if day <= 0:
            return self
        grid, first = self.grid.since(day)
        values = self.values[:, first:]
        covariates = None if self.covariates is None else self.covariates[:, first:]
        origins, fit_before = self.origins - first, self.fit_before - first
        return replace(self, values=values, grid=grid, origins=origins, fit_before=fit_before, covariates=covariates)

    def targets(self) -> NDArray[np.float32]:
        """What came true, float32[n, k, steps]; NaN where unknown or beyond the data."""
        at = self.origins[:, None] + np.arange(self.steps)
        inside = at < self.values.shape[1]
        return np.where(inside, self.values[:, np.where(inside, at, 0)], np.nan).astype(np.float32)
