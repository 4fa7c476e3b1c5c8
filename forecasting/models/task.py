"""What a model is asked, the same for every model on the ladder."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.calendars import LocalGrid

if TYPE_CHECKING:
    from forecasting.sun import Sun
    from forecasting.weather import Weather

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class ForecastSettings(BaseModel):
    """How much is learned from how much, one setting for all series of a city."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    retrain_days: int = Field(default=7, ge=1, description="a machine older than this is trained anew [d]")
    horizon_hours: int = Field(default=51, ge=1, le=171, description="how far the night's forecasts reach beyond local midnight [h]")
    max_history_days: int = Field(default=400, ge=2, description="older values are not read [d]")
    seed: int = Field(default=1, ge=0, description="seed of every random choice")
    num_threads: int = Field(default=1, ge=1, description="threads of LightGBM")
    trees: int = Field(default=200, ge=1, description="boosting rounds of the point model")
    leaves: int = Field(default=48, ge=2, description="leaves per tree")
    learning_rate: float = Field(default=0.08, gt=0, le=1, description="shrinkage per tree")
    train_rows: int = Field(default=120_000, ge=1_000, description="rows drawn for one fit, whatever the number of series")
    rows_per_series: int = Field(default=20_000, ge=100, description="rows drawn for one fit from each series, on average")
    train_series: int = Field(default=1_000, ge=1, description="series drawn for one fit")
    calibration_days: int = Field(default=28, ge=3, description="daily origins whose errors make the bands [d]")
    calibration_cells: int = Field(
        default=1_500_000, ge=1_000, description="series x origins x steps whose errors make the bands of a group; beyond it fewer series"
    )
    calibration_rows: int = Field(default=60_000, ge=1_000, description="rows drawn for the model of the error's size")
    thin_series: int = Field(
        default=300, ge=0, description="in a group of more series, each looks at its own past errors at some lead times of each day only"
    )
    chunk_series: int = Field(default=256, ge=1, description="series predicted at a time; bounds memory")


@dataclass(frozen=True)
class Task:
    """Forecast n series at k origins for the next `steps` columns.

    An origin o is a column: at o only columns before o are known. Only targets before `fit_before` may be learned from.
    `weights` say how much a value may teach (0: nothing); `peers` are the group's series that have history, for those that have none.
    """

    values: FloatArray  # [n, T], NaN where unusable
    grid: LocalGrid  # of at least max(origins) + steps columns
    origins: IntArray  # [k]
    steps: int
    fit_before: int
    settings: ForecastSettings
    weather: "Weather | None" = None
    sun: "Sun | None" = None
    weights: FloatArray | None = None  # [n, T]
    peers: FloatArray | None = None  # [p, T]
    ids: tuple[str, ...] = ()  # [n], by which a model knows a series again; none: it treats all alike
    wanted: NDArray[np.bool_] | None = None  # [k, steps], where an answer is wanted; elsewhere it may be NaN
    start_utc: datetime = datetime(2000, 1, 1, tzinfo=UTC)  # of column 0; ties a stored machine to another night's columns

    @property
    def series(self) -> int:
        return int(self.values.shape[0])

    @property
    def step(self) -> timedelta:
        return timedelta(days=1) / self.grid.slots

    def column(self, time_utc: datetime) -> int:
        """The column that starts at, or first after, a time."""
        return -int((self.start_utc - time_utc) // self.step)

    def time(self, column: int) -> datetime:
        return self.start_utc + column * self.step

    def at(self, origins: IntArray, fit_before: int) -> "Task":
        """The same question asked at other origins."""
        return replace(self, origins=origins, fit_before=fit_before)

    def rows(self, select: IntArray | slice) -> "Task":
        """The same question for some of the series."""
        weights = None if self.weights is None else self.weights[select]
        sun = None if self.sun is None else self.sun.rows(select)
        ids = tuple(np.array(self.ids, dtype=object)[select]) if self.ids else ()
        return replace(self, values=self.values[select], weights=weights, sun=sun, ids=ids)

    def recent(self, days: int) -> "Task":
        """The same question with only `days` civil days before the first origin's day in reach."""
        day = int(self.grid.day[self.origins.min()]) - days
        if day <= 0:
            return self
        grid, first = self.grid.since(day)
        return replace(
            self,
            values=self.values[:, first:],
            grid=grid,
            origins=self.origins - first,
            fit_before=self.fit_before - first,
            weather=None if self.weather is None else self.weather.since(first),
            sun=None if self.sun is None else self.sun.since(first),
            weights=None if self.weights is None else self.weights[:, first:],
            start_utc=self.time(first),
        )

    def targets(self) -> FloatArray:
        """What came true, float32[n, k, steps]; NaN where unknown or beyond the data."""
        at = self.origins[:, None] + np.arange(self.steps)
        inside = at < self.values.shape[1]
        return np.where(inside, self.values[:, np.where(inside, at, 0)], np.nan).astype(np.float32)


class Fitted(Protocol):
    """What a fit leaves behind: frozen, and JSON and back is the same to the last bit."""

    def predict(self, task: Task) -> FloatArray:
        """Median forecast float32[n, k, steps]."""
        ...


class Model(Protocol):
    """A model before it has seen anything."""

    @property
    def kind(self) -> str: ...

    def fit(self, task: Task) -> Any:
        """A `Fitted`, one of `forecasting.models.AnyFitted`."""
        ...
