import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import features, origins
from forecasting.calendars import Calendar
from forecasting.panel import known, mean_of, median_of
from forecasting.windows import finite_mean

MONDAY = datetime(2022, 2, 27, 23, tzinfo=UTC)  # 2022-02-28 00:00 in Rome


def seen(values, o, t):
    grid = Calendar().grid(MONDAY, timedelta(hours=1), values.shape[1] + 400)
    n = len(t)
    x, base, scale = features.rows(features.panel(values, grid), np.zeros(n, np.int64), np.full(n, o), np.asarray(t))
    return dict(zip(features.NAMES, x.T, strict=True)), base, scale


def test_like_days_of_a_tuesday_are_the_last_workdays_by_local_time():
    values = np.repeat(np.arange(40.0, dtype=np.float32), 24)[None, :] * 1.0  # each value is its day's number
    values = values + np.tile(np.arange(24) / 100, 40).astype(np.float32)
    found, base, scale = seen(values, 15 * 24, [15 * 24 + 10])  # at Tuesday 00:00 for 10:00; day 14 is a Monday, 12 and 13 a weekend
    lags = [round(float(found[f"alike_{k}"][0] * scale[0] + base[0]), 2) for k in (1, 2, 3, 4)]
    assert lags == [14.1, 11.1, 10.1, 9.1]
    assert round(float(found["weekday_1"][0] * scale[0] + base[0]), 2) == 8.1
    assert round(float(scale[0]), 3) == 0.23  # largest minus smallest of a day


def test_the_base_is_the_profile_moved_by_what_the_last_week_added():
    pattern = np.tile(np.linspace(1, 2, 24, dtype=np.float32), 25)
    pattern[18 * 24 :] *= 1.2  # the week before the origin runs a fifth higher
    _, base, _ = seen(pattern[None, :], 25 * 24, [25 * 24 + 23])  # a Friday, 23:00
    like = finite_mean(np.array([2.4] * 5 + [2.0] * 3), 0) / 2 + finite_mean(np.array([2.4] + [2.0] * 3), 0) / 2
    assert 1.0 < float(base[0]) / like < 1.2  # what was expected of the week already holds its first days
    _, base, _ = seen(np.tile(np.linspace(1, 2, 24, dtype=np.float32), 25)[None, :], 25 * 24, [25 * 24 + 23])
    assert float(base[0]) == pytest.approx(2.0, rel=1e-5)


def test_features_do_not_change_with_the_unit():
    rng = np.random.default_rng(3)
    values = (rng.random((1, 30 * 24)) + 1).astype(np.float32)
    one, _, scale = seen(values, 25 * 24, [25 * 24 + 5])
    thousand, _, larger = seen(values * 1000, 25 * 24, [25 * 24 + 5])
    for name in features.NAMES:
        np.testing.assert_allclose(one[name], thousand[name], rtol=1e-3, atol=1e-4)
    assert abs(float(larger[0] / scale[0]) - 1000) < 1


@settings(max_examples=40, deadline=None)
@given(o=st.integers(200, 800), ahead=st.integers(0, 160), seed=st.integers(0, 99))
def test_nothing_at_or_after_the_origin_is_seen(o, ahead, seed):
    """28 February to early April spans the change to summer time."""
    rng = np.random.default_rng(seed)
    values = rng.random((1, 1000)).astype(np.float32)
    changed = values.copy()
    changed[:, o:] = rng.random((1, 1000 - o)) * 9
    before, base, scale = seen(values, o, [o + ahead])
    after, base_2, scale_2 = seen(changed, o, [o + ahead])
    for name in features.NAMES:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    assert base[0] == base_2[0]
    assert scale[0] == scale_2[0]


def test_windows_skip_what_is_missing():
    a = np.array([[1.0], [np.nan], [3.0], [5.0]], np.float32)
    filled, seen = known(a)
    three, one = origins.window_means([(filled, seen, np.array([4, 2]), 3), (filled, seen, np.array([4, 2]), 1)])
    assert three[:, 0].tolist() == [4.0, 1.0]
    assert one[0, 0] == 5.0
    assert np.isnan(one[1, 0])
    assert finite_mean(a.T, 1)[0] == 3.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.one_of(st.just(np.nan), st.floats(-100, 100, width=32)), min_size=8, max_size=8), min_size=1, max_size=5))
def test_means_and_medians_of_days_are_those_of_what_is_known(table):
    days = [known(a) for a in np.array(table, np.float32).T]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a row without any value
        np.testing.assert_allclose(
            median_of(days), np.nanmedian(table, axis=1), rtol=1e-5, atol=1e-30
        )  # numbers below a float's range round
        np.testing.assert_allclose(mean_of(days), np.nanmean(table, axis=1), rtol=1e-4, atol=1e-4)


def test_many_series_at_once_have_the_bits_of_each_row_alone():
    """Half a year with gaps, a dead series and one that began a day ago, over both changes of the clock."""
    rng = np.random.default_rng(2)
    values = (rng.random((5, 190 * 24)) + 1).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[3] = np.nan
    values[4, : -20 * 24] = np.nan
    grid = Calendar().grid(MONDAY, timedelta(hours=1), values.shape[1] + 100)
    folded = features.panel(values, grid)
    at = np.array([28 * 24, 100 * 24 + 7, 190 * 24])
    k, h = (a.ravel() for a in np.meshgrid(np.arange(3), np.arange(0, 60, 7), indexing="ij"))
    many = features.block(folded, origins.origins(folded, at), k, at[k] + h)
    alone = features.rows(folded, np.tile(np.arange(5), len(k)), np.repeat(at[k], 5), np.repeat(at[k] + h, 5))
    for one, other in zip(many, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_surprises_of_older_days_are_not_needed():
    rng = np.random.default_rng(5)
    values = (rng.random((3, 100 * 24)) + 1).astype(np.float32)
    grid = Calendar().grid(MONDAY, timedelta(hours=1), values.shape[1] + 100)
    at = np.array([80 * 24 + 3, 100 * 24])
    k, h = (a.ravel() for a in np.meshgrid(np.arange(2), np.arange(0, 60, 7), indexing="ij"))
    whole, short = (features.panel(values, grid, since) for since in (0, int(grid.day[at[0]]) - origins.SURPRISE_DAYS))
    for one, other in zip(*(features.block(p, origins.origins(p, at), k, at[k] + h) for p in (whole, short)), strict=True):
        np.testing.assert_array_equal(one, other)
