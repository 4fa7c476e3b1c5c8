"""What the day has shown corrects what midnight said: hand-checkable effects, and real load against persistence and the profile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting import machine
from forecasting.calendars import Calendar
from forecasting.forecast import LEVELS
from forecasting.intraday import corrected
from forecasting.models import LADDER, Naive, Profile
from forecasting.models.task import ForecastSettings, Task

ROOT = Path(__file__).resolve().parents[2]


def days_off_by_one_amount(rng, n, c, steps):
    """Errors [n, c, steps] that are the same all day: what the first hour shows, the rest of the day has."""
    return np.repeat(rng.normal(0, 1, (n, c, 1)), steps, axis=2).astype(np.float32)


def test_an_error_that_lasts_all_day_is_taken_over_and_the_band_closes():
    errors = days_off_by_one_amount(np.random.default_rng(1), 20, 28, 24)
    quantiles = np.tile(np.array([8, 10, 12], np.float32), (20, 24, 1))
    made = corrected(quantiles, errors, np.full((20, 6), 13.0, np.float32), 1)
    np.testing.assert_allclose(made[:, 6:, 1], 13, atol=0.2)
    np.testing.assert_allclose(made[:, 6:, 2] - made[:, 6:, 0], 4 * 0.05, atol=0.05)
    np.testing.assert_array_equal(made[:, :6], quantiles[:, :6])


def test_errors_of_chance_change_almost_nothing():
    errors = np.random.default_rng(2).normal(0, 1, (20, 28, 24)).astype(np.float32)
    quantiles = np.tile(np.array([8, 10, 12], np.float32), (20, 24, 1))
    made = corrected(quantiles, errors, np.full((20, 6), 11.0, np.float32), 1)
    assert np.abs(made[:, 6:, 1] - 10).mean() < 0.25


@pytest.mark.parametrize("since", [np.full((3, 6), np.nan), np.zeros((3, 0))], ids=["nothing measured", "at midnight"])
def test_without_anything_seen_midnight_stands(since):
    errors = np.random.default_rng(3).normal(0, 1, (3, 28, 24)).astype(np.float32)
    quantiles = np.tile(np.array([8, 10, 12], np.float32), (3, 24, 1))
    np.testing.assert_allclose(corrected(quantiles, errors, since.astype(np.float32), 1)[..., 1], 10, atol=1e-6)


def test_quantiles_never_cross_and_stay_at_or_above_zero():
    rng = np.random.default_rng(4)
    errors = days_off_by_one_amount(rng, 5, 28, 24)
    quantiles = np.sort(rng.uniform(0, 2, (5, 24, 3)), axis=2).astype(np.float32)
    made = corrected(quantiles, errors, np.zeros((5, 6), np.float32), 1)
    assert (np.diff(made, axis=2) >= 0).all()
    assert (made >= 0).all()


def test_a_plant_that_gave_more_than_was_said_by_day_stays_dark_at_night():
    errors = days_off_by_one_amount(np.random.default_rng(5), 5, 28, 24)
    night = np.arange(24) >= 15
    errors[:, :, night] = 0
    quantiles = np.tile(np.array([8, 10, 12], np.float32), (5, 24, 1))
    quantiles[:, night] = 0
    made = corrected(quantiles, errors, np.full((5, 6), 13.0, np.float32), 1)
    assert (made[:, 6:14, 1] > 11).all()
    assert (made[:, night] == 0).all()


@pytest.mark.slow
def test_real_load_within_the_hour_is_nearer_than_persistence_and_the_profile_and_day_seven_has_an_answer():
    """Feeders of SimBench, ten days at four times of day; the machine was fitted once at midnight with a horizon of 7 days."""
    frame = pd.read_parquet(ROOT / "demo" / "simbench_2016.parquet")
    names = ["mv_urban", "mv_comm", "mv_semiurb", "mv_rural"]
    values = frame[names].to_numpy(np.float32).T[:, : 96 * 100]
    start, end, steps = datetime(2016, 1, 1, tzinfo=UTC), 96 * 82, 96 * 8
    grid = Calendar(time_zone="UTC", country="DE").grid(start, timedelta(minutes=15), values.shape[1] + steps)
    settings = ForecastSettings(trees=60, leaves=15, train_rows=20_000, calibration_rows=10_000, calibration_days=14)
    task = Task(values, grid, np.array([end]), steps, end, settings, start_utc=start)
    made = machine.fit(task, LADDER["boosted"])
    errors: dict[str, list[float]] = {"corrected": [], "persistence": [], "profile": []}
    for day in range(6):
        at = replace(task.at(np.array([end + 96 * day]), end), steps=96)
        answer, y = made.answer(at, LEVELS), at.targets()[:, 0]
        known = np.where(answer.errors.origins[:, None] + np.arange(96) < at.origins[0], answer.errors.errors, np.nan)
        for hour in (7, 11, 15, 19):
            a = 4 * hour
            said = corrected(answer.quantiles[:, 0], known, y[:, :a], 4)
            profile = Profile().predict(replace(at.at(at.origins + a, end), steps=4))[:, 0]
            hour_said = {"corrected": said[:, a : a + 4, 1], "persistence": y[:, a - 1 : a], "profile": profile}
            for name, other in hour_said.items():
                errors[name].append(float(np.mean(np.abs(y[:, a : a + 4] - other) / y.mean(axis=1, keepdims=True))))
    mean = {name: np.mean(found) for name, found in errors.items()}
    assert mean["corrected"] < 0.95 * mean["persistence"]
    assert mean["corrected"] < 0.9 * mean["profile"]
    y, said = task.targets()[:, 0], made.answer(task, LEVELS).quantiles[:, 0, :, 1]
    naive = Naive().predict(task)[:, 0]
    seventh = slice(6 * 96, 7 * 96)
    assert np.abs(y - said)[:, seventh].mean() < np.abs(y - naive)[:, seventh].mean()
