"""Whole shares that add up: how a number is divided when neither a watt-hour nor a milligram may be lost."""

from collections.abc import Sequence

from city.problems import fault


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of `total` in proportion to `weights`, adding up to it exactly (largest remainder; ties go to the first).

    A weight of 0 gets 0, and where `total` is at most the sum of the weights no part is larger than its weight. Unbounded
    integers, so nothing overflows. Raises `PenstockError` for a negative weight, or for something to divide and nobody to take it.

    Reference: the method of A. Hamilton, in M. Balinski and H. P. Young, Fair Representation, 2nd ed. 2001, app. A.
    """
    weights = [int(weight) for weight in weights]
    whole = sum(weights)
    if min(weights, default=0) < 0 or (total and not whole):
        raise fault(f"dividing {total}", f"weights that sum to {whole}", "weights of zero or more, one above zero", "Correct the weights.")
    if not total:
        return [0] * len(weights)
    parts, rests = map(list, zip(*(divmod(total * weight, whole) for weight in weights), strict=True))
    left = total - sum(parts)
    for place in sorted(range(len(weights)), key=lambda place: -rests[place])[:left]:
        parts[place] += 1
    return parts
