"""Effects add up to the forecast, and are said in words of both languages."""

from datetime import timedelta

import numpy as np
import pytest

from forecasting import features, phrases
from forecasting.calendars import Calendar
from forecasting.explain import explain, kind_of_fact
from forecasting.forecast import forecast
from forecasting.weather import Weather

CALENDAR = Calendar()


@pytest.fixture(scope="module")
def cold(make_block, small):
    """A city that heats: 3 % more load per degree of cold; tomorrow is 8 degrees colder than the weeks before."""
    block = make_block(days=60, noise=0.01)
    rng = np.random.default_rng(1)
    daily = np.repeat(rng.normal(0, 4, 63), 24)[: block.steps + 48]
    daily[block.steps :] = daily[: block.steps].mean() - 8
    block.values[:] = block.values * (1 - 0.03 * daily[: block.steps])
    weather = Weather.perfect(("temperature_degc",), daily[None].astype(np.float32))
    made = forecast(block, dict.fromkeys(block.ids, "load"), block.end_utc, 48, CALENDAR, small, weather)
    return block, made, [e for part in made.parts for e in explain(part, made.history.ids)]


def test_effects_and_reference_add_up_to_the_peak_of_the_forecast(cold):
    _, made, explained = cold
    assert len(explained) == 4
    for e in explained:
        first_day = made.frame[made.frame["series_id"] == e.series_id]["p50"].iloc[:24]
        assert e.value == pytest.approx(first_day.max(), rel=1e-6)
        assert e.reference + sum(e.effects.values()) == pytest.approx(e.value, rel=1e-5)


def test_a_peak_of_a_cold_day_is_explained_by_the_cold(cold):
    _, _, explained = cold
    e = explained[0]
    assert e.facts["weather"]["temperature_degc"] < -4
    assert max(e.effects, key=lambda kind: abs(e.effects[kind])) == "weather"
    assert "°C colder (+" in e.sentences["en"]
    assert "气温低" in e.sentences["zh"]


def test_the_reference_is_the_mean_of_the_last_four_like_days(cold):
    block, made, explained = cold
    e = explained[0]
    grid = CALENDAR.grid(made.history.start_utc, timedelta(hours=1), block.steps + 48)
    day, slot = grid.day[e.column], grid.slot[e.column]
    like = [d for d in range(day - 1, 0, -1) if grid.day_type[d] == grid.day_type[day]][:4]
    assert e.reference == pytest.approx(block.values[0, grid.column[like, slot]].mean(), rel=1e-3)


def test_every_feature_tells_one_kind_of_fact():
    kinds = {name: kind_of_fact(name) for name in features.NAMES}
    assert set(kinds.values()) == {"pattern", "recent", "calendar"}
    assert kinds["weekday"] == "calendar"
    assert kinds["weekday_1"] == "pattern"
    assert kinds["surprise_24h"] == "recent"


def test_the_words_of_a_monday_after_a_holiday():
    facts = {"weekday": 0, "hour": 18.0, "after": True}
    effects = {"calendar": -2.0, "recent": 12.0, "other": 0.1}
    assert phrases.told("en", 110.0, 100.0, effects, facts) == (
        "Peak at 18:00, 10 % above the last four days like it: the last days (+12 %); Monday after a holiday (-2 %)."
    )
    assert (
        phrases.told("zh", 110.0, 100.0, effects, facts)
        == "峰值 18:00，比最近四个同类日高 10 %：近日走势（+12 %）；星期一（节后首日）（-2 %）。"
    )


def test_nothing_worth_saying_is_not_said():
    assert (
        phrases.told("en", 100.2, 100.0, {"recent": 0.2}, {"weekday": 1, "hour": 7.5}) == "Peak at 07:30, as on the last four days like it."
    )


def test_what_the_equations_see_is_told_by_kind_of_fact(cold):
    """Trees and equations are explained, so that little is left that only other members know: limits, and the guard's view."""
    _, _, explained = cold
    assert all(abs(e.effects["other"]) < 0.02 * e.value for e in explained)
