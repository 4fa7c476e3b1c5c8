"""A linear correction of the profile for each hour of the day: little to learn, so little to get wrong on days that are rare."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features, learning
from forecasting.models.asked import RowModel, column
from forecasting.models.task import FloatArray, IntArray, Task

SHRUNK = 0.2
"""A coefficient of standardised terms is shrunk as if so many times the rows more had said zero [1]."""
HUBER_SCALES = 0.5
"""Errors beyond that many of their usual size count linearly, not squared [1]."""
REWEIGHTED = 4
LARGEST = 3.0
"""No lag and no target says more than that many usual daily ranges off the base [1]."""
ODD_DAY = ("alike_1", "weekday_1", "last_day", "mean7", "surprise_24h", "surprise_168h")
"""What may count for something else on days off."""
GROUPS = 48

_LAGS = tuple(name for name in features.NAMES[: features.NAMES.index("level_in_scales")] if name != "alike_spread8")


def terms(x: FloatArray) -> NDArray[np.float64]:
    """What is added up, float64[r, terms], from features [r, f]: lags and surprises, kinds of day, weather; 0 where not known."""
    off, before, after = (column(x, name) > 0 for name in ("day_type", "day_type_before", "day_type_after"))
    holiday, weekday = column(x, "holiday"), column(x, "weekday")
    weather = x[:, len(features.NAMES) :]
    parts: list[NDArray[Any]] = [np.clip(column(x, name), -LARGEST, LARGEST) for name in _LAGS]
    parts += [np.clip(column(x, name), -LARGEST, LARGEST) * off for name in ODD_DAY]
    parts += [holiday, before, after, before & off, after & off, before & after & ~off, *(weekday == d for d in range(7))]
    parts += [*weather.T, *(weather * off[:, None]).T]
    return np.nan_to_num(np.stack(parts, axis=1).astype(np.float64))


def hour_and_lead(x: FloatArray) -> IntArray:
    """Which of the 48 equations answers a row: by hour of the day, and within a day ahead or later."""
    hour = np.clip(column(x, "hour"), 0, 23).astype(np.int64)
    return hour + np.where(column(x, "lead_h") < 24, 0, 24)


class FittedLinear(RowModel):
    """What one unit of each term adds to the base, in scales."""

    kind: Literal["linear"] = "linear"
    constants: tuple[float, ...] = Field(description="one for each equation")
    coefficients: tuple[tuple[float, ...], ...] = Field(description="one row for each equation; none: nothing could be learned")

    def say(self, x: FloatArray, base: FloatArray, scale: FloatArray) -> FloatArray:
        if not self.coefficients:
            return base
        group, added = hour_and_lead(x), np.zeros(len(x))
        for g in np.unique(group):
            rows = np.flatnonzero(group == g)
            added[rows] = self.constants[g] + (terms(x[rows]) * self.coefficients[g]).sum(axis=1)  # the same sum however many rows
        return (base + np.clip(added, -LARGEST, LARGEST) * scale).astype(np.float32)


class Linear(BaseModel):
    """48 ridge regressions with Huber's loss over all series of a group, one for each hour of the day and day ahead or later.

    References: Huber 1964, doi 10.1214/aoms/1177703732, by reweighted least squares; Lago et al. 2021, doi
    10.1016/j.apenergy.2021.116983 (one linear model per hour is hard to beat), departing in that the series share one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["linear"] = "linear"

    def fit(self, task: Task) -> FittedLinear:
        """Equations from the same rows as the trees'; an equation with fewer rows than terms says zero."""
        x, value, base, scale, weight = learning.drawn(task)
        if not len(value):
            return FittedLinear(constants=(), coefficients=())
        y = np.clip((value - base) / scale, -LARGEST, LARGEST)
        group, found = hour_and_lead(x), []
        counts = np.ones(len(y)) if weight is None else weight.astype(np.float64)
        for g in range(GROUPS):
            rows = np.flatnonzero(group == g)
            found.append(_equation(terms(x[rows]), y[rows].astype(np.float64), counts[rows]))
        return FittedLinear(constants=tuple(c for c, _ in found), coefficients=tuple(tuple(b.tolist()) for _, b in found))


def _equation(a: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Constant and coefficients [terms] of one ridge regression of y [r] on terms [r, terms]."""
    if len(y) <= a.shape[1]:
        return 0.0, np.zeros(a.shape[1])
    middle, spread = a.mean(axis=0), a.std(axis=0) + 1e-6
    z = np.column_stack([(a - middle) / spread, np.ones(len(y))])
    shrink = np.diag([*np.full(a.shape[1], SHRUNK * len(y)), 1e-6])
    w = weight
    for _ in range(REWEIGHTED):
        b = np.linalg.solve((z * w[:, None]).T @ z + shrink, (z * w[:, None]).T @ y)
        off = np.abs(y - z @ b)
        w = weight * np.minimum(1, HUBER_SCALES * 1.4826 * np.median(off) / np.maximum(off, 1e-9))
    slope = b[:-1] / spread
    return float(b[-1] - slope @ middle), slope
