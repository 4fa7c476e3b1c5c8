"""Plants and meters whose right answers are known by construction."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import groups, limits, machine, sun
from forecasting.calendars import SUN, Calendar
from forecasting.clear import HEADROOM, clear
from forecasting.machine import Machine
from forecasting.models import LADDER
from forecasting.models.forest import sample_quantiles
from forecasting.models.solar import SolarView
from forecasting.models.task import ForecastSettings, Task
from forecasting.models.wind import WindView
from forecasting.recalibration import _ranks

HOUR = timedelta(hours=1)
START = datetime(2022, 4, 1, tzinfo=UTC)
DAYS = 60
LEVELS = (0.1, 0.5, 0.9)
COORDINATES = np.array([[45.5, 9.2]])
SMALL = ForecastSettings(train_rows=3_000, calibration_days=10)


def asked(values: np.ndarray, sky: bool, calendar: Calendar = SUN, known: int = DAYS) -> Task:
    """Two days from day `known` on; values [n, T] reach that far, the sun and the grid two days further."""
    columns = (known + 2) * 24
    seen = sun.sun(np.repeat(COORDINATES, len(values), axis=0), START, HOUR, columns) if sky else None
    grid = calendar.grid(START, HOUR, columns)
    origins = np.array([known * 24])
    return Task(values[:, : known * 24].astype(np.float32), grid, origins, 48, int(origins[0]), SMALL, sun=seen, start_utc=START)


def plants(clearness: np.ndarray, peaks: tuple[float, ...] = (100.0, 5.0)) -> np.ndarray:
    """Output of plants that face south at 30 degrees, times how clear each day is: [n, T]."""
    pytest.importorskip("pvlib", reason="the extra 'solar' is not installed")
    sky = sun.sun(COORDINATES, START, HOUR, 24 * len(clearness)).clear(0)[1]
    return np.array(peaks)[:, None] * sky * np.repeat(clearness, 24)


def days_of_weather(days: int = DAYS + 2, seed: int = 3) -> np.ndarray:
    """Half of the days are clear, the others lie anywhere below."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(days) < 0.5, 1.0, rng.uniform(0.15, 0.9, days))


def answered(task: Task, rung: str) -> np.ndarray:
    group = {"solar": "pv", "wind": "wind", "usage": "net"}[rung]
    return limits.bound(group, machine.fit(task, LADDER[rung]).answer(task, LEVELS).quantiles, task)[:, 0]


def test_clear_sky_output_is_found_again_from_half_clear_days():
    truth = plants(np.ones(DAYS + 2))
    found = clear(asked(plants(days_of_weather()), sky=True), DAYS * 24).output
    np.testing.assert_allclose(found[0], truth[0], atol=0.04 * truth[0].max())
    np.testing.assert_allclose(found[1] / 5, found[0] / 100, atol=0.01)


def test_a_spell_of_clear_days_is_forecast_within_five_per_cent():
    truth = plants(np.ones(DAYS + 2))
    said = answered(asked(truth, sky=True), "solar")[..., 1]
    assert np.abs(said - truth[:, -48:]).sum() < 0.05 * truth[:, -48:].sum()


@pytest.mark.parametrize("sky", [True, False])
def test_night_is_exactly_zero_and_no_quantile_is_above_clear_sky_and_headroom(sky):
    task = asked(plants(days_of_weather()), sky)
    said = answered(task, "solar")
    possible = (
        clear(task, DAYS * 24).at(np.repeat([0, 1], 48), np.full(96, DAYS * 24), np.tile(DAYS * 24 + np.arange(48), 2)).reshape(2, 48)
    )
    # without the sun an hour beside the day may still belong to it
    night = np.isin(np.arange(48) % 24, [21, 22, 23, 0, 1, 2] + [20, 3] * sky)
    assert (said[:, night] == 0).all()
    assert (said <= HEADROOM * possible[..., None] * 1.0001).all()
    assert (np.diff(said, axis=-1) >= 0).all()
    assert (said[:, 11] > 0).all()


def test_a_clock_that_is_an_hour_late_is_found_and_its_plant_sees_the_same_sky():
    right = plants(days_of_weather())
    late = np.concatenate([right[:, 1:], np.zeros((2, 1))], axis=1)
    found = clear(asked(late, sky=True), DAYS * 24).output
    expected = clear(asked(right, sky=True), DAYS * 24).output
    np.testing.assert_allclose(found[0, :-1], expected[0, 1:], atol=0.05 * expected.max())


def test_a_plant_of_three_days_has_the_shape_of_its_group_at_its_own_size():
    values = plants(days_of_weather(), (100.0, 40.0, 5.0))
    young = values.copy()
    young[2, : (DAYS - 3) * 24] = np.nan
    found = clear(asked(young, sky=True), DAYS * 24).output
    assert found[2].max() == pytest.approx(found[0].max() / 20, rel=0.15)
    said = answered(asked(young, sky=True), "solar")
    assert said[2, 11, 1] == pytest.approx(said[0, 11, 1] / 20, rel=0.5)


def test_curtailed_hours_do_not_teach():
    values = plants(days_of_weather())
    cut = values.copy()
    cut[0, 40 * 24 : DAYS * 24] *= 0.3
    weights = np.ones((2, DAYS * 24), np.float32)
    weights[0, 40 * 24 :] = 0
    expected = clear(asked(values, sky=True, known=40), 40 * 24).output[0]
    found = clear(replace(asked(cut, sky=True), weights=weights), DAYS * 24).output[0]
    np.testing.assert_allclose(found[: len(expected)], expected, atol=0.02 * expected.max())


def test_wind_is_never_above_the_largest_output_seen_nor_below_zero():
    rng = np.random.default_rng(1)
    level = np.cumsum(rng.normal(0, 0.3, (3, DAYS * 24)), axis=1)
    values = 50 / (1 + np.exp(-level))
    said = answered(asked(values, sky=False), "wind")
    assert (said <= values.max(axis=1)[:, None, None] + 1e-4).all()
    assert (said >= 0).all()
    assert (limits.bound("wind", np.full((3, 1, 48, 3), 1e3, np.float32), asked(values, sky=False)) <= values.max() + 1e-4).all()


def test_wind_persists_for_an_hour_and_is_less_certain_a_day_later():
    rng = np.random.default_rng(2)
    days = 240  # each teaches but one first hour
    level = np.zeros((3, days * 24))
    for t in range(1, days * 24):
        level[:, t] = 0.97 * level[:, t - 1] + rng.normal(0, 0.3, 3)
    values = 50 / (1 + np.exp(-level))
    said = answered(replace(asked(values, sky=False, known=days), settings=ForecastSettings(train_rows=20_000)), "wind")
    width = said[..., 2] - said[..., 0]
    persists, reverts = np.abs(said[:, 0, 1] - values[:, -1]), np.abs(values.mean(axis=1) - values[:, -1])
    assert persists.mean() < 0.7 * reverts.mean()
    assert width[:, 24:].mean() > 1.2 * width[:, 0].mean()


def test_net_load_may_be_negative_and_usage_may_not():
    sunny = -plants(np.ones(DAYS + 2))[:1]
    load = 20 + 5 * np.sin(np.arange(sunny.shape[1]) / 24 * 2 * np.pi)
    said = answered(asked(sunny + load, sky=True, calendar=Calendar()), "usage")
    assert said[0, 11, 1] == pytest.approx((sunny + load)[0, -48 + 11], abs=8)
    assert said[0, 11, 1] < -30
    below = np.full((1, 1, 48, 3), -1.0, np.float32)
    task = asked(sunny, sky=False)
    assert (limits.bound("net", below, task) == -1).all()
    for group in ("demand", "ev", "gas", "heat", "water", "pv", "wind"):
        assert (limits.bound(group, below, task) == 0).all()


def test_what_a_machine_of_distributions_says_is_the_same_after_json():
    rng = np.random.default_rng(5)
    task = asked(rng.gamma(1.0, 5.0, (2, DAYS * 24)), sky=False)
    made = machine.fit(task, LADDER["usage"])
    again = Machine.model_validate_json(made.model_dump_json())
    np.testing.assert_array_equal(again.answer(task, LEVELS).quantiles, made.answer(task, LEVELS).quantiles)


@pytest.mark.parametrize("view", [SolarView, WindView])
def test_what_a_plant_shows_does_not_depend_on_the_hour_its_history_begins(view):
    """A window that begins at local midnight begins at another hour of the day [UTC] once the clocks change."""
    task = asked(np.random.default_rng(7).gamma(1.0, 5.0, (2, DAYS * 24)), sky=False)
    start = START + 23 * HOUR
    later = replace(task, values=task.values[:, 23:], grid=SUN.grid(start, HOUR, (DAYS + 2) * 24 - 23), start_utc=start)
    i, o, t = np.repeat([0, 1], 48), np.full(96, DAYS * 24), np.tile(DAYS * 24 + np.arange(48), 2)
    whole, cut = view(task, DAYS * 24), view(later, DAYS * 24 - 23)
    np.testing.assert_allclose(cut.features(i, o - 23, t - 23), whole.features(i, o, t), rtol=1e-4, atol=1e-6)


def test_a_stored_machine_outlives_a_city_that_begins_or_ceases_to_tell_where_it_lies():
    """A stranger to the sun does not look at it; one that knew it goes on without."""
    pytest.importorskip("pvlib", reason="the extra 'solar' is not installed")
    bright = asked(20 - plants(days_of_weather()), sky=True, calendar=Calendar())
    dark = replace(bright, sun=None)
    for rung in ("usage", "solar"):
        stranger, friend = (machine.fit(task, LADDER[rung]) for task in (dark, bright))
        np.testing.assert_array_equal(stranger.answer(bright, LEVELS).quantiles, stranger.answer(dark, LEVELS).quantiles)
        assert np.isfinite(friend.answer(dark, LEVELS).quantiles).all()


def test_a_meter_that_counts_wh_for_two_days_does_not_widen_the_bands_of_the_others():
    rng = np.random.default_rng(8)
    values = 10 * (1 + 0.5 * np.sin(np.arange(DAYS * 24) / 12 * np.pi)) * (1 + 0.1 * rng.normal(size=(16, DAYS * 24)))
    spoilt = values.copy()
    spoilt[-1, -48:] *= 1000
    usual, said = (answered(asked(v, sky=False, calendar=Calendar()), "usage")[:-1] for v in (values, spoilt))
    assert (said[..., 2] / usual[..., 2]).max() < 2  # it was 44


def test_ranks_of_usage_that_rests_at_zero_do_not_depend_on_who_else_is_asked():
    said = np.repeat(np.array([0.0] * 7 + [1, 2, 3, 4, 5, 6], np.float32)[None], 3, axis=0).reshape(3, 1, 1, 13).repeat(24, axis=2)
    together = _ranks(said, np.zeros((3, 1, 24), np.float32))
    np.testing.assert_array_equal(_ranks(said[2:], np.zeros((1, 1, 24), np.float32)), together[2:])
    assert together.min() < 0.1  # any rank up to that of the last zero is as right
    assert together.max() > 0.4


def test_bands_cover_what_they_say_although_the_forest_saw_narrower_days():
    rng = np.random.default_rng(6)
    spread = np.where(np.arange(DAYS + 2) < 35, 1.0, 3.0).repeat(24)  # calm until day 35
    values = np.abs(50 + spread * rng.normal(0, 3, (8, spread.size)))
    said = answered(asked(values, sky=False), "usage")
    truth = values[:, -48:]
    assert 0.68 < ((truth >= said[..., 0]) & (truth <= said[..., 2])).mean() < 0.92


def test_quantiles_of_samples_leave_out_what_is_missing():
    samples = np.array([[3.0, np.nan, 1.0, 2.0], [np.nan] * 4])
    found = sample_quantiles(samples, (0.5,))
    assert found[0, 0] == 2.0
    assert np.isnan(found[1, 0])


def test_without_coordinates_the_reason_says_what_to_do(make_block):
    from forecasting.forecast import forecast

    block = make_block(days=30, series=1)
    told = forecast(block, {"feeder-00": "pv"}, block.start_utc + timedelta(days=30), 24, Calendar(), SMALL)
    assert groups.NO_SUN in told.ladder["reason"].iloc[0]
    told = forecast(
        block, {"feeder-00": "pv"}, block.start_utc + timedelta(days=30), 24, Calendar(), SMALL, coordinates_deg={"feeder-00": (45.5, 9.2)}
    )
    assert groups.NO_SUN not in told.ladder["reason"].iloc[0]
