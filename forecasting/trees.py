"""Boosted trees answered quickly: the same bits as LightGBM's own `predict`, an order of magnitude more rows per second.

Every threshold of a feature becomes an edge, every value its number among the edges (one byte), and every node one comparison of a
whole block of bytes with a constant: it takes over, row by row, the leaf number its left or its right branch has arrived at. Leaves are
reached from below, so no row is ever followed down a tree, nothing branches, and the compiler turns a node into a few vector instructions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int32]
FloatArray = NDArray[np.float32]
BLOCK = 512
"""Rows answered together: their bytes of all features and nodes stay in the nearest caches."""
MOST_LEAVES, MOST_EDGES = 128, 254
ZERO = np.float32(1e-35)
"""LightGBM reads a value of at most this size as zero."""
IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose forecast is the plain sum of the leaves."""
CATEGORY, LEFT_IF_MISSING, ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of LightGBM's `decision_type`."""
SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


class NotPlain(Exception):
    """A model whose trees this evaluator does not read; LightGBM must answer."""


@dataclass(frozen=True)
class Forest:
    """Trees as tables. A column is a feature with one way to treat what is missing."""

    edges: FloatArray  # [features, 256], ascending, filled up with inf
    start: Bytes  # [features, 2^15], how many edges lie below all values whose first 15 bits are the number of the cell
    more: Numbers  # [features], the most edges within a cell
    feature: Numbers  # [columns], ascending
    missing: Bytes  # [columns], the byte of a missing value: 0 goes left everywhere, 255 right, or that of the value zero
    nodes: Numbers  # [m, 4]: column, byte up to which a row goes left, and what lies left and right: a leaf, or MOST_LEAVES + a later node
    first_node: Numbers  # [trees + 1]
    leaves: NDArray[np.float64]
    first_leaf: Numbers  # [trees + 1]

    def predict(self, x: FloatArray) -> NDArray[np.float64]:
        """What the trees say of features x float32[features, r]: float64[r], bit for bit what LightGBM says of x.T.

        Raises `ValueError` for another number of features than they were grown on: machine code would read beyond them.
        """
        if len(x) != len(self.edges):
            raise ValueError(f"{len(x)} features, the trees were grown on {len(self.edges)}")
        out = np.zeros(x.shape[1])
        tables = (self.edges, self.start, self.more, self.feature, self.missing, self.nodes, self.first_node, self.leaves, self.first_leaf)
        _predict(np.ascontiguousarray(x, np.float32), *tables, out)
        return out


def forest(text: str) -> Forest:
    """Read the trees from LightGBM's text form of a model (version 4).

    Raises `NotPlain` for categorical splits, linear leaves, zeros read as missing, an objective that transforms the sum, more than 128
    leaves in a tree, more than 254 thresholds of one feature, and where numba does not work.
    """
    model, *trees = (dict(line.split("=", 1) for line in part.splitlines() if "=" in line) for part in text.split("\nTree="))
    values = [np.array(tree["leaf_value"].split(), float) for tree in trees]
    splits = [[np.array(tree.get(name, "").split(), float) for tree in trees] for name in SPLIT]
    feature, threshold, decision, left, right = (np.concatenate(part) for part in splits)
    feature, decision = feature.astype(np.int64), decision.astype(np.int64)
    sums = model["objective"] in IDENTITY and model["num_tree_per_iteration"] == "1" and "\naverage_output" not in text
    constant = all(tree.get("is_linear", "0") == "0" for tree in trees)
    if not sums or not constant or (decision & (CATEGORY | ZERO_IS_MISSING)).any() or max(map(len, values)) > MOST_LEAVES:
        raise NotPlain(f"objective {model['objective']}, or its trees")
    at = _below(threshold)
    edges = [np.unique(at[feature == f]) for f in range(int(model["max_feature_idx"]) + 1)]
    if max(map(len, edges)) > MOST_EDGES:
        raise NotPlain("too many thresholds of a feature")
    most = np.array([np.searchsorted(edges[f], a) for f, a in zip(feature, at, strict=True)], np.int64)
    zero = np.array([np.searchsorted(known, 0) for known in edges])[feature]
    missing = np.where(decision & NAN_IS_MISSING, np.where(decision & LEFT_IF_MISSING, 0, 255), zero)
    columns, column = np.unique(feature * 256 + missing, return_inverse=True)
    children = (np.where(child >= 0, MOST_LEAVES + child, -1 - child) for child in (left, right))
    return _checked(
        Forest(
            *_cells(edges),
            (columns // 256).astype(np.int32),
            (columns % 256).astype(np.uint8),
            np.column_stack([column, most, *children]).astype(np.int32),
            np.cumsum([0, *map(len, splits[0])], dtype=np.int32),
            np.concatenate(values),
            np.cumsum([0, *map(len, values)], dtype=np.int32),
        )
    )


def _below(threshold: NDArray[np.float64]) -> FloatArray:
    """The largest float32 at most each threshold: a float32 lies at or below the one if and only if at or below the other."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near.astype(float) <= threshold, near, np.nextafter(near, np.float32(-np.inf)))


def _cells(edges: list[FloatArray]) -> tuple[FloatArray, Bytes, Numbers]:
    """Edges as one table, and where to begin to look among them for a value: see `Forest`."""
    table = np.full((len(edges), 256), np.inf, np.float32)
    first = (np.arange(1 << 15, dtype=np.uint32) << 17).view(np.float32)  # of each cell, its value nearest to zero
    last = ((np.arange(1 << 15, dtype=np.uint32) << 17) + np.uint32((1 << 17) - 1)).view(np.float32)
    low, high = np.fmin(first, last), np.fmax(first, last)
    start, more = np.zeros((len(edges), low.size), np.uint8), np.zeros(len(edges), np.int32)
    for f, known in enumerate(edges):
        table[f, : len(known)] = known
        below = np.searchsorted(known, low)
        start[f], more[f] = below, (np.searchsorted(known, high) - below).max()
    return table, start, more


def _checked(found: Forest) -> Forest:
    """The same, its machine code at hand."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise NotPlain("numba is switched off")
    try:
        found.predict(np.zeros((len(found.edges), 1), np.float32))
    except numba.core.errors.NumbaError as error:  # a processor or an installation it cannot compile for
        raise NotPlain(f"numba: {error}") from error
    return found


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Machine code, kept on disk where a folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder: compiled anew in every process
        return numba.njit(nogil=True)(function)


@_compiled
def _to_bytes(x: FloatArray, edges: FloatArray, start: Bytes, more: int, value: FloatArray, place: Numbers) -> None:
    """How many edges lie below each value: those below its cell from a table, and one comparison for each that may lie within it."""
    for r in range(BLOCK):
        value[r] = x[r] if abs(x[r]) > ZERO or x[r] != x[r] else np.float32(0)
    bits = value.view(np.uint32)
    for r in range(BLOCK):
        place[r] = start[bits[r] >> 17]
    for _ in range(more):
        for r in range(BLOCK):
            place[r] += edges[place[r]] < value[r]


@_compiled
def _choose(byte: Bytes, most: int, left: Bytes, right: Bytes, out: Bytes) -> None:
    for r in range(BLOCK):
        take_left = -np.int8(byte[r] <= most)  # all bits set or none: no branch, so the loop becomes vector instructions
        out[r] = right[r] ^ ((right[r] ^ left[r]) & take_left)


@_compiled
def _add(values: NDArray[np.float64], leaf: Bytes, out: NDArray[np.float64]) -> None:
    for r in range(len(out)):
        out[r] += values[leaf[r]]


@_compiled
def _predict(
    x: FloatArray,
    edges: FloatArray,
    start: Bytes,
    more: Numbers,
    feature: Numbers,
    missing: Bytes,
    nodes: Numbers,
    first_node: Numbers,
    leaves: NDArray[np.float64],
    first_leaf: Numbers,
    out: NDArray[np.float64],
) -> None:
    rows = x.shape[1]
    block, value, place = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.int32)
    bytes_of = np.zeros((len(feature), BLOCK), np.uint8)
    reached = np.zeros((2 * MOST_LEAVES, BLOCK), np.uint8)
    for leaf in range(MOST_LEAVES):
        reached[leaf] = leaf
    for begin in range(0, rows, BLOCK):
        end = min(begin + BLOCK, rows)
        for c in range(len(feature)):
            if c == 0 or feature[c] != feature[c - 1]:
                block[: end - begin] = x[feature[c], begin:end]
                _to_bytes(block, edges[feature[c]], start[feature[c]], more[feature[c]], value, place)
            for r in range(BLOCK):
                bytes_of[c, r] = place[r] if value[r] == value[r] else missing[c]
        for k in range(len(first_node) - 1):
            root = 0
            for m in range(first_node[k + 1] - 1, first_node[k] - 1, -1):  # what lies below a node comes after it
                root = MOST_LEAVES + m - first_node[k]
                _choose(bytes_of[nodes[m, 0]], np.uint8(nodes[m, 1]), reached[nodes[m, 2]], reached[nodes[m, 3]], reached[root])
            _add(leaves[first_leaf[k] : first_leaf[k + 1]], reached[root], out[begin:end])
