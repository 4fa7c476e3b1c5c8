from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import TypeAdapter

from forecasting.calendars import Calendar
from forecasting.models import LADDER, AnyFitted
from forecasting.models.group_shape import GroupShape
from forecasting.models.holt_winters import HoltWinters
from forecasting.models.naive import Naive
from forecasting.models.profile import Profile
from forecasting.models.task import Task

HOUR = timedelta(hours=1)


@pytest.fixture
def task(make_block, small) -> Task:
    """Three origins on the last days of 45."""
    block = make_block()
    grid = Calendar().grid(block.start_utc, HOUR, block.steps + 48)
    origins = grid.daily_columns(0)[[40, 41, 42]].astype(np.int64)
    return Task(block.unit_values().astype(np.float32), grid, origins, 48, int(origins[0]), small)


MODELS = list({model.kind: model for rung in LADDER.values() for model in rung}.values())


def said_by(model, task):
    return model.fit(task).predict(task)


def test_every_rung_is_named_after_its_first_member():
    assert [rung[0].kind for rung in LADDER.values()] == list(LADDER)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.kind)
def test_what_a_fit_leaves_behind_is_the_same_after_json(model, task):
    fitted = model.fit(task)
    again = TypeAdapter(AnyFitted).validate_json(fitted.model_dump_json())
    np.testing.assert_array_equal(again.predict(task), fitted.predict(task))


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.kind)
def test_every_model_is_finite_repeatable_and_blind_to_the_future(model, task):
    said = said_by(model, task)
    assert said.shape == (4, 3, 48)
    assert np.isfinite(said).all()
    np.testing.assert_array_equal(said, said_by(model, task))
    later = task.values.copy()
    later[:, task.origins[0] :] *= 5
    np.testing.assert_array_equal(said[:, 0], said_by(model, replace(task, values=later))[:, 0])


@pytest.mark.parametrize("model", [m for m in MODELS if m.kind in ("boosted", "profile")], ids=lambda m: m.kind)
def test_learned_models_beat_naive_on_a_noisy_daily_shape(model, task):
    truth = task.targets()
    scale = task.values[:, : task.fit_before].mean(axis=1)[:, None, None]
    error = np.nanmean(np.abs(said_by(model, task) - truth) / scale)
    naive = np.nanmean(np.abs(said_by(Naive(), task) - truth) / scale)
    assert error < 0.9 * naive


def test_naive_is_last_week_and_bridges_a_gap_there_with_yesterday(task):
    values = task.values.copy()
    o = int(task.origins[0])
    values[0, o - 168 + 5] = np.nan
    said = said_by(Naive(), replace(task, values=values))
    assert said[0, 0, 6] == pytest.approx(values[0, o - 168 + 6], rel=1e-5)
    assert said[0, 0, 5] == pytest.approx(values[0, o - 24 + 5], rel=1e-5)


def test_profile_follows_a_level_that_rose_by_a_fifth_last_week(task):
    days = np.arange(task.values.shape[1])
    pattern = np.tile(np.linspace(1, 2, 24), 46)[: len(days)]
    values = (pattern * np.where(days >= task.origins[0] - 168, 1.2, 1.0))[None, :].astype(np.float32)
    said = said_by(
        Profile(),
        task.rows(slice(0, 1))
        .at(task.origins[:1], int(task.origins[0]))
        .__class__(values, task.grid, task.origins[:1], 48, task.fit_before, task.settings),
    )
    ratio = said[0, 0] / pattern[task.origins[0] : task.origins[0] + 48]
    assert 1.1 < ratio.mean() < 1.35


def test_holt_winters_keeps_to_the_wall_clock_when_it_goes_forward(small):
    """Work from 8 to 18 local time; asked at the midnight after 27 March, when every hour of the season moved by one in UTC."""
    start, columns = datetime(2022, 3, 4, 23, tzinfo=UTC), 23 * 24 - 1
    grid = Calendar().grid(start, timedelta(hours=1), columns + 48)
    values = np.where((grid.slot >= 8) & (grid.slot < 18), 10.0, 2.0)[None].astype(np.float32)
    task = Task(values[:, :columns], grid, np.array([columns]), 48, columns, small, start_utc=start)
    np.testing.assert_allclose(HoltWinters().fit(task).predict(task)[0, 0], values[0, columns:], atol=1e-3)


def test_holt_winters_repeats_an_exact_season(small):
    season = np.tile(np.arange(24.0), 20).astype(np.float32)[None, :]
    grid = Calendar(time_zone="UTC", country=None).grid(datetime(2022, 1, 1, tzinfo=UTC), HOUR, 20 * 24)
    said = said_by(HoltWinters(), Task(season, grid, np.array([18 * 24]), 48, 18 * 24, small))
    np.testing.assert_allclose(said[0, 0], np.tile(np.arange(24.0), 2), atol=0.05)


def test_a_new_meter_gets_the_shape_of_its_group_at_its_own_level(task):
    o = int(task.origins[0])
    young = np.full((1, task.values.shape[1]), np.nan, np.float32)
    young[0, o - 6 : o] = task.values[1, o - 6 : o] * 2  # six hours, twice feeder-01
    asked = replace(task, values=young, peers=task.values, origins=task.origins[:1])
    said = said_by(GroupShape(), asked)[0, 0]
    truth = 2 * task.values[1, o : o + 48]
    assert np.abs(said - truth).mean() < 0.1 * truth.mean()
