"""What cannot be believed is left out and told; what can be is left exactly as it is; nothing later is looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import groups
from forecasting.calendars import SUN, Calendar, LocalGrid
from forecasting.cleaning import Cleaned, clean
from forecasting.forecast import forecast
from forecasting.learnable import learnable

START = datetime(2022, 2, 27, 23, tzinfo=UTC)  # Monday 2022-02-28 00:00 in Rome
HOUR = timedelta(hours=1)
DAYS = 84


def grid(days: int = DAYS) -> LocalGrid:
    return Calendar(country=None).grid(START, HOUR, 24 * days)


def city(days: int = DAYS, seed: int = 3) -> np.ndarray:
    """Three loads of 10, 100 and 1000 with a daily shape, a lower weekend and 3 % noise: float32[3, T]."""
    g = grid(days)
    shape = 1 + 0.5 * np.sin((g.slot - 8) / 24 * 2 * np.pi)
    shape = shape * np.array([1.0, 0.8, 0.7])[g.day_type[g.day]]
    noise = 1 + 0.03 * np.random.default_rng(seed).standard_normal((3, len(shape)))
    return (np.array([[10.0], [100.0], [1000.0]]) * shape * noise).astype(np.float32)


def told(made: Cleaned) -> str:
    return " ".join(f"{row}: {sentence}" for row, sentence in made.notes)


def test_a_sound_history_is_left_to_the_last_bit():
    values = city()
    made = clean(values, grid())
    assert np.array_equal(made.values, values)
    assert (made.weights == 1).all()
    assert made.notes == []


def test_a_sensor_stuck_for_two_days_is_left_out_from_the_value_it_stuck_at():
    values = city()
    values[1, -48:] = values[1, -49]
    made = clean(values, grid())
    assert np.isnan(made.values[1, -49:]).all()
    assert (made.weights[1, -49:] == 0).all()
    assert np.array_equal(made.values[1, :-49], values[1, :-49])
    assert told(made) == "1: Stuck on one value for 49 h in 1 spans, the last from 2022-05-21, and it still is: left out."


def test_a_works_that_rests_on_sundays_is_not_stuck():
    values, g = city(), grid()
    values[0, g.day_type[g.day] == 2] = 1.25
    assert np.array_equal(clean(values, g).values, values)


def test_nights_without_sun_are_no_stuck_sensor_and_two_days_without_any_are():
    g = SUN.grid(START, HOUR, 24 * DAYS)
    sun = np.maximum(0, np.sin((g.slot - 6) / 12 * np.pi)) * np.random.default_rng(1).uniform(0.2, 1, (1, 24 * DAYS))
    sun = sun.astype(np.float32)
    assert np.array_equal(clean(sun, g).values, sun)
    sun[0, -72:-10] = 0
    assert np.isnan(clean(sun, g).values[0, -70:-12]).all()


@pytest.mark.parametrize("factor", [8.0, -6.0])
def test_an_hour_far_out_of_the_usual_is_left_out_alone(factor: float):
    values = city()
    values[2, 1000] *= factor
    made = clean(values, grid())
    assert np.flatnonzero(np.isnan(made.values[2])).tolist() == [1000]
    assert told(made) == "2: 1 values far out of the usual were left out."


def test_what_stays_high_for_half_a_day_is_no_spike():
    values = city()
    values[2, 1000:1012] += 3000
    assert np.isfinite(clean(values, grid()).values[2, 1000:1012]).all()


def step_day(values: np.ndarray, made: Cleaned, row: int) -> int:
    (step,) = [s for s in made.steps if s.row == row]
    return step.day


def test_a_meter_factor_that_changed_moves_the_history_before_it():
    true = city()
    spoilt = true.copy()
    spoilt[1, : 60 * 24] *= 0.4
    made = clean(spoilt, grid())
    assert abs(step_day(spoilt, made, 1) - 60) <= 1
    before, after = made.values[1, : 58 * 24], made.values[1, 62 * 24 :]
    assert np.abs(before / true[1, : 58 * 24] - 1).mean() < 0.03
    assert np.array_equal(after, spoilt[1, 62 * 24 :])
    assert set(made.weights[1, : 58 * 24]) == {0.5}
    assert set(made.weights[1, 62 * 24 :]) == {1.0}
    assert "1: Its level changed times 2.5" in told(made)
    assert "2022-04-29" in told(made)


def test_a_border_that_moved_shifts_the_history_before_it():
    true = city()
    spoilt = true.copy()
    spoilt[1, : 60 * 24] += 60  # the shape keeps its height
    made = clean(spoilt, grid())
    assert abs(step_day(spoilt, made, 1) - 60) <= 1
    assert np.abs(made.values[1, : 58 * 24] - true[1, : 58 * 24]).mean() < 4
    assert "Its level changed by -" in told(made)


def test_a_holiday_shutdown_has_another_shape_and_is_no_step():
    values = city()
    values[1, 60 * 24 :] = 12 + np.random.default_rng(5).standard_normal(24 * (DAYS - 60))
    assert clean(values, grid()).steps == []


def test_four_days_do_not_make_a_step_and_six_do():
    for days, expected in ((4, 0), (6, 1)):
        values = city()
        values[1, -24 * days :] *= 2
        assert len(clean(values, grid()).steps) == expected


def test_a_slow_season_is_no_step():
    values = city() * np.linspace(1, 2, 24 * DAYS, dtype=np.float32)
    assert clean(values, grid()).steps == []


def test_estimates_count_half_and_gaps_are_told():
    values = city()
    values[0, -100:-60] = np.nan
    estimated = np.zeros(values.shape, bool)
    estimated[2, 5:9] = True
    made = clean(values, grid(), estimated)
    assert made.weights[2, 4:10].tolist() == [1, 0.5, 0.5, 0.5, 0.5, 1]
    assert (made.weights[0, -100:-60] == 0).all()
    assert told(made) == "0: The longest gap of the last 28 days is 40 h from 2022-05-18."


def test_a_meter_that_is_new_has_no_gap():
    values = city()
    values[0, :-72] = np.nan
    assert clean(values, grid()).notes == []


def test_a_short_history_is_taken_as_it_is():
    values = city(10)
    values[0, -48:] = 7
    assert np.array_equal(clean(values, grid(10)).values, values)


@given(row=st.integers(0, 2), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_each_series_is_judged_by_itself(row: int, seed: int):
    rng = np.random.default_rng(seed)
    values = city(seed=seed)
    values[0, 900:930] = values[0, 900]
    values[1, : rng.integers(20, 70) * 24] *= 1.8
    values[rng.integers(0, 3), rng.integers(0, 2000)] = np.nan
    together, alone = clean(values, grid()), clean(values[[row]], grid())
    assert np.array_equal(together.values[row], alone.values[0], equal_nan=True)
    assert np.array_equal(together.weights[row], alone.weights[0])


def history(values: np.ndarray) -> groups.History:
    return groups.History(("a", "b", "c"), ("load", "load", "load"), values, START, HOUR)


def test_what_comes_later_is_neither_changed_nor_looked_at():
    values, before = city(), 60 * 24
    values[1, : 30 * 24] *= 0.5
    values[2, before - 50 : before] = 3
    other = values.copy()
    other[:, before:] = 7
    first, notes = learnable(history(values), Calendar(country=None), before)
    second, same = learnable(history(other), Calendar(country=None), before)
    assert np.array_equal(first.values[:, :before], second.values[:, :before], equal_nan=True)
    assert np.array_equal(first.values[:, before:], values[:, before:])
    assert notes == same
    assert set(notes) == {"b", "c"}


def test_weights_that_came_with_the_history_stay_in_force():
    given_weights = np.full((3, 24 * DAYS), 0.25, np.float32)
    found, _ = learnable(replace(history(city()), weights=given_weights), Calendar(country=None), 24 * DAYS)
    assert (found.weights == 0.25).all()


def test_the_forecast_of_a_stuck_sensor_goes_on_from_before(make_block, small):
    block = make_block(days=60, series=2)
    now = block.start_utc + block.steps * block.step
    kinds = dict.fromkeys(block.ids, "load")
    stuck = block.values.copy()
    stuck[0, -48:] = stuck[0, -49]
    sound, spoilt = (forecast(b, kinds, now, 24, Calendar(), small) for b in (block, replace(block, values=stuck)))
    said, wanted = (f.frame[f.frame["series_id"] == block.ids[0]]["p50"].to_numpy() for f in (spoilt, sound))
    assert np.abs(said - wanted).mean() < 0.1 * np.abs(wanted).mean()
    assert np.std(said) > 0.5 * np.std(wanted)
    assert "Stuck on one value for 49 h" in spoilt.ladder["reason"][0]
