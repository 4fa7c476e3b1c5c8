"""Models that say a whole distribution: of the ratio of a value to what is possible there and then, by a forest and by what was lately."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import learning
from forecasting.models import forest
from forecasting.models.asked import asked_rows
from forecasting.models.forest import GRID, Forest
from forecasting.models.task import FloatArray, IntArray, Task
from forecasting.windows import finite_mean

MEDIAN = GRID.index(0.5)
DAYS = 28
"""Days whose values at the same time of day are the recent ones [d]."""
SERIES_STEPS, ROWS = 14_000, 60_000
"""Series x steps, and rows of features, that are answered at a time; bounds memory."""
FAR = 5.0
"""What lies this many times further out than nearly all ratios is a fault [1]."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Weights of the forest beside the recent values that are tried [1]."""


LEAD_EDGES_H = (0, 6, 24, 48)


def lead_bucket(ahead: IntArray, slots: int) -> IntArray:
    """Which lead time, of those that begin at `LEAD_EDGES_H`, a step ahead belongs to."""
    return np.digitize(ahead * 24 / slots, LEAD_EDGES_H) - 1


class View(Protocol):
    """Values of one kind seen as ratios: value = unit x ratio. All arguments int[r]: series, origin and target columns."""

    def unit(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """What a ratio of one stands for, float32[r]; zero where nothing is possible."""
        ...

    def features(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """What is known at the origins about the ratios of the targets, float32[r, f]."""
        ...

    def recent(self, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """Ratios of like times that were known at the origins, float32[r, m], NaN where unknown."""
        ...


class FittedDistribution(BaseModel):
    """What a fit leaves behind; everything else is read from the history of the task."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    forest: Forest | None = Field(description="none: nothing could be learned, the recent values speak alone")
    shares: tuple[float, ...] = Field(default=(1.0, 0.75, 0.75, 0.5), description="weight of the forest by lead time, as in LEAD_EDGES_H")
    sunny: bool = Field(
        default=False, description="it learned where the sun stands; otherwise it does not look, though the city may know by now"
    )

    def view(self, task: Task, known: int) -> View:
        """The task's values as ratios, by what was known before column `known`."""
        raise NotImplementedError

    def quantiles(self, task: Task) -> FloatArray:
        """Forecast at the levels of `GRID`: float32[n, k, steps, len(GRID)], ascending."""
        out = np.empty((task.series, len(task.origins), task.steps, len(GRID)), np.float32)
        for rows, said in self.parts(task):
            out[rows] = said
        return out

    def parts(self, task: Task) -> Iterator[tuple[slice, FloatArray]]:
        """The same for some series at a time, so that memory does not grow with their number."""
        share = np.array(self.shares, np.float32)[lead_bucket(np.arange(task.steps), task.grid.slots)][:, None]
        for rows, learned, lately in self._two(task):
            yield rows, lately + share * (learned - lately)

    def tuned(self, task: Task) -> Self:
        """The same with the shares that would have done best at the origins of a task whose targets were not learned from."""
        bucket = lead_bucket(np.arange(task.steps), task.grid.slots)
        targets, loss = task.targets(), np.zeros((len(SHARES), len(LEAD_EDGES_H)))
        size = np.maximum(np.nan_to_num(finite_mean(np.abs(targets).reshape(task.series, -1), 1)), 1e-9)[:, None, None]
        for rows, learned, lately in self._two(task):
            for number, share in enumerate(SHARES):
                error = (targets[rows, ..., None] - (lately + np.float32(share) * (learned - lately))) / size[rows, ..., None]
                pinball = np.where(np.isfinite(error), np.maximum(GRID * error, (np.array(GRID) - 1) * error), 0).sum(axis=(0, 1, 3))
                loss[number] += np.bincount(bucket, pinball, len(LEAD_EDGES_H))
        best = [SHARES[at] for at in loss.argmin(axis=0)]
        return self.model_copy(update={"shares": tuple(b if loss[:, j].any() else self.shares[j] for j, b in enumerate(best))})

    def _two(self, task: Task) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Some series at a time: what the forest and what the recent values say of them, float32[some, k, steps, len(GRID)] each."""
        view = self.view(task if self.sunny else replace(task, sun=None), int(task.origins[0]))
        most = max(1, SERIES_STEPS // task.steps)
        for start in range(0, task.series, most):
            rows = slice(start, min(start + most, task.series))
            i, o, t = asked_rows(rows.stop - start, task.origins, task.steps)
            said = np.concatenate(
                [self._rows(view, start + i[at], o[at], t[at]) for at in np.split(np.arange(len(i)), range(ROWS, len(i), ROWS))], 1
            )
            learned, lately = said.reshape(2, rows.stop - start, len(task.origins), task.steps, len(GRID))
            yield rows, learned, lately

    def _rows(self, view: View, i: IntArray, o: IntArray, t: IntArray) -> FloatArray:
        """What the forest and what the recent values say of each row, float32[2, r, len(GRID)]."""
        unit = view.unit(i, o, t)
        said = np.zeros((2, len(i), len(GRID)), np.float32)
        at = np.flatnonzero(unit > 0)
        i, o, t, unit = i[at], o[at], t[at], unit[at, None]
        said[:, at] = unit * np.nan_to_num(forest.sample_quantiles(view.recent(i, o, t)))
        if self.forest is not None and len(at):
            said[0, at] = unit * self.forest.say(view.features(i, o, t))
        return said

    def predict(self, task: Task) -> FloatArray:
        """Median forecast float32[n, k, steps]."""
        return self.quantiles(task)[..., MEDIAN]


class Distribution(BaseModel):
    """Fits a forest on ratios drawn over series, days and lead times, each counting as much as its unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    leaves: int = Field(default=15, ge=2, description="leaves per tree")
    leaf_share: float = Field(default=0.01, gt=0, le=1, description="least share of the rows in a leaf [1]")
    highest: float = Field(default=np.inf, description="ratios above are learned as this [1]")

    def empty(self) -> FittedDistribution:
        """The fitted model of the kind without a forest."""
        raise NotImplementedError

    def fit(self, task: Task) -> FittedDistribution:
        """Rows whose unit is small against the series' own largest teach little and are left out below 2 %."""
        made = self.empty().model_copy(update={"sunny": task.sun is not None})
        rng = np.random.default_rng(task.settings.seed)
        few = learning.some_series(task, rng)
        i, o, t = learning.past_rows(few, rng, min(task.settings.train_rows, few.series * task.settings.rows_per_series))
        view = made.view(few, few.fit_before)
        unit = view.unit(i, o, t)
        largest = np.zeros(few.series, np.float32)
        np.maximum.at(largest, i, unit)
        at = np.flatnonzero(unit > 0.02 * largest[i])
        if len(at) < 100:
            return made
        i, o, t, unit = i[at], o[at], t[at], unit[at]
        ratio = np.minimum(_believable(few.values[i, t] / unit), np.float32(self.highest))
        weight = unit / largest[i]
        if few.weights is not None:
            weight = weight * few.weights[i, t]
        leaf_rows = max(10, int(self.leaf_share * len(at)))
        grown = forest.grow(view.features(i, o, t), ratio, weight, few.settings, self.leaves, leaf_rows)
        return self._with(made, grown)

    @staticmethod
    def _with(made: FittedDistribution, grown: Forest) -> FittedDistribution:
        return made.model_copy(update={"forest": grown})


def _believable(ratio: FloatArray) -> FloatArray:
    """Ratios [r] within `FAR` times what 99 of 100 that are not zero keep to: a meter that suddenly counts Wh must not teach all."""
    some = np.abs(ratio[ratio != 0])
    most = np.float32(FAR * np.quantile(some, 0.99)) if some.size else np.float32(0)
    return np.clip(ratio, -most, most)


class Sums:
    """Ratios of sums over windows of columns, for each series and for the group: what was given over what was possible."""

    def __init__(self, given: FloatArray, possible: FloatArray, largest: FloatArray) -> None:
        """Given and possible amounts of each column float32[n, T], and the largest possible one [n]."""
        good = np.isfinite(given) & (possible > 0)
        given, possible = np.where(good, given, 0), np.where(good, possible, 0)
        size = np.maximum(largest, 1e-9)[:, None]
        self._least = np.append(1e-6 * size, 1e-6)
        self._own = self._run(given), self._run(possible)
        self._group = self._run((given / size).sum(0, keepdims=True)), self._run((possible / size).sum(0, keepdims=True))

    @staticmethod
    def _run(a: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.concatenate([np.zeros((len(a), 1)), np.cumsum(a, axis=1, dtype=np.float64)], axis=1)

    def ratio(self, i: IntArray, begin: IntArray, end: IntArray, group: bool = False) -> FloatArray:
        """Of columns [begin, end) of series i, or of the whole group; NaN where nothing was possible."""
        given, possible = self._group if group else self._own
        row = np.zeros_like(i) if group else i
        begin, end = (np.clip(at, 0, given.shape[1] - 1) for at in (begin, end))
        whole = possible[row, end] - possible[row, begin]
        some = whole > (self._least[-1] if group else self._least[i])
        found = (given[row, end] - given[row, begin]) / np.where(some, whole, 1)
        return np.where(some, found, np.nan).astype(np.float32)


def lagged(t: IntArray, o: IntArray, slots: int) -> IntArray:
    """The last column before the origin at the target's time of day."""
    return t - ((t - o) // slots + 1) * slots
