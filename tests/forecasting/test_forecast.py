from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from city.problems import PenstockError
from city.quality import Cause, missing
from forecasting.backtest import backtest
from forecasting.calendars import Calendar
from forecasting.forecast import forecast

MADE_AT = datetime(2022, 4, 12, 22, 30, tzinfo=UTC)  # Wednesday 2022-04-13 00:30 in Rome
CALENDAR = Calendar()


def kinds(block):
    return dict.fromkeys(block.ids, "load")


@pytest.fixture(scope="module")
def night(make_block, small):
    block = make_block(days=46)
    made = forecast(block, kinds(block), MADE_AT, 48, CALENDAR, small)
    return block, made.frame, made.ladder


def test_every_series_gets_every_step_from_the_hour_of_the_forecast_on(night):
    block, frame, rungs = night
    assert list(frame.groupby("series_id").size()) == [48] * 4
    assert frame["time_utc"].min() == datetime(2022, 4, 12, 22, tzinfo=UTC)  # the hour that is not over
    assert set(frame["quantity"]) == {"energy_kwh"}
    assert set(rungs["model"]) <= {"boosted", "profile"}  # where the profile erred less it speaks
    assert list(frame["series_id"].unique()) == list(block.ids)


def test_quantiles_never_cross_and_never_fall_below_zero(night):
    _, frame, _ = night
    assert (frame["p10"] <= frame["p50"]).all()
    assert (frame["p50"] <= frame["p90"]).all()
    assert (frame["p10"] >= 0).all()


def test_the_band_of_the_second_day_is_not_narrower_than_the_first(night):
    _, frame, _ = night
    width = (frame["p90"] - frame["p10"]).to_numpy().reshape(4, 48)
    assert width[:, 24:].mean() >= 0.95 * width[:, :24].mean()  # both are workdays


def test_values_at_or_after_made_at_change_nothing(night, small):
    block, frame, rungs = night
    hours = int((MADE_AT - block.start_utc) / timedelta(hours=1))
    values = block.values.copy()
    values[:, hours:] = 1e6
    again = forecast(replace(block, values=values), kinds(block), MADE_AT, 48, CALENDAR, small)
    assert again.frame.equals(frame)
    assert again.ladder.equals(rungs)


def test_the_same_history_as_exact_integers_gives_the_same_forecast(night, small):
    block, frame, _ = night
    stored = replace(block, values=block.quantity.to_int(block.values))
    again = forecast(stored, kinds(block), MADE_AT, 48, CALENDAR, small).frame
    np.testing.assert_allclose(again["p50"], frame["p50"], rtol=0.02)


def test_short_missing_and_silent_series_fall_down_the_ladder_with_a_sentence(make_block, small):
    block = make_block(days=44, series=6)
    quality = block.quality.copy()
    quality[1, :] = missing(Cause.TIMEOUT)  # nothing at all
    quality[2, : -5 * 24] = missing(Cause.GAP)  # five days
    quality[3, : -15 * 24] = missing(Cause.GAP)  # fifteen days
    quality[4, :-6] = missing(Cause.GAP)  # six hours
    quality[5, ::3] = missing(Cause.GAP)  # every third hour
    made_at = block.end_utc
    made = forecast(replace(block, quality=quality), kinds(block), made_at, 24, CALENDAR, small)
    frame, rungs = made.frame, made.ladder
    assert list(rungs["model"])[1:5] == ["none", "profile", "holt-winters", "group-shape"]
    assert {rungs["model"][0], rungs["model"][5]} <= {"boosted", "profile"}  # where the profile erred less it speaks
    assert rungs["reason"][1].startswith("Not forecast: the series has no usable value at all.")
    assert set(frame["series_id"]) == set(block.ids) - {"feeder-01"}
    assert np.isfinite(frame[["p10", "p50", "p90"]].to_numpy()).all()
    level = frame.groupby("series_id")["p50"].mean()
    for i in (0, 2, 3, 4, 5):
        assert level[f"feeder-{i:02d}"] == pytest.approx(10 * 3**i * 0.8, rel=0.4)


def test_a_constant_series_is_forecast_as_that_constant(make_block, small):
    block = make_block(days=30, series=2)
    values = block.values.copy()
    values[0] = 4.0
    frame = forecast(replace(block, values=values), kinds(block), block.end_utc, 24, CALENDAR, small).frame
    mine = frame[frame["series_id"] == "feeder-00"]
    np.testing.assert_allclose(mine["p50"], 4.0, rtol=0.05)


def test_wrong_kinds_ids_and_horizons_are_sentences(make_block, small):
    block = make_block(days=10)
    with pytest.raises(PenstockError, match="forecast kind of 'feeder-00': 'steam'"):
        forecast(block, {"feeder-00": "steam"}, block.end_utc, 24, CALENDAR, small)
    with pytest.raises(PenstockError, match="no series feeder-99"):
        forecast(block, {"feeder-99": "load"}, block.end_utc, 24, CALENDAR, small)
    with pytest.raises(PenstockError, match="1 to 336 steps"):
        forecast(block, kinds(block), block.end_utc, 400, CALENDAR, small)
    with pytest.raises(PenstockError, match="starts"):
        forecast(block, kinds(block), block.start_utc, 24, CALENDAR, small)


def test_nothing_asked_gives_two_empty_frames(make_block, small):
    made = forecast(make_block(days=10), {}, MADE_AT, 24, CALENDAR, small)
    assert made.frame.empty
    assert made.ladder.empty
    assert list(made.frame.columns)[:3] == ["series_id", "time_utc", "made_at_utc"]


@pytest.fixture(scope="module")
def skill(make_block, small):
    block = make_block(days=46)
    return block, backtest(block, kinds(block), MADE_AT, CALENDAR, small)


def test_the_backtest_beats_naive_and_counts_seven_origins(skill):
    _, frame = skill
    assert list(frame.columns) == ["series_id", "model", "day", "mae", "mae_naive", "skill", "cover80", "n"]
    assert list(frame["day"]) == [1, 2] * 4
    assert (frame["n"] == 7 * 24).all()
    assert (frame["skill"] > 0.1).all()
    assert frame["cover80"].mean() == pytest.approx(0.8, abs=0.12)
    np.testing.assert_allclose(frame["skill"], 1 - frame["mae"] / frame["mae_naive"])


def test_the_backtest_does_not_learn_from_the_days_it_is_judged_on(skill, small):
    """Doubling the last eight days changes the actuals, but of the first origin's forecast only what it is compared with."""
    block, _ = skill
    last = backtest(block, kinds(block), MADE_AT, CALENDAR, small, origins=1)
    hours = int((MADE_AT - block.start_utc) / timedelta(hours=1))
    values = block.values.copy()
    values[:, hours - 48 :] = values[:, hours - 48 :] * 2
    doubled = backtest(replace(block, values=values), kinds(block), MADE_AT, CALENDAR, small, origins=1)
    truth = block.values[:, hours - 48 : hours - 24].mean(axis=1)
    expected = truth  # every actual rose by itself; the forecast stayed near the old one
    moved = doubled[doubled["day"] == 1]["mae"].to_numpy() - expected
    assert (np.abs(moved) <= 1.2 * last[last["day"] == 1]["mae"].to_numpy()).all()


def test_the_rung_of_a_backtest_is_that_of_its_first_origin_when_the_clock_goes_back(make_block, small):
    """Eight civil days before 2 November are 8 d 1 h: the young series has 23 hours by then, and the day that naive needs an hour later."""
    block = make_block(days=33, series=3, start=datetime(2022, 9, 30, 22, tzinfo=UTC))
    quality = block.quality.copy()
    quality[0, : 24 * 24] = missing(Cause.GAP)
    made = backtest(replace(block, quality=quality), kinds(block), block.end_utc, CALENDAR, small)
    assert set(made.loc[made["series_id"] == "feeder-00", "model"]) == {"group-shape"}


def test_too_little_history_for_a_backtest_gives_an_empty_frame(make_block, small):
    block = make_block(days=6)
    assert backtest(block, kinds(block), block.end_utc, CALENDAR, small).empty
