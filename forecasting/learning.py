"""Rows to learn from, and trees grown on them: the only place that calls LightGBM."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from forecasting import features

if TYPE_CHECKING:
    import lightgbm as lgb

    from forecasting.models.task import FloatArray, ForecastSettings, IntArray, Task  # its package imports this module
    from forecasting.trees import Forest

SOME_ROWS, MANY_ROWS = 10_000, 100_000
"""From this many rows on it pays to read the trees anew, and to start the compiler for it (about a CPU-second once per process)."""
FIRST_DAY = 8
"""Days from a series' first value to the first origin to learn from: a week of lags [d]."""


class Trees(BaseModel):
    """Grown trees as LightGBM's own text, which reads back to the same bits; no trees say zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: str | None = Field(description="the booster in LightGBM's text form; none: nothing could be learned")
    _rows: int = PrivateAttr(0)

    @cached_property
    def _booster(self) -> lgb.Booster:
        import lightgbm as lgb

        return lgb.Booster(model_str=self.text)

    @cached_property
    def _forest(self) -> Forest | None:
        """The trees for many rows; none where only LightGBM can read them or nothing can be compiled."""
        try:
            from forecasting import trees
        except ImportError:
            return None
        try:
            return trees.forest(self.text or "")
        except trees.NotPlain:
            return None

    def predict(self, x: FloatArray) -> FloatArray:
        """What the trees say of features float32[r, f]: float32[r], the same bits whoever answers."""
        if self.text is None:
            return np.zeros(len(x), np.float32)
        self._rows += len(x)
        if self._rows >= (SOME_ROWS if "numba" in sys.modules else MANY_ROWS) and self._forest is not None:
            return self._forest.predict(x.T).astype(np.float32)
        return np.asarray(self._booster.predict(x, num_threads=1), np.float32)

    def contributions(self, x: FloatArray) -> FloatArray:
        """Shapley values of features float32[r, f], and last what the trees say on average: float32[r, f + 1], summing to `predict`."""
        if self.text is None:
            return np.zeros((len(x), x.shape[1] + 1), np.float32)
        return np.asarray(self._booster.predict(x, num_threads=1, pred_contrib=True), np.float32)

    def leaves(self, x: FloatArray) -> IntArray:
        """The leaf of each tree that each row of features float32[r, f] falls into: int64[r, trees]."""
        return np.asarray(self._booster.predict(x, num_threads=1, pred_leaf=True), np.int64)


def grow(
    x: FloatArray,
    y: FloatArray,
    settings: ForecastSettings,
    trees: int,
    leaves: int,
    weight: FloatArray | None = None,
    leaf_rows: int | None = None,
) -> Trees:
    """Boosted trees, the same bits for the same rows on any machine with the same LightGBM (4.7)."""
    if not len(y):
        return Trees(text=None)
    params = {
        "objective": "l1",
        "learning_rate": settings.learning_rate,
        "num_leaves": leaves,
        "min_data_in_leaf": leaf_rows or int(np.clip(len(y) // 800, 10, 120)),
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
    }
    return _trained(params, x, y, weight, settings, trees)


def grow_forest(
    x: FloatArray, y: FloatArray, weight: FloatArray, settings: ForecastSettings, trees: int, leaves: int, leaf_rows: int
) -> Trees:
    """Independent trees, each on half the rows, to be averaged (Breiman 2001, doi 10.1023/A:1010933404324)."""
    params = {
        "objective": "l2",
        "boosting": "rf",
        "num_leaves": leaves,
        "min_data_in_leaf": leaf_rows,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
    }
    return _trained(params, x, y, weight, settings, trees)


def _trained(
    params: dict[str, Any], x: FloatArray, y: FloatArray, weight: FloatArray | None, settings: ForecastSettings, trees: int
) -> Trees:
    """What every kind of trees is grown with: one seed, stated threads, an order of sums that does not change."""
    import lightgbm as lgb  # a third of a second that commands which only read city.toml do not pay

    fixed = {"max_bin": 127, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    own = {"num_threads": settings.num_threads, "seed": settings.seed}
    booster = lgb.train({**params, **fixed, **own}, lgb.Dataset(x, y, weight=weight, free_raw_data=True), num_boost_round=trees)
    return Trees(text=booster.model_to_string())


def some_series(task: Task, rng: np.random.Generator) -> Task:
    """At most `train_series` of the series, drawn without replacement."""
    if task.series <= task.settings.train_series:
        return task
    return task.rows(np.sort(rng.choice(task.series, task.settings.train_series, replace=False)))


@dataclass(frozen=True)
class Drawn:
    """r rows to learn from."""

    ids: tuple[str, ...]  # of the series that rows were drawn of; none where the task has none
    i: IntArray  # [r] which of them
    x: FloatArray  # [r, f]
    value: FloatArray  # [r]
    base: FloatArray  # [r]
    scale: FloatArray  # [r]
    weight: FloatArray | None  # [r]; none: all the same


def drawn(task: Task) -> Drawn:
    """As many rows as the settings allow, with their features."""
    rng = np.random.default_rng(task.settings.seed)
    few = some_series(task, rng)
    i, o, t = past_rows(few, rng, min(task.settings.train_rows, few.series * task.settings.rows_per_series))
    x, base, scale = features.rows(features.panel(few.values, few.grid), i, o, t, few.weather)
    weight = None if few.weights is None else few.weights[i, t]
    return Drawn(few.ids, i, x, few.values[i, t], base, scale, weight)


def past_rows(task: Task, rng: np.random.Generator, count: int) -> tuple[IntArray, IntArray, IntArray]:
    """Draw (series, origin, target column) with a known target, and weather if there is any, before `fit_before`; origins at the task's
    own time of day, at which the series has been known for `FIRST_DAY` days.

    Returns at most `count` of them, int64[r] each, sorted by series so that lookups stay in cache. Half of them are less than a day ahead,
    where most is asked and most can be known.
    """
    near = min(task.steps, task.grid.slots)
    soon = _drawn(task, rng, count // 2 if near < task.steps else count, 0, near)
    later = _drawn(task, rng, count - len(soon[0]), near, task.steps)
    i, o, t = (np.concatenate(pair) for pair in zip(soon, later, strict=True))
    by_series = np.argsort(i, kind="stable")
    return i[by_series], o[by_series], t[by_series]


def _drawn(task: Task, rng: np.random.Generator, count: int, first: int, last: int) -> tuple[IntArray, IntArray, IntArray]:
    """At most `count` rows of `past_rows` whose lead is `first` to `last` - 1 columns."""
    g = task.grid
    daily = g.daily_columns(int(g.slot[task.origins[-1]]))
    daily = daily[(daily >= 0) & (daily < task.fit_before)].astype(np.int64)
    per_series = len(daily) * (last - first)
    possible = task.series * per_series
    if possible == 0 or count == 0:
        return (np.empty(0, np.int64),) * 3
    drawn = rng.permutation(possible) if possible <= 2 * count else rng.integers(0, possible, 2 * count)
    i, rest = drawn.astype(np.int64) // per_series, drawn.astype(np.int64) % per_series
    o: IntArray = daily[rest // (last - first)].astype(np.int64)
    t: IntArray = o + first + rest % (last - first)
    known_since = np.isfinite(task.values).argmax(axis=1)  # before it level and scale are made up, and such rows spoil whole leaves
    good = (t < min(task.fit_before, task.values.shape[1])) & (o >= known_since[i] + FIRST_DAY * g.slots)
    good[good] = np.isfinite(task.values[i[good], t[good]])
    if task.weights is not None:
        good[good] = task.weights[i[good], t[good]] > 0
    if task.weather is not None:
        good[good] = np.isfinite(task.weather.at(o[good], t[good])).all(axis=0)
    kept = np.flatnonzero(good)[:count]
    return i[kept], o[kept], t[kept]
