"""Peaks from paths, by hand."""

import numpy as np
import pytest

from forecasting.peaks import brier, daily_peaks, peak_errors

DAY = np.array([0, 0, 0, 1, 1, 1])
PATHS = np.array([[1, 5, 2, 1, 2, 9], [1, 3, 4, 1, 2, 3], [1, 2, 6, 1, 2, 3], [1, 6, 2, 1, 2, 4.0]])


def test_the_chance_of_passing_a_rating_is_counted_by_step_and_by_day() -> None:
    """Above 4 on day 0: one path in four at step 2, two at step 1, three in four at least once."""
    first, second = daily_peaks(PATHS, DAY, 4.0)
    assert first.by_step is not None
    assert first.by_step.tolist() == [0, 0.5, 0.25]
    assert first.probability == 0.75
    assert second.probability == 0.25
    assert (first.first, first.at, second.first, second.at) == (0, 1, 3, 5)


def test_the_expected_peak_is_that_of_the_paths_not_of_their_median() -> None:
    """Maxima of day 0 are 5, 4, 6, 6: median 5.5; the median course only reaches 4."""
    first = daily_peaks(PATHS, DAY)[0]
    assert first.p50 == 5.5
    assert np.median(PATHS, axis=0)[:3].max() == 4
    assert first.p10 == pytest.approx(4.3)
    assert first.p90 == 6
    assert first.probability is None


def test_chances_never_fall_with_a_lower_limit_and_once_is_at_least_each() -> None:
    rng = np.random.default_rng(2)
    paths = rng.normal(0, 1, (50, 6))
    for low, high in ((0.0, 1.0), (-1.0, 0.5)):
        for a, b in zip(daily_peaks(paths, DAY, low), daily_peaks(paths, DAY, high), strict=True):
            assert a.probability >= b.probability  # type: ignore[operator]
            assert a.probability >= a.by_step.max()  # type: ignore[operator,union-attr]


def test_a_peak_error_is_the_error_when_it_was_highest() -> None:
    """Day 1 peaks at its second step (said 4 of 7), day 2 has no value, day 3 is not whole."""
    actual = np.array([1, 7, 2, np.nan, np.nan, np.nan, 8.0])
    found = peak_errors(actual, np.array([9, 4, 9, 1, 1, 1, 1.0]), 3)
    assert found[0] == 3
    assert np.isnan(found[1])
    assert len(found) == 2


def test_brier_by_hand() -> None:
    """(0.2 - 0)^2 and (0.9 - 1)^2: (0.04 + 0.01) / 2."""
    assert brier(np.array([0.2, 0.9]), np.array([False, True])) == pytest.approx(0.025)
