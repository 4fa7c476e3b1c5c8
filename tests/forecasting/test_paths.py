"""Sample paths: their margins are the forecast's, and what happens together is what happened together before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import norm

from city.problems import PenstockError
from forecasting.paths import margins, normal_scores, sample

LEVELS = (0.1, 0.5, 0.9)
STEPS = 24


def _autoregressive(rng: np.random.Generator, n: int, origins: int, rho: float, common: float) -> np.ndarray:
    """Errors [n, origins, STEPS] of variance one: AR(1) in time, `common` the correlation between series."""
    shared = rng.standard_normal((1, origins, STEPS)) * np.sqrt(common) + rng.standard_normal((n, origins, STEPS)) * np.sqrt(1 - common)
    out = shared.copy()
    for step in range(1, STEPS):
        out[:, :, step] = rho * out[:, :, step - 1] + np.sqrt(1 - rho**2) * shared[:, :, step]
    return out


def _normal(n: int) -> np.ndarray:
    """Quantiles [n, STEPS, 3] of standard normals."""
    return np.broadcast_to(norm.ppf(LEVELS), (n, STEPS, 3))


def test_the_quantile_function_passes_its_own_levels_and_goes_on_as_a_normal() -> None:
    """P10 7, P50 10, P90 12: the lower half is normal with sigma 3 / 1.2816, the upper with 2 / 1.2816."""
    said = margins(np.array([[[7.0, 10.0, 12.0]]]), LEVELS, np.array([0.1, 0.5, 0.9, 0.01, 0.99]))[0, 0]
    assert said == pytest.approx([7, 10, 12, 10 - 3 * 2.32635 / 1.28155, 10 + 2 * 2.32635 / 1.28155], abs=1e-4)


@given(some.integers(0, 2**32), some.sampled_from([10, 28, 200]))
@settings(max_examples=20, deadline=None)
def test_margins_of_paths_are_the_forecast(seed: int, count: int) -> None:
    """At every step the sorted paths are the quantile function at (r + 1/2) / K, whatever the errors were."""
    rng = np.random.default_rng(seed)
    q = np.sort(rng.normal(0, 9, (3, 5, 3)), axis=2)
    errors = np.where(rng.random((3, 28, 5)) < 0.1, np.nan, rng.normal(0, 1, (3, 28, 5)))
    paths = sample(q, LEVELS, errors, count, seed)
    assert paths.shape == (3, count, 5)
    assert np.sort(paths, axis=1) == pytest.approx(margins(q, LEVELS, (np.arange(count) + 0.5) / count).transpose(0, 2, 1))
    inside = (paths >= q[..., 0][:, None]) & (paths <= q[..., 2][:, None])
    assert inside.mean() == pytest.approx(0.8, abs=1 / count)


def test_few_paths_rank_as_the_errors_of_past_origins_did() -> None:
    """Three origins, three paths: the origin with the largest error gives the path with the largest value (Schaake shuffle)."""
    errors = np.zeros((2, 3, STEPS))
    errors[0] = np.array([2.0, -1.0, 0.5])[:, None]
    errors[1] = np.array([-2.0, 1.0, 0.0])[:, None]
    paths = sample(_normal(2), LEVELS, errors, 3, 1)
    assert (np.argsort(paths[0], axis=0) == np.array([1, 2, 0])[:, None]).all()
    assert (np.argsort(paths[1], axis=0) == np.array([0, 2, 1])[:, None]).all()


def test_the_day_s_sum_varies_as_it_does_where_independent_draws_fail() -> None:
    """AR(1) of 0.9 over 24 h and 0.5 between four series: the variance of the sum is known; independent steps would have 96."""
    rng = np.random.default_rng(4)
    truth = _autoregressive(rng, 4, 20_000, 0.9, 0.5).sum(axis=(0, 2)).var()
    found = [sample(_normal(4), LEVELS, _autoregressive(rng, 4, 28, 0.9, 0.5), 200, seed).sum(axis=(0, 2)).var() for seed in range(20)]
    independent = sample(_normal(4), LEVELS, np.full((4, 0, STEPS), np.nan), 200, 1).sum(axis=(0, 2)).var()
    assert np.mean(found) == pytest.approx(truth, rel=0.2)
    assert independent < 0.15 * truth


def test_series_that_erred_apart_are_drawn_apart() -> None:
    rng = np.random.default_rng(6)
    paths = sample(_normal(6), LEVELS, _autoregressive(rng, 6, 28, 0.8, 0.0), 300, 2)
    between = np.corrcoef(paths.sum(axis=2))
    assert np.abs(between[~np.eye(6, dtype=bool)]).mean() < 0.2


def test_the_same_seed_gives_the_same_paths() -> None:
    errors = _autoregressive(np.random.default_rng(1), 3, 28, 0.5, 0.5)
    one, two, other = (sample(_normal(3), LEVELS, errors, 50, seed) for seed in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_scores_are_normal_quantiles_of_ranks_and_the_unknown_is_the_middle() -> None:
    scores = normal_scores(np.array([[[3.0], [np.nan], [1.0]]]))[0, :, 0]
    assert scores == pytest.approx([norm.ppf(0.75), 0, norm.ppf(0.25)])


def test_a_step_that_is_certain_is_the_same_in_every_path() -> None:
    """The sun at night."""
    q = np.concatenate([_normal(1), np.zeros((1, STEPS, 3))])
    assert (sample(q, LEVELS, _autoregressive(np.random.default_rng(1), 2, 28, 0.5, 0.5), 40, 1)[1] == 0).all()


def test_one_path_is_no_sample() -> None:
    with pytest.raises(PenstockError, match="at least 2"):
        sample(_normal(1), LEVELS, np.zeros((1, 3, STEPS)), 1, 1)
