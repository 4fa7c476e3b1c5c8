"""What is sent of a dense series draws the line that all of it would draw."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import civil_day
from service.view.downsample import MOST, by_day, thinned

YEAR = 35_040


@st.composite
def series(draw):
    size = draw(st.integers(1, 3000))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=size).cumsum()
    usable = np.ones(size, dtype=bool)
    for _ in range(draw(st.integers(0, 4))):
        start = int(rng.integers(0, size))
        usable[start : start + int(rng.integers(1, max(size // 3, 2)))] = False
    values[~usable & (rng.random(size) < 0.5)] = np.nan
    return values, usable, draw(st.integers(7, 400))


@given(series())
def test_no_more_than_asked_for_in_order_with_both_ends(given_series):
    values, usable, most = given_series
    kept = thinned(values, usable, most)
    assert kept.size <= most
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, values.size - 1)


@given(series())
def test_the_least_and_the_greatest_usable_value_are_kept(given_series):
    values, usable, most = given_series
    kept = thinned(values, usable, most)
    good = usable & np.isfinite(values)
    if good.any():
        drawn = values[kept][good[kept]]
        assert drawn.min() == values[good].min()
        assert drawn.max() == values[good].max()


@given(series())
def test_where_the_line_breaks_it_still_breaks(given_series):
    """Between two usable neighbours that are drawn there is no value that cannot be used, unless it shares their column with one drawn."""
    values, usable, most = given_series
    kept = thinned(values, usable, most)
    good = usable & np.isfinite(values)
    width = -(-values.size // ((most - 2) // 5))
    column = np.arange(values.size) // width
    broken = np.unique(column[kept][~good[kept]])
    assert np.isin(column[~good], broken).all()


def test_a_year_of_quarters_becomes_at_most_1500_points_with_its_single_spike_and_its_single_lost_quarter():
    values, usable = np.sin(np.arange(YEAR) / 96 * 2 * np.pi), np.ones(YEAR, dtype=bool)
    values[12_345], usable[23_456] = 99.0, False
    kept = thinned(values, usable)
    assert 1000 < kept.size <= MOST
    assert 12_345 in kept
    assert 23_456 in kept


def test_every_column_keeps_as_many_so_that_a_flat_night_takes_its_room_on_the_axis():
    values = np.where(np.arange(10_000) < 5000, 0.0, np.random.default_rng(1).normal(size=10_000))
    kept = thinned(values, np.ones(10_000, dtype=bool), 502)
    assert kept.size == pytest.approx(500, abs=2)
    assert np.searchsorted(kept, 5000) == pytest.approx(250, abs=2)


def test_a_short_series_is_sent_whole_and_too_few_points_are_refused():
    assert thinned(np.array([1.0, np.nan]), np.array([True, True])).tolist() == [0, 1]
    with pytest.raises(ValueError, match="at least 7"):
        thinned(np.zeros(10), np.ones(10, dtype=bool), 6)


def test_days_are_civil_the_one_of_spring_has_92_quarters_and_lost_quarters_are_counted_not_averaged():
    times = pd.date_range("2022-03-25T23:00Z", "2022-03-27T21:45Z", freq="15min", unit="us")  # 26 and 27 March in Rome
    frame = pd.DataFrame({"time_utc": times, "value": np.arange(times.size, dtype=float), "usable": True})
    frame.loc[0, "usable"] = False
    days = by_day(frame, "Europe/Rome")
    assert times.size == 96 + 92
    assert days["low"].tolist() == [1.0, 96.0]
    assert days["high"].tolist() == [95.0, 187.0]
    assert days["mean"].tolist() == [48.0, 141.5]
    assert days["lost"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("zone", "day"), [("Asia/Beirut", "2022-03-27"), ("America/Santiago", "2022-09-11"), ("America/Havana", "2022-11-06")]
)
@pytest.mark.parametrize("step", ["5min", "15min", "1h"])
def test_a_day_without_a_midnight_or_with_two_is_a_day(zone, day, step):
    starts = [civil_day(date.fromisoformat(day) + timedelta(days=k), zone)[0] for k in (-1, 0, 1, 2)]
    times = pd.date_range(starts[0], starts[-1], freq=step, inclusive="left", unit="us")
    days = by_day(pd.DataFrame({"time_utc": times, "value": np.arange(times.size, dtype=float), "usable": True}), zone)
    assert [time.to_pydatetime() for time in days["time_utc"]] == starts[:3]
    assert days["low"].tolist() == [times.get_loc(start) for start in starts[:3]]
