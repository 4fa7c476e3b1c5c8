"""A linear correction of the profile for each hour of the day: little to learn, so little to get wrong on days that are rare."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import features, learning
from forecasting.models.asked import answer, column
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
OWN_SERIES = 100
"""In a group of at most so many series each has equations of its own."""
OWN_ROWS = 100.0
"""What is different about a series is shrunk as if that many more rows had said nothing is [rows]."""

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


TERMS = (*_LAGS, *ODD_DAY, "holiday", *("day_type_before", "day_type_after") * 2, "day_type_before", *("weekday",) * 7)
"""The feature that each term tells; the terms after them are of weather."""


def hour_and_lead(x: FloatArray) -> IntArray:
    """Which of the 48 equations answers a row: by hour of the day, and within a day ahead or later."""
    hour = np.clip(column(x, "hour"), 0, 23).astype(np.int64)
    return hour + np.where(column(x, "lead_h") < 24, 0, 24)


Equations = tuple[tuple[float, ...], ...]
"""For each group of rows the constant and what one unit of each term adds, in scales; none: nothing could be learned."""


class FittedLinear(BaseModel):
    """The equations of all series, and for series known by name what is different about them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["linear"] = "linear"
    shared: Equations
    own: dict[str, Equations] = Field(description="what is added for a series of that name")

    def predict(self, task: Task) -> FloatArray:
        """Forecast float32[n, k, steps]."""
        out = np.empty((task.series, len(task.origins), task.steps), np.float32)
        known = np.array([name in self.own for name in task.ids] or [False] * task.series)
        if not known.all():
            out[~known] = answer(task.rows(np.flatnonzero(~known)), partial(_say, [self.shared]))[0]
        for j in np.flatnonzero(known):
            out[j] = answer(task.rows(np.array([j])), partial(_say, [self.shared, self.own[task.ids[j]]]))[0][0]
        return out

    def contributions(self, x: FloatArray, names: Sequence[str]) -> NDArray[np.float64]:
        """What each term adds to the base for rows [r, f] of series so named, and last the constant [scales]: float64[r, terms + 1]."""
        seen, group = terms(x), hour_and_lead(x)
        out = np.zeros((len(x), seen.shape[1] + 1))
        for j, name in enumerate(names):
            for equations in (self.shared, self.own.get(name, ())):
                if equations and equations[group[j]]:
                    constant, *slope = equations[group[j]]
                    out[j] += [*(seen[j] * slope), constant]
        return out


def _say(added_up: Sequence[Equations], x: FloatArray, base: FloatArray, scale: FloatArray) -> tuple[FloatArray]:
    """The base and what the equations add to it."""
    group, added = hour_and_lead(x), np.zeros(len(x))
    for g in np.unique(group):
        learned = [np.array(equations[g]) for equations in added_up if equations[g]]
        if learned:
            rows = np.flatnonzero(group == g)
            constant, *slope = np.sum(learned, axis=0)
            added[rows] = constant + (terms(x[rows]) * slope).sum(axis=1)  # the same sum however many rows
    return ((base + np.clip(added, -LARGEST, LARGEST) * scale).astype(np.float32),)


class Linear(BaseModel):
    """48 ridge regressions with Huber's loss over all series of a group, one for each hour of the day and day ahead or later; in a group
    of few series each has 48 more of what the others' leave over.

    References: Huber 1964, doi 10.1214/aoms/1177703732, by reweighted least squares; Lago et al. 2021, doi
    10.1016/j.apenergy.2021.116983 (one linear model per hour is hard to beat), departing in that the series share one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["linear"] = "linear"

    def fit(self, task: Task) -> FittedLinear:
        """Equations from the same rows as the trees'; an equation with too few rows says zero."""
        d = learning.drawn(task)
        y = np.clip((d.value - d.base) / d.scale, -LARGEST, LARGEST).astype(np.float64)
        weight = np.ones(len(y)) if d.weight is None else d.weight
        named = d.ids if len(d.ids) <= OWN_SERIES else ()
        own: dict[str, list[tuple[float, ...]]] = {name: [] for name in named}
        group, shared = hour_and_lead(d.x), []
        for g in range(GROUPS):
            rows = np.flatnonzero(group == g)
            a = terms(d.x[rows])
            spread = 1e-6 + (a.std(axis=0) if rows.size else np.zeros(a.shape[1]))
            shared.append(_equation(a, y[rows], weight[rows], spread, SHRUNK * len(rows)))
            left = y[rows] - shared[-1][0] - a @ shared[-1][1:] if shared[-1] else y[rows]
            for s, name in enumerate(named):
                its = np.flatnonzero(d.i[rows] == s)
                own[name].append(_equation(a[its], left[its], weight[rows[its]], spread, OWN_ROWS))
        return FittedLinear(shared=tuple(shared), own={name: tuple(found) for name, found in own.items()})


def _equation(
    a: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.floating], spread: NDArray[np.float64], shrink: float
) -> tuple[float, ...]:
    """Constant and coefficients, to five places, of a ridge regression of y [r] on terms [r, m] of that spread [m]; () for too few rows.

    A coefficient is shrunk as if `shrink` more rows had said zero."""
    if len(y) <= a.shape[1]:
        return ()
    z = np.column_stack([a / spread, np.ones(len(y))])
    middle = z.mean(axis=0)
    middle[-1] = 0
    z -= middle
    penalty = np.diag([*np.full(a.shape[1], shrink), 1e-6])
    w = weight.astype(np.float64)
    for _ in range(REWEIGHTED):
        b = np.linalg.solve((z * w[:, None]).T @ z + penalty, (z * w[:, None]).T @ y)
        off = np.abs(y - z @ b)
        w = weight * np.minimum(1, HUBER_SCALES * 1.4826 * np.median(off) / np.maximum(off, 1e-9))
    slope = b[:-1] / spread
    return tuple(np.round([b[-1] - middle[:-1] @ b[:-1], *slope], 5).tolist())
