from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import TypeAdapter

from forecasting import features, learning
from forecasting.calendars import Calendar
from forecasting.models import AnyFitted, members
from forecasting.models.linear import Linear, _equation
from forecasting.models.profile import Profile
from forecasting.models.task import ForecastSettings, Task
from forecasting.weather import Weather

START = datetime(2022, 1, 3, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
SHAPE = 10 + 5 * np.sin(np.arange(24) / 24 * 2 * np.pi)


def hours(days: int, series: int = 3, seed: int = 1) -> np.ndarray:
    """Every day's level is the day before's by nine tenths: float32[series, 24 days]."""
    rng = np.random.default_rng(seed)
    level = np.zeros((series, days))
    for d in range(1, days):
        level[:, d] = 0.9 * level[:, d - 1] + rng.normal(0, 0.5, series)
    return (np.tile(SHAPE, days) + np.repeat(level, 24, axis=1) + rng.normal(0, 0.1, (series, 24 * days))).astype(np.float32)


def asked(values: np.ndarray, days: int, steps: int = 48, weather: Weather | None = None) -> Task:
    """The last origins of a history of `days`, one a day for a week; nothing from them on is learned."""
    grid = Calendar(time_zone="UTC", country=None).grid(START, HOUR, values.shape[1] + steps)
    origins = 24 * np.arange(days - 10, days - 3)
    return Task(values, grid, origins, steps, int(origins[0]), ForecastSettings(), weather=weather)


def error(model, task: Task) -> float:
    return float(np.nanmean(np.abs(model.fit(task).predict(task) - task.targets())))


def test_a_level_that_stays_is_carried_into_tomorrow_better_than_by_the_profile():
    task = asked(hours(150), 150)
    assert error(Linear(), task) < 0.8 * error(Profile(), task)


def test_what_warm_days_add_is_learned_where_weather_is_known():
    values, rng = hours(200), np.random.default_rng(2)
    warmth = np.repeat(rng.normal(0, 5, 201), 24).astype(np.float32)
    values = values + 0.4 * warmth[None, : values.shape[1]]
    weather = Weather.perfect(("temperature_degc",), np.concatenate([warmth, warmth[:72]])[None])
    dry = asked(values, 200)
    assert error(Linear(), replace(dry, weather=weather)) < 0.5 * error(Linear(), dry)


def test_one_absurd_value_in_a_thousand_changes_an_equation_little():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(5_000, 2))
    y = 0.1 * a[:, 0] + rng.normal(0, 0.01, 5_000)
    clean = _equation(a, y, np.ones(5_000), np.ones(2), 1_000)
    y[::1000] = 3
    np.testing.assert_allclose(_equation(a, y, np.ones(5_000), np.ones(2), 1_000), clean, atol=2e-3)


def test_an_equation_is_the_ridge_regression_its_formula_says():
    rng = np.random.default_rng(4)
    a = rng.normal(size=(4_000, 1))
    a = (a - a.mean()) / a.std()
    constant, slope = _equation(a, 0.5 * a[:, 0] + 2, np.ones(4_000), np.ones(1), 800)
    # plain ridge would say 0.5 / 1.2 = 0.417; the errors that makes are the largest and count less, which shrinks it further
    assert 0.25 < slope < 0.5 / 1.2
    assert constant == pytest.approx(2, abs=0.05)


def test_values_of_weight_zero_teach_nothing():
    values = hours(120)
    weights = np.ones_like(values)
    weights[:, 24 * 60 : 24 * 70] = 0
    there = replace(asked(values, 120), weights=weights)
    i, _o, t = learning.past_rows(there, np.random.default_rng(1), 20_000)
    assert len(t)
    assert (weights[i, t] > 0).all()


def test_what_a_fit_leaves_behind_is_the_same_after_json_and_for_any_number_of_series():
    task = asked(hours(100), 100)
    fitted = Linear().fit(task)
    said = fitted.predict(task)
    again = TypeAdapter(AnyFitted).validate_json(fitted.model_dump_json())
    np.testing.assert_array_equal(again.predict(task), said)
    np.testing.assert_array_equal(fitted.predict(task.rows(slice(1, 2))), said[1:2])


def test_a_series_known_by_name_keeps_what_is_different_about_it():
    """Two series of the same shape; only the first takes more on the day after it took more."""
    rng, days = np.random.default_rng(5), 400
    level = np.zeros((2, days))
    for d in range(1, days):
        level[:, d] = (0.9, 0.0) * level[:, d - 1] + rng.normal(0, 0.5, 2)
    values = (np.tile(SHAPE, days) + np.repeat(level, 24, axis=1) + rng.normal(0, 0.1, (2, 24 * days))).astype(np.float32)
    rows = {"train_rows": 60_000, "rows_per_series": 30_000}
    task = replace(asked(values, days), settings=ForecastSettings(**rows), ids=("a", "b"))
    fitted = Linear().fit(task)
    assert set(fitted.own) == {"a", "b"}
    known, stranger = fitted.predict(task), fitted.predict(replace(task, ids=("c", "d")))
    assert np.nanmean(np.abs(known - task.targets())) < 0.97 * np.nanmean(np.abs(stranger - task.targets()))
    swapped = fitted.predict(replace(task.rows(np.array([1, 0]))))
    np.testing.assert_array_equal(swapped, known[::-1])
    again = TypeAdapter(AnyFitted).validate_json(fitted.model_dump_json())
    np.testing.assert_array_equal(again.predict(task), known)


def test_with_nothing_to_learn_from_it_says_the_profile():
    task = asked(hours(12), 12)
    task = replace(task, origins=np.array([24 * 7]), fit_before=24 * 7)
    np.testing.assert_array_equal(Linear().fit(task).predict(task), Profile().fit(task).predict(task))


def test_a_small_group_is_answered_by_trees_and_equations_together_with_the_profile_as_guard():
    assert [m.kind for m in members("boosted", 100)] == ["boosted", "boosted", "linear", "profile"]
    assert [m.kind for m in members("boosted", 101)] == ["boosted", "boosted", "profile"]


def test_nothing_is_learned_from_origins_before_a_series_was_known():
    values = hours(60)
    values[0, : 24 * 30] = np.nan
    i, o, t = learning.past_rows(asked(values, 60), np.random.default_rng(1), 50_000)
    assert (o[i == 0] >= 24 * 38).all()
    assert (o[i == 1] >= 24 * 8).all()
    _x, base, scale = features.rows(features.panel(values, asked(values, 60).grid), i, o, t)
    assert np.abs((values[i, t] - base) / scale).max() < 3


def test_half_of_the_rows_are_less_than_a_day_ahead_whatever_the_horizon():
    for steps in (48, 168):
        task = asked(hours(120), 120, steps=steps)
        _, o, t = learning.past_rows(task, np.random.default_rng(1), 4_000)
        assert len(t) == 4_000
        assert (t < task.fit_before).all()
        assert np.mean(t - o < 24) == pytest.approx(0.5, abs=0.01)
