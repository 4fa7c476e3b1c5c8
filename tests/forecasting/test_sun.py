from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import sun

pytest.importorskip("pvlib", reason="the extra 'solar' is not installed")

HOUR = timedelta(hours=1)
EQUINOX = datetime(2022, 3, 20, tzinfo=UTC)


def over(latitude: float, longitude: float, start: datetime = EQUINOX, step: timedelta = HOUR, steps: int = 24) -> sun.Sun:
    return sun.sun(np.array([[latitude, longitude]]), start, step, steps)


def test_solar_noon_at_15_degrees_east_is_11_utc_give_or_take_the_equation_of_time():
    seen = over(45.0, 15.0, step=timedelta(minutes=5), steps=288)
    noon_min = 5 * (np.argmax(seen.highest_deg(0)) + 0.5)
    assert noon_min == pytest.approx(11 * 60 + 7.5, abs=5)  # on 20 March the sun is seven and a half minutes late


def test_at_the_equinox_the_sun_is_up_for_half_a_day_everywhere():
    for latitude in (-40.0, 0.0, 50.0):
        lit = over(latitude, 0.0, step=timedelta(minutes=5), steps=288).highest_deg(0) > 0
        assert lit.sum() * 5 == pytest.approx(12 * 60, abs=20)  # refraction adds a few minutes


def test_on_midsummer_noon_the_sun_stands_at_90_less_latitude_plus_the_obliquity():
    seen = over(45.0, 0.0, start=datetime(2022, 6, 21, tzinfo=UTC), step=timedelta(minutes=5), steps=288)
    assert seen.highest_deg(0).max() == pytest.approx(90 - 45 + 23.44, abs=0.1)


def test_elevation_is_that_of_pvlib_at_the_middle_of_each_step():
    import pandas as pd
    from pvlib import solarposition

    seen = over(45.5, 9.2, step=timedelta(minutes=15), steps=96)
    middle = pd.date_range(EQUINOX, periods=96, freq="15min") + pd.Timedelta(minutes=7.5)
    said = solarposition.get_solarposition(middle, 45.5, 9.2)["apparent_elevation"].to_numpy()
    np.testing.assert_allclose(seen.highest_deg(0), said, atol=1e-3)


def test_an_hour_is_the_mean_of_its_quarters_and_a_late_clock_sees_the_hour_after():
    fine, coarse = over(45.5, 9.2, step=timedelta(minutes=15), steps=96), over(45.5, 9.2)
    np.testing.assert_allclose(coarse.clear(0), fine.clear(0).reshape(-1, 24, 4).mean(axis=2), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(coarse.clear(0, late=4)[:, :-1], coarse.clear(0)[:, 1:], rtol=1e-5)


def test_on_both_halves_of_the_globe_a_plane_to_the_equator_gets_most_and_mornings_belong_to_the_east():
    facing, east, west = (sun.PLANES.index(p) for p in ((60, 0), (60, -90), (60, 90)))
    for latitude in (40.0, -40.0):
        clear = over(latitude, 0.0).clear(0)
        assert clear[facing].sum() > clear[east].sum()
        assert clear[east, :12].sum() > 2 * clear[west, :12].sum()
        assert clear[west, 12:].sum() > 2 * clear[east, 12:].sum()


def test_neighbours_share_a_place_and_a_later_start_sees_the_same_sun():
    seen = sun.sun(np.array([[45.51, 9.18], [45.46, 9.21], [50.0, 9.0]]), EQUINOX, HOUR, 48)
    assert seen.place[0] == seen.place[1] != seen.place[2]
    np.testing.assert_array_equal(seen.since(24).clear(1), seen.clear(1)[:, 24:])
    np.testing.assert_array_equal(seen.rows(slice(2, 3)).place, [seen.place[2]])


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_every_interval_gives_the_same_energy(minutes):
    day = over(45.5, 9.2, step=timedelta(minutes=minutes), steps=24 * 60 // minutes).clear(0)[0].sum() * minutes / 60
    assert day == pytest.approx(over(45.5, 9.2, step=timedelta(minutes=5), steps=288).clear(0)[0].sum() / 12, rel=2e-3)
