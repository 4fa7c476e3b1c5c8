from datetime import UTC, datetime, timedelta

import numpy as np

from forecasting import degrees, features
from forecasting.calendars import Calendar
from forecasting.weather import Weather

MONDAY = datetime(2022, 2, 27, 23, tzinfo=UTC)  # 2022-02-28 00:00 in Rome
DAYS = 25
ORIGIN = 22 * 24  # Tuesday 2022-03-22


def seen(weather, o, t):
    grid = Calendar().grid(MONDAY, timedelta(hours=1), DAYS * 24)
    folded = features.panel(np.ones((2, DAYS * 24), np.float32), grid)
    made = Weather.perfect(("temperature_degc",), np.asarray(weather, np.float32)[None])
    return np.stack(degrees.columns(folded, made, np.asarray(o), np.asarray(t)))


def test_a_warm_day_differs_from_cool_like_days_by_the_degrees_that_cool():
    """15 degC on every day but the target's, which has 25: ten more degrees, six of them above 19, two fewer below 17."""
    weather = np.full(DAYS * 24, 15.0)
    weather[ORIGIN : ORIGIN + 24] = 25
    found = seen(weather, [ORIGIN], [ORIGIN + 23])[:, 0]
    now, day = found[:7], found[7:14]
    assert now.tolist() == [25, 10, 10, 6, 6, -2, -2]  # itself; less like days and last day: in degrees, cooling, heating
    assert day.tolist() == now.tolist()  # 24 warm hours are over at the end of the day
    assert found[14] == 10  # the day less the week before the origin


def test_in_an_even_climate_nothing_differs():
    found = seen(np.full(DAYS * 24, 12.0), [ORIGIN, ORIGIN], [ORIGIN, ORIGIN + 30])
    assert found[[0, 7]].tolist() == [[12, 12], [12, 12]]
    assert not np.delete(found, [0, 7], axis=0).any()


def test_series_share_the_weather_and_rows_keep_their_order():
    weather = np.random.default_rng(1).normal(15, 8, DAYS * 24)
    o, t = np.array([ORIGIN, ORIGIN - 24, ORIGIN]), np.array([ORIGIN + 5, ORIGIN + 1, ORIGIN + 5])
    together = seen(weather, o, t)
    for r in range(3):
        np.testing.assert_array_equal(together[:, r], seen(weather, o[r : r + 1], t[r : r + 1])[:, 0])
