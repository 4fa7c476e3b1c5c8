"""Promises of countries: what the odds said at an origin, what a straight line said, and what came.

Protocol. Countries in alphabetical order: every other one teaches, the others judge. At the origins from an anchor year to the next
one, the judged countries meet constants that were learned from the teaching countries alone, from outcomes known in the anchor year.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import erfc, lgamma, sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from carbon.targets.odds import CHANGES, Outlook, Pooled, outlook

ANCHORS = (2002, 2007, 2012, 2017)
MEMORY = 30  # years of outcomes that are learned from
HORIZONS = (5, 10)
LEAST_YEARS = 20
HISTORIES = (1, 3, CHANGES)  # changes known at an origin while learning: a city often has few years
LINES = (5, 10, None)  # changes a straight line is laid through; None: all
NORMAL = np.vectorize(lambda z: 0.5 * erfc(-z / sqrt(2)))
START = np.array([-0.9, 1.5, 0.0, 0.7, -3.4, 0.0])

Series = Mapping[str, pd.Series]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cases:
    """Logs of the years up to an origin float64[n, known], and the change float64[n] from there to `horizon` years later."""

    logs: FloatArray
    came: FloatArray
    horizon: int

    def told(self, pooled: Pooled) -> Outlook:
        known = self.logs.shape[1]
        return outlook(range(known), self.logs, known - 1 + self.horizon, pooled)


def halves(series: Series) -> tuple[Series, Series]:
    """Those that teach and those that judge."""
    names = sorted(series)
    return {name: series[name] for name in names[0::2]}, {name: series[name] for name in names[1::2]}


def cases(series: Series, origins: Iterable[int], horizon: int, changes: int | None) -> list[Cases]:
    """Every origin of every series that has an outcome, with at most `changes` known changes; one `Cases` per length of history."""
    by_length: dict[int, list[tuple[FloatArray, float]]] = {}
    for one in series.values():
        first, values = int(one.index[0]), one.to_numpy()
        for origin in origins:
            at = origin - first
            if 1 <= at < len(values) - horizon:
                logs = values[max(0, at - changes) if changes else 0 : at + 1]
                by_length.setdefault(len(logs), []).append((logs, values[at + horizon] - values[at]))
    return [Cases(np.array([c[0] for c in found]), np.array([c[1] for c in found]), horizon) for _, found in sorted(by_length.items())]


def pooled_of(x: FloatArray) -> Pooled:
    inside = lambda v: float(1 / (1 + np.exp(-v)))  # noqa: E731
    draw, df, scale = np.exp(x[[1, 3, 4]])
    return Pooled(float(x[0] / 100), float(draw), (1 + inside(x[2])) / 2, float(1 + df), float(scale), inside(x[5]))


def surprise(pooled: Pooled, known: Sequence[Sequence[Cases]]) -> float:
    """Mean of the negative log density of what came: over the cases of a group, then over the groups."""
    means = []
    for group in known:
        total = 0.0
        for c in group:
            told = c.told(pooled)
            z2, df = ((c.came - told.middle) / told.scale) ** 2 / told.df, told.df
            constant = lgamma((df + 1) / 2) - lgamma(df / 2) - np.log(df * np.pi) / 2
            total -= float((constant - np.log(told.scale) - (df + 1) / 2 * np.log1p(z2)).sum())
        means.append(total / sum(len(c.came) for c in group))
    return float(np.mean(means))


def learned(teaching: Series, upto: int, trials: int = 500) -> Pooled:
    """The constants that make the outcomes known in `upto` least surprising."""
    reach = {h: range(upto - MEMORY - h, upto - h + 1) for h in HORIZONS}
    known = [cases(teaching, reach[h], h, changes) for h in HORIZONS for changes in HISTORIES]
    simplex = np.vstack([START, START + 0.5 * np.eye(len(START))])
    options = {"maxfev": trials, "xatol": 0.02, "fatol": 1e-4, "initial_simplex": simplex}
    return pooled_of(minimize(lambda x: surprise(pooled_of(x), known), START, method="Nelder-Mead", options=options).x)


def straight_line(c: Cases, changes: int | None) -> tuple[FloatArray, FloatArray]:
    """Least squares through the logs of the last years, carried on: its change from the last value, and its standard error [log]."""
    y = c.logs[:, -changes - 1 :] if changes else c.logs
    n = y.shape[1]
    design = np.column_stack([np.ones(n), np.arange(1 - n, 1)])
    line = np.linalg.lstsq(design, y.T, rcond=None)[0]
    ahead = np.array([1.0, c.horizon])
    rest = ((y.T - design @ line) ** 2).sum(0) / max(n - 2, 1)
    return ahead @ line - y[:, -1], np.sqrt(rest * (1 + ahead @ np.linalg.solve(design.T @ design, ahead)))


def from_the_last(c: Cases, changes: int | None) -> tuple[FloatArray, FloatArray]:
    """The mean change of the last years carried on from the last value, and its standard error when changes are independent [log]."""
    off = np.diff(c.logs[:, -changes - 1 :] if changes else c.logs)
    n = off.shape[1]
    return c.horizon * off.mean(1), np.sqrt(off.var(1, ddof=1) * c.horizon * (1 + c.horizon / n))


def _yes_or_no(end: FloatArray, change: float) -> FloatArray:
    return (end <= change).astype(float)


def _normal(end: FloatArray, error: FloatArray, change: float) -> FloatArray:
    return np.asarray(NORMAL((change - end) / np.maximum(error, 1e-9)), dtype=float)


def straight_lines(c: Cases) -> dict[str, Callable[[float], FloatArray]]:
    """Every straight line there is: change [log] -> probability of at most that change; those with too few years are left out."""
    made: dict[str, Callable[[float], FloatArray]] = {}
    for changes in LINES:
        name = f"{changes or 'all'} changes"
        end, error = straight_line(c, changes)
        made[f"{name}, yes or no"] = partial(_yes_or_no, end)
        if c.logs.shape[1] >= 3:
            made[f"{name}, normal"] = partial(_normal, end, error)
            made[f"{name}, from the last value"] = partial(_normal, *from_the_last(c, changes))
    return made
