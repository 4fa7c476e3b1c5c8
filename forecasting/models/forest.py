"""A forest of trees whose leaves keep quantiles: one fit says the whole distribution of a value, and its quantiles cannot cross."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting import learning
from forecasting.models.task import FloatArray, ForecastSettings

GRID = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Levels at which a distribution is kept [1]; between them it is straight."""
TREES = 60


class Forest(BaseModel):
    """Quantiles of each leaf of each tree at `GRID`, averaged over the trees a row falls through.

    Reference: Meinshausen 2006, Quantile Regression Forests (JMLR 7), departing in that leaves keep quantiles, not their members.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    trees: learning.Trees
    leaves: tuple[tuple[tuple[float, ...], ...], ...] = Field(description="quantiles of the leaves of each tree, at the levels of GRID")

    def say(self, x: FloatArray) -> FloatArray:
        """Quantiles float32[r, len(GRID)] of features [r, f]."""
        leaf = self.trees.leaves(x)
        out = np.zeros((len(x), len(GRID)), np.float32)
        for tree, kept in enumerate(self.leaves):
            out += np.array(kept, np.float32)[leaf[:, tree]]
        return out / np.float32(len(self.leaves))


def grow(x: FloatArray, y: FloatArray, weight: FloatArray, settings: ForecastSettings, leaves: int, leaf_rows: int) -> Forest:
    """Fit on features [r, f], values [r] and their weights [r]; needs at least one row."""
    trees = learning.grow_forest(x, y, weight, settings, TREES, leaves, leaf_rows)
    leaf = trees.leaves(x)
    order = np.argsort(y, kind="stable")
    kept = []
    for tree in range(leaf.shape[1]):
        by_leaf = order[np.argsort(leaf[order, tree], kind="stable")]  # leaf by leaf, ascending in y
        bounds = np.searchsorted(leaf[by_leaf, tree], np.arange(leaf[:, tree].max() + 2))
        kept.append(tuple(_quantiles(y[by_leaf[a:b]], weight[by_leaf[a:b]]) for a, b in pairwise(bounds)))
    return Forest(trees=trees, leaves=tuple(kept))


def _quantiles(ascending: FloatArray, weight: FloatArray) -> tuple[float, ...]:
    share = np.cumsum(weight, dtype=float)
    share = (share - weight / 2) / share[-1]
    return tuple(float(q) for q in np.interp(GRID, share, ascending).astype(np.float32))


def sample_quantiles(samples: NDArray[np.floating], levels: Sequence[float] = GRID) -> FloatArray:
    """Quantiles [r, q] of samples [r, m], of the finite ones in each row; NaN in a row that has none."""
    ordered = np.sort(samples, axis=1)  # not-a-number sorts last
    count = np.isfinite(ordered).sum(axis=1)
    position = np.clip(np.asarray(levels)[None, :] * count[:, None] - 0.5, 0, np.maximum(count - 1, 0)[:, None])
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[:, None])
    rows = np.arange(len(ordered))[:, None]
    part = position - low
    return (ordered[rows, low] * (1 - part) + ordered[rows, high] * part).astype(np.float32)
