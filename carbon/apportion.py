"""Whole shares that add up: how a number is divided when neither a watt-hour nor a milligram may be lost."""

from collections.abc import Sequence

import numpy as np

from city.problems import fault


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of `total` in proportion to `weights`, adding up to it exactly (largest remainder; ties go to the first).

    A weight of 0 gets 0, and where `total` is at most the sum of the weights no part is larger than its weight. Unbounded
    integers, so nothing overflows. Raises `PenstockError` for a negative weight, or for something to divide and nobody to take it.

    Reference: the method of A. Hamilton, in M. Balinski and H. P. Young, Fair Representation, 2nd ed. 2001, app. A.
    """
    whole = sum(weights := [int(weight) for weight in weights])
    if min(weights, default=0) < 0 or (total and not whole):
        raise fault(f"dividing {total}", f"weights that sum to {whole}", "weights of zero or more, one above zero", "Correct the weights.")
    if total in (0, whole):
        return weights if total else [0] * len(weights)
    fits = abs(total) * max(weights) < 1 << 62
    products = np.array(weights, dtype=np.int64 if fits else object) * total
    parts = products // whole
    parts[np.argsort(parts * whole - products, kind="stable")[: total - int(parts.sum())]] += 1
    return [int(part) for part in parts.tolist()]
