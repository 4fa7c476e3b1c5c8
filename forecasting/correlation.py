"""How series err together: the correlation of past errors, shrunk towards none, without ever holding the n x n matrix.

Reference: Schaefer & Strimmer 2005, doi 10.2202/1544-6115.1175. Departure: the variance of a correlation is taken between origins, not
between single errors, because the errors of one origin are not independent of each other; and errors are not centred: a bias is an error.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
SAMPLES = 1_200
"""Errors per series that a correlation is estimated from; more lead times are thinned out evenly."""


@dataclass(frozen=True)
class Correlation:
    """R = (1 - shrunk) Z'Z off the diagonal, 1 on it; Z float64[samples, n] has columns of length one, or zero where nothing is known."""

    z: FloatArray
    shrunk: float

    @property
    def _alone(self) -> FloatArray:
        return 1 - (1 - self.shrunk) * (self.z**2).sum(axis=0)

    def times(self, x: FloatArray) -> FloatArray:
        """R x, float64[n, k]."""
        return self._alone[:, None] * x + (1 - self.shrunk) * (self.z.T @ (self.z @ x))

    @cached_property
    def root(self) -> FloatArray:
        """Lower triangular float64[n, n] with root root' = R; only where n is small."""
        n = self.z.shape[1]
        return np.asarray(np.linalg.cholesky(self.times(np.eye(n)) + 1e-9 * np.eye(n)), np.float64)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Normal samples float64[n, count] with this correlation."""
        n = self.z.shape[1]
        if n <= len(self.z):
            return self.root @ rng.standard_normal((n, count))
        own = np.sqrt(self._alone)[:, None] * rng.standard_normal((n, count))
        return own + np.sqrt(1 - self.shrunk) * (self.z.T @ rng.standard_normal((len(self.z), count)))


def correlation(errors: NDArray[np.floating]) -> Correlation:
    """Of errors [n, c, s] (series, origins, samples of an origin), already divided by their expected size; NaN where not known."""
    n, origins, samples = errors.shape
    thin = errors[:, :, :: max(1, -(-origins * samples // SAMPLES))]
    z = np.nan_to_num(thin.astype(np.float64)).transpose(1, 2, 0)
    length = np.sqrt((z**2).sum(axis=(0, 1)))
    z = z / np.where(length > 0, length, 1)
    return Correlation(z.reshape(-1, n), _intensity(z))


def _intensity(z: FloatArray) -> float:
    """Variance of the correlations over their squares, both summed over all pairs of series: how much of them is chance [0..1].

    `z` is [c, s, n] with columns of length one. Sums over pairs are taken from the small matrix: |Z'Z| = |ZZ'| (Frobenius).
    """
    origins, samples, n = z.shape
    if origins < 2:
        return 1.0
    flat = z.reshape(-1, n)
    gram = flat @ flat.T
    own = (z**2).sum(axis=1)  # [c, n]: each series with itself
    pairs = float((gram**2).sum() - (own.sum(axis=0) ** 2).sum())
    blocks = [slice(c * samples, (c + 1) * samples) for c in range(origins)]
    by_origin = float(sum((gram[b, b] ** 2).sum() for b in blocks) - (own**2).sum())
    variance = origins / (origins - 1) * (by_origin - pairs / origins)
    return float(np.clip(variance / pairs, 0, 1)) if pairs > 0 else 1.0
