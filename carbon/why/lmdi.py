"""Logarithmic mean Divisia index, method I: what each factor of a product contributed to its change, with no residual.

V = sum over sectors of x_1 x_2 ... x_K. Additive effects sum to the change of V, multiplicative ones multiply to its ratio.
References: B. W. Ang, Energy Policy 33 (2005) 867-871 and 86 (2015) 233-238 (formulas); B. W. Ang, N. Liu, ib. 35 (2007) 238-246,
and R. Wood and M. Lenzen, Energy Policy 34 (2006) 1326-1331 (zeros: analytic limits, not small values).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from city.problems import fault

Values = NDArray[np.float64]
LARGEST = 1e300
"""Sums of two larger numbers may leave the range of float64."""


def log_ratio(a: Values, b: Values) -> Values:
    """ln(a / b) of positive numbers, float64[...] [1].

    2 artanh((a - b) / (a + b)) keeps all digits where a is close to b: a - b is exact there.
    """
    half = (a - b) / (a + b)
    close = np.abs(half) < 0.5
    with np.errstate(divide="ignore"):
        return np.where(close, 2 * np.arctanh(np.where(close, half, 0.0)), np.log(a) - np.log(b))


def log_mean(a: ArrayLike, b: ArrayLike) -> Values:
    """Logarithmic mean (a - b) / ln(a / b) [unit of a]; a where both are equal, 0 where one of them is 0."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    some = (x > 0) & (y > 0)
    over = log_ratio(np.where(some, x, 1.0), np.where(some, y, 1.0))
    same = over == 0
    return np.where(some, np.where(same, x, (x - y) / np.where(same, 1.0, over)), 0.0)


def effects(before: Values, after: Values) -> Values:
    """Additive effects of K factors on their product, float64[K, ...] [unit of the product].

    `before` and `after` are float64[K, ...], factor by factor. A factor may be NaN (0 / 0: the intensity of a sector that did not exist)
    where another factor of the same product is 0; it then counts as unchanged. Zeros take their analytic limits: of a product that
    begins with m factors at 0 and ends at V, each of the m takes V / m and the others nothing (m = 1 is Ang and Liu's case 1); of one that
    ends at 0, -V / m; of one that is 0 at both ends, 0. Raises `PenstockError` for a negative value or one above `LARGEST`, an undefined
    factor in a product that is not 0, and a product beyond the range of float64.
    """
    x, y = np.array(before, np.float64), np.array(after, np.float64)
    if x.shape != y.shape or x.ndim < 1:
        raise fault("decomposition", f"factors of shape {x.shape} and {y.shape}", "the same shape [factors, ...]", "Give both years alike.")
    start, end = _product(x), _product(y)
    undefined = np.isnan(x) | np.isnan(y)
    x, y = np.where(undefined, 1.0, x), np.where(undefined, 1.0, y)
    both = (start > 0) & (end > 0)
    safe = both & (x > 0) & (y > 0)
    usual = log_mean(end, start) * log_ratio(np.where(safe, y, 1.0), np.where(safe, x, 1.0))
    born, gone = (start == 0) & (end > 0), (start > 0) & (end == 0)
    made = np.where(both, usual, 0.0)
    made += np.where(born & (x == 0), end / np.maximum((x == 0).sum(axis=0), 1), 0.0)
    return made - np.where(gone & (y == 0), start / np.maximum((y == 0).sum(axis=0), 1), 0.0)


def _product(x: Values) -> Values:
    """The product over the factors; an undefined one is allowed beside a zero."""
    if (wrong := (x < 0) | (x > LARGEST)).any():
        allowed = f"zero or more, at most {LARGEST:g}"
        raise fault("decomposition", f"a factor of {x[wrong][0]:g}", allowed, "Keep sinks and exports out, beside it.")
    zero = (x == 0).any(axis=0)
    if (np.isnan(x).any(axis=0) & ~zero).any():
        remedy = "Give the factor, or let the share or activity that makes it undefined be 0."
        raise fault("decomposition", "an undefined factor in a product that is not zero", "a number", remedy)
    made = np.where(zero, 0.0, np.prod(np.where(np.isnan(x), 1.0, x), axis=0))
    if (made > LARGEST).any() or ((made == 0) & ~zero).any():
        raise fault("decomposition", "a product beyond the range of float64", "1e-300 to 1e300", "Use larger or smaller units.")
    return made


@dataclass(frozen=True)
class Decomposition:
    """Effects of `factors` on a total from `start` to `end` [unit of the total]; `effects` is float64[K, sectors]."""

    factors: tuple[str, ...]
    start: float
    end: float
    effects: Values

    @property
    def additive(self) -> dict[str, float]:
        """{factor: its share of end - start} [unit of the total]."""
        return dict(zip(self.factors, self.effects.sum(axis=1).tolist(), strict=True))

    @property
    def multiplicative(self) -> dict[str, float]:
        """{factor: its part of end / start} [1]: exp(additive / log mean of start and end) (Ang 2005, eq. 7).

        Raises `PenstockError` when the total starts or ends at zero: there is no ratio then.
        """
        if self.start <= 0 or self.end <= 0:
            observed = f"a total from {self.start:g} to {self.end:g}"
            raise fault("decomposition", observed, "both above zero for ratios", "Use the additive form, which has exact limits.")
        weight = float(log_mean(self.end, self.start))
        return {name: float(np.exp(effect / weight)) for name, effect in self.additive.items()}

    @property
    def residual(self) -> float:
        """What the effects do not explain, relative to the larger total [1]; rounding only."""
        larger = max(self.start, self.end)
        return abs(self.effects.sum() - (self.end - self.start)) / larger if larger else 0.0


def decompose(factors: Sequence[str], before: Values, after: Values) -> Decomposition:
    """Additive and multiplicative LMDI-I of one step; `before` and `after` are float64[K, sectors]. Errors as `effects`."""
    x, y = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if x.ndim != 2 or len(x) != len(factors):
        raise fault("decomposition", f"an array of shape {x.shape}", f"[{len(factors)} factors, sectors]", "Give one row per factor.")
    made = effects(x, y)
    return Decomposition(tuple(factors), float(_product(x).sum()), float(_product(y).sum()), made)


def chained(factors: Sequence[str], years: Values) -> tuple[Decomposition, ...]:
    """Year by year: `years` is float64[T, K, sectors]; one decomposition per pair of neighbours.

    Additive effects of a factor add up over the chain and ratios multiply; the chain depends on the way, a single step on its ends only.
    """
    return tuple(decompose(factors, years[i], years[i + 1]) for i in range(len(years) - 1))
