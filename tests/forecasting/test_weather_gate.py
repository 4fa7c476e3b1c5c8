"""Weather is used where it pays, refused where it does not, and never seen before it was known."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from city.frames import Block
from forecasting.backtest import backtest
from forecasting.calendars import Calendar
from forecasting.forecast import Forecasts, forecast
from forecasting.models.task import ForecastSettings
from forecasting.weather import Weather
from forecasting.weather_gate import worth

HOUR = timedelta(hours=1)
NAMES = ("temperature_degc",)
DAYS = 75
END = DAYS * 24


def errors(less: float, days: int = 28, noise: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Three series that err by 1 without weather, and with it by `less` less, more or less by `noise` from day to day."""
    without = np.ones((3, days, 48), np.float32)
    daily = np.random.default_rng(seed).normal(0, noise, days).astype(np.float32) if noise else np.zeros(days, np.float32)
    return without, (without - np.float32(less) - daily[None, :, None]).astype(np.float32)


def test_a_steady_gain_is_used_and_told_with_its_figure():
    found = worth(NAMES, *errors(0.041), 24)
    assert (found.used, found.days, found.gain) == (True, 28, pytest.approx(0.041, abs=1e-6))
    assert found.sentence == "temperature used: 4.1 % less error on 28 days"


def test_a_gain_within_the_noise_of_days_is_refused():
    found = worth(NAMES, *errors(0.01, noise=0.2), 24)
    assert not found.used
    assert "not used" in found.sentence


def test_a_loss_is_refused_and_told():
    found = worth(NAMES, *errors(-0.1), 24)
    assert found.sentence == "temperature not used: 10.0 % more error on 28 days"


def test_a_gain_too_small_to_depend_on_a_feed_is_refused():
    assert not worth(NAMES, *errors(0.003), 24).used


def test_days_without_stored_forecasts_do_not_count():
    without, given = errors(0.1)
    given[:, 6:] = without[:, 6:]
    found = worth(NAMES, without, given, 24)
    assert (found.used, found.days) == (False, 6)
    assert "6 of the last days, 7 are needed" in found.sentence


def test_weather_that_says_nothing_passes_in_about_one_of_twenty_tests():
    """28 days, horizons of two days, so that neighbouring days share half their hours."""
    rng = np.random.default_rng(3)
    passed = 0
    for _ in range(400):
        hourly = rng.normal(0, 1, 24 * 30)
        smooth = np.convolve(hourly, np.ones(24) / 24, "same")
        change = np.stack([smooth[24 * c : 24 * c + 48] for c in range(28)])[None].astype(np.float32)
        without = np.full_like(change, 5)
        passed += worth(NAMES, without, without - change, 24).used
    assert passed / 400 < 0.09


def city(make_block, seed: int = 1) -> tuple[Block, np.ndarray]:
    """Loads that rise by 3 % of their level per degree, whose temperature wanders by some degrees; the temperature goes on two weeks."""
    block = make_block(days=DAYS, series=4, noise=0.02)
    rng = np.random.default_rng(seed)
    steps = (DAYS + 14) * 24
    wander = 4 * np.convolve(rng.normal(0, 1, steps + 47), np.ones(48) / np.sqrt(48), "valid")
    level = block.values.mean(axis=1, keepdims=True)
    return replace(block, values=(block.values + 0.03 * level * wander[:END]).astype(np.float32)), wander.astype(np.float32)


def vintages(truth: np.ndarray, error: float, length: int = 72, seed: int = 5) -> Weather:
    """A vintage each midnight (an hour before it), whose error grows with the lead [degrees after two days]."""
    rng = np.random.default_rng(seed)
    issued = np.arange(23, END, 24)
    drift = rng.normal(0, 1, (len(issued), 1)) * np.sqrt(np.arange(length) / 48) * error
    said = truth[issued[:, None] + np.arange(length)] + drift
    return Weather(NAMES, truth[None, :END], issued, said[None].astype(np.float32))


def night(block: Block, settings: ForecastSettings, weather: Weather | None, steps: int = 48) -> Forecasts:
    return forecast(block, dict.fromkeys(block.ids, "load"), block.end_utc, steps, Calendar(), settings, weather)


@pytest.fixture(scope="module")
def settings(small) -> ForecastSettings:
    return small.model_copy(update={"calibration_days": 28})


@pytest.fixture(scope="module")
def warm(make_block):
    return city(make_block)


@pytest.fixture(scope="module")
def used(warm, settings) -> Forecasts:
    return night(warm[0], settings, vintages(warm[1], 1.0))


@pytest.fixture(scope="module")
def plain(warm, settings) -> Forecasts:
    return night(warm[0], settings, None)


@pytest.mark.slow
def test_weather_that_drives_the_load_is_used_and_helps(warm, used, settings):
    block, truth = warm
    assert "Temperature used:" in used.ladder["reason"][0]
    kinds = dict.fromkeys(block.ids, "load")
    wet, dry = (
        backtest(block, kinds, block.end_utc, Calendar(), settings, 14, weather)["mae"].sum() for weather in (vintages(truth, 1.0), None)
    )
    assert wet < 0.8 * dry


@pytest.mark.slow
def test_weather_of_another_planet_is_refused_and_changes_no_bit(warm, plain, settings):
    strange = np.random.default_rng(9).permutation(warm[1])
    made = night(warm[0], settings, vintages(strange, 1.0))
    assert "Temperature not used:" in made.ladder["reason"][0]
    assert made.frame.equals(plain.frame)


@pytest.mark.slow
def test_nothing_issued_or_measured_after_the_origin_reaches_the_forecast(warm, used, settings):
    w = vintages(warm[1], 1.0)
    later = Weather(
        NAMES,
        np.concatenate([w.observed, np.full((1, 48), 99, np.float32)], axis=1),
        np.append(w.issued, END + 1),
        np.concatenate([w.forecasts, np.full((1, 1, 72), 99, np.float32)], axis=1),
    )
    assert night(warm[0], settings, later).frame.equals(used.frame)


@pytest.mark.slow
def test_steps_beyond_the_newest_vintage_are_forecast_by_the_members_without_weather(warm, plain, settings):
    made = night(warm[0], settings, vintages(warm[1], 1.0, length=30))
    assert "29 of 48 steps" in made.ladder["reason"][0]
    assert made.frame["p50"].notna().all()
    a, b = (f.frame["p50"].to_numpy().reshape(4, 48) for f in (made, plain))
    assert (a[:, :29] != b[:, :29]).any()
    np.testing.assert_allclose(a[:, 29:], b[:, 29:], rtol=0.05)  # the same members; their shares were learned with weather in use


@pytest.mark.slow
def test_a_feed_that_fell_silent_is_not_used_and_the_reason_says_so(warm, plain, settings):
    w = vintages(warm[1], 1.0)
    silent = replace(w, issued=w.issued[:-3], forecasts=w.forecasts[:, :-3], max_age=36)
    made = night(warm[0], settings, silent)
    assert "no forecast of it is fresh enough now" in made.ladder["reason"][0]
    np.testing.assert_array_equal(made.frame["p50"], plain.frame["p50"])
