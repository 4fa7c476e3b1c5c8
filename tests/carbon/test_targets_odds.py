"""The odds: Student's t by scipy, middle and scale by hand, and what they must do as the years come in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from carbon.targets.odds import CHANGES, POOLED, Pooled, outlook, student_below
from city.problems import PenstockError

PLAIN = Pooled(drift=-0.02, draw=8.0, reach=0.5, df=4.0, scale=0.03, weight=1.0)  # a random walk with drift
BOTH = tuple(POOLED.values())


@pytest.mark.parametrize("df", [1.0, 2.5, 4.0, 30.0])
def test_students_distribution_is_that_of_scipy(df):
    t = np.array([-40.0, -2.0, -0.3, 0.0, 1.0, 7.0])
    assert student_below(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-7)


def test_a_random_walk_by_hand():
    """Two changes known: a fifth of their mean counts, the scale is (4 x 0.03^2 + 0.01^2 + 0.03^2) / 6 a year, five times in five years."""
    told = outlook([2020, 2021, 2022], [0.0, -0.01, -0.06], 2027, PLAIN)
    assert told.df == 6
    assert told.middle == pytest.approx(5 * (-0.02 + 2 / 10 * (-0.03 + 0.02)))
    assert told.scale**2 == pytest.approx(5 * (4 * 0.0009 + 0.0001 + 0.0009) / 6)
    assert told.below(told.middle) == pytest.approx(0.5)
    assert told.quantile(0.95) == pytest.approx(stats.t.ppf(0.95, 6, told.middle, told.scale))


def test_a_gap_and_a_last_value_that_is_not_final_by_hand():
    """Changes of -0.08 in two years and -0.05 in one whose end is 0.03 (one more year of change) unsure: 4 years in all."""
    told = outlook([2018, 2020, 2021], [0.0, -0.08, -0.13], 2025, PLAIN, 0.03)
    assert told.middle == pytest.approx(4 * (-0.02 + 3 / (3 + 8 * (1 + 1 / 3)) * (-0.13 / 3 + 0.02)))
    squares = 0.04**2 / 2 + 0.03**2 / 2
    assert told.scale**2 == pytest.approx(4 * (4 * 0.0009 + squares) / 6 + 0.03**2)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8), st.sampled_from(BOTH), st.integers(1, 15))
def test_odds_rise_with_what_is_allowed_and_an_exact_copy_of_the_past_moves_nothing(changes, pooled, ahead):
    logs = np.r_[0.0, np.cumsum(changes)]
    told = outlook(range(2000, 2000 + len(logs)), logs, 2000 + len(changes) + ahead, pooled)
    asked = np.linspace(-1, 1, 21)
    assert (np.diff(told.below(asked)) >= 0).all()
    assert told.below(told.quantile(0.05)) == pytest.approx(0.05, abs=1e-6)
    shifted = outlook(range(1900, 1900 + len(logs)), logs + 3, 1900 + len(changes) + ahead, pooled)
    assert shifted.middle == pytest.approx(float(told.middle), abs=1e-9)
    assert shifted.scale == pytest.approx(float(told.scale))


@pytest.mark.parametrize("pooled", BOTH)
def test_more_is_open_the_further_ahead_and_the_less_is_known(pooled):
    one = [outlook([2022], [0.0], year, pooled) for year in (2023, 2027, 2032)]
    assert one[0].scale < one[1].scale < one[2].scale
    calm = outlook(range(2017, 2023), -0.01 * np.arange(6), 2027, pooled)
    wild = outlook(range(2017, 2023), [0, 0.2, -0.3, 0.1, -0.2, -0.05], 2027, pooled)
    assert calm.scale < one[1].scale < wild.scale
    noisy = outlook(range(2017, 2023), -0.01 * np.arange(6), 2027, pooled, 0.05)
    assert noisy.scale > calm.scale


def test_only_the_last_years_speak_and_a_fast_city_keeps_some_of_its_pace():
    pooled = POOLED["energy_per_gdp"]
    long = np.r_[np.linspace(3, 0.9, 10), 0.9 - 0.05 * np.arange(1, CHANGES + 1)]
    short = long[-CHANGES - 1 :]
    assert outlook(range(15), long, 25, pooled).middle == outlook(range(9, 15), short, 25, pooled).middle
    fast, slow = (outlook(range(6), -step * np.arange(6), 10, pooled) for step in (0.05, 0.0))
    assert fast.middle < slow.middle < 0
    assert fast.middle > 5 * -0.05  # and part of it goes back to what countries do


@pytest.mark.parametrize(
    ("years", "logs", "year"), [([], [], 2030), ([2022, 2021], [0, 0], 2030), ([2022], [0], 2022), ([2022], [np.nan], 2030)]
)
def test_years_that_make_no_sense_are_refused(years, logs, year):
    with pytest.raises(PenstockError, match="ascending years"):
        outlook(years, logs, year, PLAIN)
