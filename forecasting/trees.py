"""Boosted trees answered quickly: the same bits as LightGBM's own `predict`, an order of magnitude more rows per second.

Every threshold of a feature becomes an edge, every value its number among the edges (one byte), and every node one comparison of a
whole block of bytes with a constant: it takes over, row by row, the leaf number its left or its right branch has arrived at. Leaves are
reached from below, so no row is ever followed down a tree, nothing branches, and the compiler turns a node into a few vector instructions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
BLOCK = 256
"""Rows answered together: their bytes of all features and nodes stay in the first-level cache."""
MOST_LEAVES, MOST_EDGES = 128, 254
ZERO = np.float32(1e-35)
"""LightGBM reads a value of at most this size as zero."""
LARGEST = float(np.finfo(np.float32).max)
IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose forecast is the plain sum of the leaves."""


class NotPlain(Exception):
    """A model whose trees this evaluator does not read; LightGBM must answer."""


@dataclass(frozen=True)
class Forest:
    """The trees of a booster as tables. A column is a feature with one way to treat what is missing."""

    edges: FloatArray  # [features, 127 or 255], ascending, filled up with inf
    feature: NDArray[np.int32]  # [columns], ascending
    missing: Bytes  # [columns], the byte of a missing value: 0 goes left everywhere, 255 right, or that of the value zero
    nodes: NDArray[np.int32]  # [m, 4]: column, byte up to which a row goes left, and what lies left and right: a leaf, or
    # MOST_LEAVES + number of a node of the same tree; children come before their parent
    first_node: NDArray[np.int32]  # [trees + 1]
    leaves: NDArray[np.float64]
    first_leaf: NDArray[np.int32]  # [trees + 1]

    def predict(self, x: FloatArray) -> NDArray[np.float64]:
        """What the trees say of features x float32[features, r]: float64[r], bit for bit `booster.predict(x.T)`."""
        out = np.zeros(x.shape[1])
        _predict(
            np.ascontiguousarray(x, np.float32),
            self.edges,
            self.feature,
            self.missing,
            self.nodes,
            self.first_node,
            self.leaves,
            self.first_leaf,
            out,
        )
        return out


def forest(booster: lgb.Booster) -> Forest:
    """Read the trees of a booster.

    Raises `NotPlain` for categorical splits, zeros read as missing, an objective that transforms the sum, more than 128 leaves in a tree,
    more than 254 thresholds of one feature, and where numba does not work.
    """
    dump = booster.dump_model()
    if dump["objective"] not in IDENTITY or dump["average_output"] or dump["num_tree_per_iteration"] != 1:
        raise NotPlain(f"objective {dump['objective']}")
    trees = [_in_order(tree["tree_structure"]) for tree in dump["tree_info"]]
    splits = [split for inner, _, _ in trees for split in inner]
    if any(s["decision_type"] != "<=" or s["missing_type"] == "Zero" for s in splits):
        raise NotPlain("categories, or zeros read as missing")
    edges = [np.unique([_below(s["threshold"]) for s in splits if s["split_feature"] == f]) for f in range(dump["max_feature_idx"] + 1)]
    longest = max(map(len, edges))
    if longest > MOST_EDGES or any(len(values) > MOST_LEAVES for _, _, values in trees):
        raise NotPlain(f"{longest} thresholds")
    columns = sorted({_column(s, edges) for s in splits})
    number = {column: c for c, column in enumerate(columns)}
    nodes = [
        (number[_column(s, edges)], int(np.searchsorted(edges[s["split_feature"]], _below(s["threshold"]))), *below)
        for inner, children, _ in trees
        for s, below in zip(inner, children, strict=True)
    ]
    padded = np.full((len(edges), 127 if longest <= 127 else 255), np.inf, np.float32)
    for row, known in zip(padded, edges, strict=True):
        row[: len(known)] = known
    found = Forest(
        padded,
        np.array([f for f, _ in columns], np.int32),
        np.array([m for _, m in columns], np.uint8),
        np.array(nodes, np.int32).reshape(-1, 4),
        np.cumsum([0, *(len(inner) for inner, _, _ in trees)], dtype=np.int32),
        np.array([v for _, _, values in trees for v in values]),
        np.cumsum([0, *(len(values) for _, _, values in trees)], dtype=np.int32),
    )
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise NotPlain("numba is switched off")
    try:
        found.predict(np.zeros((len(edges), 1), np.float32))
    except numba.core.errors.NumbaError as error:  # a processor or an installation it cannot compile for
        raise NotPlain(f"numba: {error}") from error
    return found


def _in_order(root: dict[str, Any]) -> tuple[list[dict[str, Any]], list[tuple[int, int]], list[float]]:
    """Splits of a tree, children before parents, the places of their two branches, and the values of the leaves."""
    splits: list[dict[str, Any]] = []
    children: list[tuple[int, int]] = []
    values: list[float] = []

    def place(at: dict[str, Any]) -> int:
        if "leaf_value" in at:
            values.append(at["leaf_value"])
            return len(values) - 1
        branches = place(at["left_child"]), place(at["right_child"])
        splits.append(at)
        children.append(branches)
        return MOST_LEAVES + len(splits) - 1

    place(root)
    return splits, children, values


def _below(threshold: float) -> np.float32:
    """The largest float32 at most the threshold: a float32 lies at or below the one if and only if at or below the other."""
    near = np.float32(np.clip(threshold, -LARGEST, LARGEST))
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _column(split: dict[str, Any], edges: list[FloatArray]) -> tuple[int, int]:
    """(feature, byte of a missing value): to the side learned, or read as zero where no value was missing while learning."""
    feature = split["split_feature"]
    if split["missing_type"] == "None":
        return feature, int(np.searchsorted(edges[feature], 0.0))
    return feature, 0 if split["default_left"] else 255


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Machine code, kept on disk where a folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder: compiled anew in every process
        return numba.njit(nogil=True)(function)


@_compiled
def _to_bytes(x: FloatArray, edges: FloatArray, value: FloatArray, place: NDArray[np.int32]) -> None:
    """How many edges lie below each value, by halving; zero for what is missing."""
    for r in range(BLOCK):
        value[r] = x[r] if abs(x[r]) > ZERO or x[r] != x[r] else np.float32(0)
        place[r] = 0
    half = (len(edges) + 1) // 2
    while half > 0:
        for r in range(BLOCK):
            place[r] += half if edges[place[r] + half - 1] < value[r] else 0
        half //= 2


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
    feature: NDArray[np.int32],
    missing: Bytes,
    nodes: NDArray[np.int32],
    first_node: NDArray[np.int32],
    leaves: NDArray[np.float64],
    first_leaf: NDArray[np.int32],
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
                _to_bytes(block, edges[feature[c]], value, place)
            for r in range(BLOCK):
                bytes_of[c, r] = place[r] if value[r] == value[r] else missing[c]
        for k in range(len(first_node) - 1):
            root = 0
            for m in range(first_node[k], first_node[k + 1]):
                root = MOST_LEAVES + m - first_node[k]
                _choose(bytes_of[nodes[m, 0]], np.uint8(nodes[m, 1]), reached[nodes[m, 2]], reached[nodes[m, 3]], reached[root])
            _add(leaves[first_leaf[k] : first_leaf[k + 1]], reached[root], out[begin:end])
