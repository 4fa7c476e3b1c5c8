"""Forecasts that add up: a parent is the sum of its parts, in the middle forecast and in every sample path.

Every aggregate is a constraint `parent - sum of parts = 0`; a forecast is moved onto them by the smallest step in the metric of its
errors, `y - W C' (C W C')^-1 C y` (MinT in its projection form), W the covariance of the base forecasts' errors. At each step W = D R D: D
the spread of tonight's band, so that what is certain (the sun at night) is not moved; R the correlation of past errors. On both real trees
of `python -m benchmarks hierarchy` R = I (WLS) errs less than R shrunk by Schaefer and Strimmer, so the product gives no correlation.

References: Wickramasuriya, Athanasopoulos & Hyndman 2019, doi 10.1080/01621459.2018.1448825 (MinT); Panagiotelis et al. 2023,
doi 10.1016/j.ejor.2022.07.040 (sample paths reconciled one by one); Di Fonzo & Girolimetto 2023, Solar Energy (negative parts set to zero).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from city.problems import fault
from forecasting.correlation import Correlation

FloatArray = NDArray[np.float64]
DENSE = 300
"""Series of a tree up to which matrices are dense and errors may be correlated; in larger ones they count as independent."""


@dataclass(frozen=True)
class Tree:
    """n series, m of them sums of others: {aggregate: {part: sign}}, sign -1 for what is subtracted (generation behind a net meter)."""

    ids: tuple[str, ...]
    sums: Mapping[str, Mapping[str, float]]

    @cached_property
    def _definition(self) -> sparse.csr_array:
        """float64[n, n]: row of an aggregate -> signs of its parts; rows of the others are empty."""
        row = {name: i for i, name in enumerate(self.ids)}
        cells = [(row[parent], row[part], sign) for parent, parts in self.sums.items() for part, sign in parts.items()]
        at = np.array([cell[:2] for cell in cells], np.int64).reshape(-1, 2).T
        return sparse.csr_array((np.array([cell[2] for cell in cells], float), (at[0], at[1])), shape=(len(self.ids),) * 2)

    @cached_property
    def constraint(self) -> sparse.csr_array:
        """float64[m, n]: constraint @ values = 0 where they add up."""
        rows = [i for i, name in enumerate(self.ids) if name in self.sums]
        return sparse.csr_array(sparse.eye_array(len(self.ids), format="csr") - self._definition)[rows]

    @cached_property
    def dense(self) -> FloatArray:
        """The constraints as a plain matrix; only where n is small."""
        return np.asarray(self.constraint.toarray())

    @cached_property
    def bottom(self) -> NDArray[np.int64]:
        """Rows of the series that are no sums."""
        return np.array([i for i, name in enumerate(self.ids) if name not in self.sums], np.int64)

    @cached_property
    def summing(self) -> sparse.csr_array:
        """float64[n, b]: every series as a sum of bottom ones."""
        reached = sparse.csr_array(sparse.eye_array(len(self.ids), format="csr")[:, self.bottom])
        total = reached
        while reached.nnz:
            reached = self._definition @ reached
            total = total + reached
        return total

    def incoherence(self, values: FloatArray) -> float:
        """Largest |parent - sum of parts| over the largest value involved [1]; `values` is [n, ...]."""
        flat = values.reshape(len(self.ids), -1)
        residual = np.abs(self.constraint @ flat)
        size = np.maximum(abs(self.constraint) @ np.abs(flat), 1e-300)
        return float((residual / size).max(initial=0.0))


def trees(sums: Mapping[str, Mapping[str, float]]) -> list[Tree]:
    """One tree for each set of sums that hang together, ids in the order they are named.

    Raises `PenstockError` when a sum has no parts or is, through others, a part of itself.
    """
    ids = tuple(dict.fromkeys(name for parent, parts in sums.items() for name in (parent, *parts)))
    for parent, parts in sums.items():
        if not parts:
            raise fault(f"sum '{parent}'", "has no parts", "at least one series", "Name what it is the sum of.")
    try:
        tuple(TopologicalSorter({parent: parts.keys() for parent, parts in sums.items()}).static_order())
    except CycleError as error:
        loop = " -> ".join(map(str, error.args[1]))
        raise fault("sums", f"{loop}: a part of itself", "sums without a circle", "Take one of them out.") from None
    links = Tree(ids, sums)._definition
    _, group = connected_components(links, directed=False)
    found: dict[int, list[str]] = {}
    for name, number in zip(ids, group, strict=True):
        found.setdefault(int(number), []).append(name)
    return [Tree(tuple(names), {name: sums[name] for name in names if name in sums}) for names in found.values()]


def structural(tree: Tree) -> FloatArray:
    """Spread float64[n] where nothing is known of the errors: each bottom series errs alike and alone (WLS-structural)."""
    return np.sqrt(abs(tree.summing).sum(axis=1))


def reconcile(
    tree: Tree,
    values: FloatArray,
    spread: FloatArray,
    correlation: Correlation | None = None,
    nonnegative: NDArray[np.bool_] | None = None,
) -> FloatArray:
    """`values` [n, k, steps] moved to where they add up: exactly, for each of the k forecasts or paths and each step.

    `spread` [n, steps] is the size of each error [unit of the values]: zero keeps a series as it is, zero for all bottom series is
    bottom-up, ones are OLS. Without `correlation` errors count as independent (WLS). Bottom series marked `nonnegative` [n] that
    would fall below zero become zero, and the sums are taken again. Raises `PenstockError` when a value is not finite.
    """
    if not np.isfinite(values).all() or not np.isfinite(spread).all():
        raise fault("reconciliation", "a value that is not finite", "finite forecasts and bands", "Leave the series out of the sums.")
    held = correlation if len(tree.ids) <= DENSE else None
    moved = np.array(values, np.float64)
    for step in range(values.shape[2]):
        moved[:, :, step] -= _step(tree, moved[:, :, step], spread[:, step], held)
    bottom = moved[tree.bottom]
    if nonnegative is not None:
        bottom = np.where(nonnegative[tree.bottom][:, None, None], np.maximum(bottom, 0), bottom)
    return np.asarray((tree.summing @ bottom.reshape(len(bottom), -1)).reshape(values.shape))


def _step(tree: Tree, y: FloatArray, spread: FloatArray, correlation: Correlation | None) -> FloatArray:
    """W C' (C W C')^-1 C y of one step: float64[n, k]. What no spread allows to move is left to the sums."""
    if len(tree.ids) > DENSE:
        sparsely = sparse.csr_array(tree.constraint.multiply(spread[None, :])).T  # D C', [n, m]
        met = sparse.csc_array(sparsely.T @ sparsely)
        met = met + sparse.diags_array(_ridge(met.diagonal()), format="csc")
        return np.asarray(spread[:, None] * (sparsely @ sparse.linalg.splu(met).solve(tree.constraint @ y)))
    scaled = (tree.dense * spread).T
    along = scaled if correlation is None else correlation.times(scaled)
    met = scaled.T @ along
    return np.asarray(spread[:, None] * (along @ np.linalg.solve(met + np.diag(_ridge(np.diag(met))), tree.dense @ y)))


def _ridge(diagonal: FloatArray) -> FloatArray:
    """What keeps a constraint between certain series solvable [m]; far below what would be seen elsewhere."""
    return np.full(len(diagonal), 1e-13 * diagonal.max() if diagonal.max(initial=0.0) > 0 else 1.0)
