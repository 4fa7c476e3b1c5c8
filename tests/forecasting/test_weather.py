"""Weather as it was known: what `at` and `mean` say, and that nothing issued or measured later can change it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.weather import Weather
from forecasting.weather_archive import FEWEST, stood_in

NAN = float("nan")


def columns(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.fixture
def six_hours() -> Weather:
    """Measured 0, 1, .. 9; a vintage from column 2 (20 + column, six long) and one from column 5 (50 + column, three long)."""
    measured = np.arange(10, dtype=np.float32)[None]
    older = 20 + np.arange(2, 8, dtype=np.float32)
    newer = np.array([55, NAN, 57, NAN, NAN, NAN], np.float32)
    return Weather(("temperature_degc",), measured, columns(2, 5), np.stack([older, newer])[None])


def test_before_the_origin_it_is_measured_from_it_on_the_newest_vintage(six_hours: Weather) -> None:
    found = six_hours.at(columns(4, 4, 4, 5, 5), columns(3, 4, 7, 4, 5))
    assert found[0].tolist() == [3, 24, 27, 4, 55]


def test_where_the_newest_vintage_says_nothing_an_older_one_does(six_hours: Weather) -> None:
    assert six_hours.at(columns(5, 5), columns(6, 7))[0].tolist() == [26, 57]


def test_beyond_every_vintage_and_before_the_first_nothing_is_known(six_hours: Weather) -> None:
    assert np.isnan(six_hours.at(columns(5, 1, 0), columns(8, 1, 0))).all()
    assert np.isnan(six_hours.at(columns(5), columns(-1))).all()


def test_the_mean_takes_measured_and_forecast_hours_as_known(six_hours: Weather) -> None:
    assert six_hours.mean(columns(4), columns(5), 4)[0].tolist() == [(2 + 3 + 24 + 25) / 4]


def test_the_mean_of_a_window_that_is_known_in_part_is_of_that_part(six_hours: Weather) -> None:
    assert six_hours.mean(columns(5), columns(9), 3)[0].tolist() == [57]
    assert np.isnan(six_hours.mean(columns(5), columns(9), 2)).all()


def test_the_mean_counts_hours_not_columns(six_hours: Weather) -> None:
    quarters = replace(six_hours, per_hour=4)
    assert quarters.mean(columns(9), columns(8), 1)[0].tolist() == [(5 + 6 + 7 + 8) / 4]


def test_a_measurement_that_came_late_is_not_known_and_the_forecast_of_it_is(six_hours: Weather) -> None:
    late = replace(six_hours, known=np.full((1, 10), 9, np.int64))
    assert late.at(columns(6, 9), columns(3, 3))[0].tolist() == [23, 3]


def test_a_vintage_that_is_too_old_is_not_used(six_hours: Weather) -> None:
    fresh = replace(six_hours, max_age=3)
    assert fresh.at(columns(5, 8), columns(6, 8))[0].tolist()[0] == 26
    assert np.isnan(fresh.at(columns(6, 9), columns(6, 9))).all()


def test_what_a_vintage_reaches_is_covered_and_the_rest_is_not(six_hours: Weather) -> None:
    assert six_hours.covers(columns(2, 5), 6).tolist() == [[True] * 6, [True] * 3 + [False] * 3]


def test_perfect_weather_is_what_came_true_at_every_lead() -> None:
    truth = np.arange(20, dtype=np.float32)[None]
    perfect = Weather.perfect(("temperature_degc",), truth)
    assert perfect.at(columns(3, 3), columns(2, 19))[0].tolist() == [2, 19]
    assert perfect.since(5).at(columns(0), columns(14))[0].tolist() == [19]


def test_only_the_variables_asked_for_remain() -> None:
    both = Weather.perfect(("rain_mm_per_h", "temperature_degc"), np.array([[1, 2], [3, 4]], np.float32))
    kept = both.only(["temperature_degc", "wind_m_per_s"])
    assert kept is not None
    assert kept.names == ("temperature_degc",)
    assert kept.at(columns(0), columns(1))[0].tolist() == [4]
    assert both.only(["wind_m_per_s"]) is None


@st.composite
def histories(draw: st.DrawFn) -> Weather:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    length, many, reach = draw(st.integers(1, 40)), draw(st.integers(0, 6)), draw(st.integers(1, 12))
    issued = np.sort(rng.choice(np.arange(-10, length + 1), min(many, length), replace=False)).astype(np.int64)

    def holed(*shape: int) -> NDArray[np.float32]:
        return np.where(rng.random(shape) < 0.3, np.nan, rng.normal(size=shape)).astype(np.float32)

    known = np.arange(length)[None] + rng.integers(1, 5, (2, length)) if draw(st.booleans()) else None
    oldest = draw(st.none() | st.integers(0, 20))
    return Weather(("a", "b"), holed(2, length), issued, holed(2, len(issued), reach), 1, known, oldest)


def slowly(w: Weather, v: int, o: int, t: int) -> float:
    """`at` as one would explain it."""
    known = t + 1 if w.known is None or not 0 <= t < w.observed.shape[1] else int(w.known[v, t])
    if 0 <= t < min(o, w.observed.shape[1]) and known <= o and np.isfinite(w.observed[v, t]):
        return float(w.observed[v, t])
    for j in reversed(range(len(w.issued))):
        fresh = w.max_age is None or w.issued[j] >= o - w.max_age
        lead = t - int(w.issued[j])
        if w.issued[j] <= o and fresh and 0 <= lead < w.forecasts.shape[2] and np.isfinite(w.forecasts[v, j, lead]):
            return float(w.forecasts[v, j, lead])
    return NAN


@given(histories(), st.lists(st.tuples(st.integers(0, 45), st.integers(-5, 60)), min_size=1, max_size=20), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_at_and_mean_agree_with_their_definition(w: Weather, asked: list[tuple[int, int]], hours: int) -> None:
    o, t = (np.array(side, np.int64) for side in zip(*asked, strict=True))
    found, means = w.at(o, t), w.mean(o, t, hours)
    for r, (origin, target) in enumerate(asked):
        for v in range(2):
            np.testing.assert_equal(float(found[v, r]), slowly(w, v, origin, target))
            window = np.array([slowly(w, v, origin, c) for c in range(target - hours + 1, target + 1)])
            known = window[np.isfinite(window)]
            np.testing.assert_allclose(means[v, r], known.mean() if known.size else NAN, rtol=1e-5, atol=1e-6)


@given(histories(), st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_nothing_measured_or_issued_after_the_origin_can_be_seen(w: Weather, origin: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    later = w.issued > origin
    unknown = (
        np.arange(w.observed.shape[1])[None] >= origin
        if w.known is None
        else (w.known > origin) | (np.arange(w.observed.shape[1]) >= origin)
    )
    other = replace(
        w,
        observed=np.where(unknown, rng.normal(size=w.observed.shape), w.observed).astype(np.float32),
        forecasts=np.where(later[None, :, None], rng.normal(size=w.forecasts.shape), w.forecasts).astype(np.float32),
    )
    t = np.arange(-5, 60)
    o = np.full(t.size, origin)
    np.testing.assert_array_equal(w.at(o, t), other.at(o, t))
    np.testing.assert_array_equal(w.mean(o, t, 7), other.mean(o, t, 7))
    np.testing.assert_array_equal(w.covers(o[:1], 30), other.covers(o[:1], 30))


@given(histories(), st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_a_later_beginning_of_the_grid_changes_nothing(w: Weather, first: int) -> None:
    first = min(first, w.observed.shape[1])
    t = np.arange(first, 60)
    o = np.full(t.size, first + 3)
    np.testing.assert_array_equal(w.since(first).at(o - first, t - first), w.at(o, t))


def feed(days: int, archived: int, error: float) -> Weather:
    """Hourly temperature of `days`; daily vintages of 48 h for the last `archived`, wrong by `error` times the lead."""
    truth = np.sin(np.arange(24 * (days + 2)) / 50).astype(np.float32) * 10
    issued = 24 * np.arange(days - archived, days)
    lead = np.arange(48)
    said = truth[issued[:, None] + lead] + np.float32(error) * lead
    return Weather(("temperature_degc",), truth[None, : 24 * days], issued.astype(np.int64), said[None].astype(np.float32))


def test_months_without_vintages_get_measured_weather_with_the_errors_of_later_ones() -> None:
    w = feed(60, 20, 0.01)
    made = stood_in(w, 60 * 24, 24, seed=1)
    assert len(made.issued) == 60
    assert (np.diff(made.issued) == 24).all()
    o = np.full(48, 24 * 10)
    t = 24 * 10 + np.arange(48)
    np.testing.assert_allclose(
        made.at(o, t)[0], np.clip(w.observed[0, t] + 0.01 * np.arange(48), w.observed.min(), w.observed.max()), atol=1e-4
    )
    np.testing.assert_array_equal(made.at(o + 24 * 40, t + 24 * 40), w.at(o + 24 * 40, t + 24 * 40))


def test_the_errors_of_too_few_vintages_are_not_believed() -> None:
    w = feed(60, FEWEST - 1, 0.01)
    assert stood_in(w, 60 * 24, 24, seed=1) is w


def test_no_outcome_after_the_end_of_learning_is_used() -> None:
    w = feed(60, 40, 0.01)
    before = 24 * 50
    changed = replace(w, observed=np.where(np.arange(24 * 60) >= before, 99, w.observed).astype(np.float32))
    o, t = np.full(24 * 18, 24 * 3), 24 * 3 + np.arange(24 * 18)
    np.testing.assert_array_equal(stood_in(w, before, 24, 1).at(o, t), stood_in(changed, before, 24, 1).at(o, t))
