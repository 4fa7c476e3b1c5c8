"""The drift alarm on real errors of the profile: silent while nothing changes, and heard when level or shape do."""

from datetime import timedelta

import numpy as np
import pytest

from forecasting import drift
from forecasting.calendars import Calendar
from forecasting.drift import compare
from forecasting.models import Profile
from forecasting.models.task import ForecastSettings, Task

HOUR, DAYS, NIGHTS = timedelta(hours=1), 28, 7


def daily_errors(block, change=lambda values, first: values):
    """Mean absolute error of the first day, of 28 calibration days [n, 28] and of the 7 nights after `change` began [n, 7]."""
    first = block.steps - 24 * NIGHTS
    values = change(block.unit_values().astype(np.float32), first)
    origins = np.arange(block.steps - 24 * (DAYS + NIGHTS), block.steps, 24)
    grid = Calendar().grid(block.start_utc, HOUR, block.steps + 24)
    task = Task(values, grid, origins, 24, block.steps, ForecastSettings(), start_utc=block.start_utc)
    error = np.nanmean(np.abs(task.targets() - Profile().predict(task)), axis=2)
    return error[:, :DAYS], error[:, DAYS:]


def larger(values, first):
    values[:, first:] *= 1.2
    return values


def later(values, first):
    values[:, first:] = np.roll(values, 3, axis=1)[:, first:]
    return values


def alarms(usual, lately, limits):
    return compare(usual, lately, np.full(len(usual), 0.8)).alarms(limits)


def altogether(errors):
    usual, lately = errors
    scale = usual.mean(axis=1, keepdims=True)
    return (usual / scale).mean(axis=0)[None], (lately / scale).mean(axis=0)[None]


def test_stationary_series_alarm_less_than_once_in_a_hundred_and_their_group_never(make_block):
    told, groups = [], []
    for seed in range(12):
        errors = daily_errors(make_block(days=70, series=10, noise=0.08, seed=seed))
        told += alarms(*errors, drift.SERIES).tolist()
        groups += alarms(*altogether(errors), drift.GROUP).tolist()
    assert len(told) == 120
    assert sum(told) <= 1
    assert sum(groups) == 0


@pytest.mark.parametrize("change", [larger, later], ids=["a fifth more", "three hours later"])
def test_a_change_of_level_or_shape_is_heard_within_a_week(make_block, change):
    for seed in range(4):
        errors = daily_errors(make_block(days=70, series=10, noise=0.05, seed=seed), change)
        assert alarms(*altogether(errors), drift.GROUP).all()


def test_a_noisy_series_must_go_further_than_a_calm_one():
    """Errors double in both; where they vary by half of themselves from day to day anyway, three nights say nothing."""
    calm = np.tile([0.95, 1.05], 14)[None]
    wild = np.tile([0.2, 1.8], 14)[None]
    lately = np.full((1, 3), 2.0)
    assert alarms(calm, lately, drift.SERIES).tolist() == [True]
    assert alarms(wild, lately, drift.SERIES).tolist() == [False]


def test_two_nights_or_nine_days_are_too_few_to_say_anything():
    usual, lately = np.ones((1, 28)), np.full((1, 7), 9.0)
    assert alarms(usual, lately, drift.SERIES).tolist() == [True]
    assert alarms(usual[:, :9], lately, drift.SERIES).tolist() == [False]
    assert alarms(usual, lately[:, :2], drift.SERIES).tolist() == [False]


def test_a_band_that_holds_a_third_alarms_though_errors_are_as_usual():
    found = compare(np.ones((2, 28)), np.ones((2, 7)), np.array([0.33, 0.8]))
    assert found.alarms(drift.SERIES).tolist() == [True, False]
    assert found.ratio.tolist() == [1, 1]
