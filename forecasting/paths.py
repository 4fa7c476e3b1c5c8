"""Sample paths: possible courses of the next days, each with the right correlation in time and between series.

A forecast's quantiles say what may happen at each step alone; the sum of a day, the peak of a feeder or a battery's use ask what happens
together. K paths take their values from the quantiles (rank r of K is the quantile at (r + 1/2) / K, so the margins are the forecast's) and
their ranks from past errors: as they fell at past origins while K is at most their number (Schaake shuffle), else from a normal copula.

References: Clark et al. 2004, J. Hydrometeorology 5, 243 (Schaake shuffle); Schefzik et al. 2013, doi 10.1214/13-STS443 (empirical copula).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from city.problems import fault
from forecasting.correlation import correlation

FloatArray = NDArray[np.float64]
AS_SEEN = 0.5
"""Share of the copula's variance that is a mixture of past origins as they were; the rest is a product of time and series [1]."""


def sample(
    quantiles: NDArray[np.floating], levels: Sequence[float], errors: NDArray[np.floating], count: int, seed: int, as_seen: float = AS_SEEN
) -> FloatArray:
    """`count` paths float64[n, count, steps] of n series; path k of one series happens together with path k of another.

    `quantiles` is [n, steps, q] [unit per step], `errors` [n, c, steps] are past errors at c common origins, divided by their expected
    size, NaN where not known. Without any origin the steps are independent. Raises `PenstockError` for fewer than two paths.
    """
    if count < 2:
        raise fault("sample paths", str(count), "at least 2", "Ask for more.")
    n, steps, _ = quantiles.shape
    scores = normal_scores(errors)
    rng = np.random.default_rng(seed)
    order = ranks(scores[:, -count:] if count <= scores.shape[1] else _copula(scores, n, steps, count, as_seen, rng))
    table = margins(quantiles, levels, (np.arange(count) + 0.5) / count)
    return np.take_along_axis(table, order.transpose(0, 2, 1), axis=2).transpose(0, 2, 1)


def margins(quantiles: NDArray[np.floating], levels: Sequence[float], at: FloatArray) -> FloatArray:
    """The forecast's quantile function at the probabilities `at` [k]: float64[n, steps, k], exact at its own levels.

    Between two levels, and beyond the outermost ones, the value is linear in the standard normal quantile: the tail of P10, P50, P90 is
    that of a normal whose half widths differ above and below.
    """
    z, knots = norm.ppf(at), norm.ppf(np.asarray(levels))
    q = np.asarray(quantiles, np.float64)
    low = np.clip(np.searchsorted(knots, z, side="right") - 1, 0, len(knots) - 2)
    part = (z - knots[low]) / (knots[low + 1] - knots[low])
    return q[..., low] + part * (q[..., low + 1] - q[..., low])


def normal_scores(errors: NDArray[np.floating]) -> FloatArray:
    """Errors [n, c, steps] as standard normal quantiles of their rank among the c origins at their series and step; NaN becomes 0."""
    known = np.isfinite(errors)
    held = known.sum(axis=1, keepdims=True)
    order = ranks(np.where(known, errors, np.inf))
    return np.where(known, norm.ppf((np.minimum(order, held - 1) + 0.5) / np.maximum(held, 1)), 0.0)


def ranks(x: NDArray[np.floating]) -> NDArray[np.int64]:
    """Rank 0.. of each value along the last axis but one."""
    lanes = np.ascontiguousarray(np.swapaxes(x, -1, -2))
    order = np.argsort(lanes, axis=-1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(lanes.shape[-1]), axis=-1)
    return np.swapaxes(found, -1, -2)


def _copula(scores: FloatArray, n: int, steps: int, count: int, as_seen: float, rng: np.random.Generator) -> FloatArray:
    """Normal samples [n, count, steps]: random mixtures of past origins, and draws whose correlation is that of the series times that of
    the steps, both shrunk. Mixtures keep what goes together as it was, draws keep a mixture from repeating the few origins there are.
    """
    origins = scores.shape[1]
    if origins < 2:
        return rng.standard_normal((n, count, steps))
    between = correlation(scores)
    along = correlation(scores.transpose(2, 1, 0))
    drawn = between.draw(rng, count * steps).reshape(n, count, steps) @ along.root.T
    mixed = np.einsum("kc,ncs->nks", rng.standard_normal((count, origins)), scores) / np.sqrt(origins)
    return np.sqrt(1 - as_seen) * drawn + np.sqrt(as_seen) * mixed
