"""Buildings that store heat: temperatures against an ordinary differential equation, comfort and preheating on paper."""

import numpy as np
import pytest
import scipy.integrate
from pydantic import ValidationError

from city.problems import PenstockError
from optimisation.program import baseline, plan

DISTRICT = {"kind": "supply", "id": "district", "balance": "heat", "price_per_kwh": 0.1}
HOUSE = {
    "kind": "thermal_building",
    "id": "house",
    "max_kw": 20,
    "resistance_k_per_kw": 5,
    "capacity_kwh_per_k": 4,
    "ambient_degc": [0],
    "least_degc": 20,
    "most_degc": 24,
    "comfort_until_local": "06:00:00",
}
MASS = {"mass_resistance_k_per_kw": 0.5, "mass_capacity_kwh_per_k": 30}
WARM = {"house": {"indoor_degc": 20.0}}


def test_a_house_held_at_a_temperature_takes_what_it_loses(assets_of, hours_of, values):
    # 20 K over 5 K/kW: 4 kW, whoever holds it there.
    inputs, assets = hours_of([0.2] * 6, state=WARM), assets_of(HOUSE, DISTRICT)
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert done.status == "optimal"
        assert values(done.plan, "house", "power_kw") == pytest.approx([4] * 6)
        assert values(done.plan, "house", "indoor_degc") == pytest.approx([20] * 7)
        assert done.cost.total == pytest.approx(0.1 * 24)
        assert done.notes == ("house is planned without a forecast of the temperature around it: 0 degC.",)


@pytest.mark.parametrize("mass", [{}, MASS], ids=["rooms", "rooms and mass"])
def test_temperatures_follow_the_differential_equation(assets_of, hours_of, values, mass):
    rng = np.random.default_rng(3)
    air, gains = rng.uniform(-10, 5, 8), rng.uniform(0, 3, 8)
    house = HOUSE | mass | {"ambient_series": "air", "ambient_degc": [], "gains_series": ["gains"], "gains_kw": [0.5]}
    inputs = hours_of(rng.uniform(0.1, 0.3, 8), {"air": air, "gains": gains}, state={"house": {"indoor_degc": 21.0, "mass_degc": 18.0}})
    done = plan(inputs, assets_of(house | {"balance": "electricity"}))
    taken, indoor = values(done.plan, "house", "power_kw"), values(done.plan, "house", "indoor_degc")
    state = np.array([21.0, 18.0])
    for t in range(8):

        def rate(_, x, t=t):
            through = (x[1] - x[0]) / 0.5 if mass else 0.0
            return [((air[t] - x[0]) / 5 + taken[t] + gains[t] + 0.5 + through) / 4, -through / 30]

        state = scipy.integrate.solve_ivp(rate, (0, 1), state, rtol=1e-9, atol=1e-9).y[:, -1]
        assert indoor[t + 1] == pytest.approx(state[0], abs=1e-5)
        if mass:
            assert values(done.plan, "house", "mass_degc")[t + 1] == pytest.approx(state[1], abs=1e-5)


def test_a_house_is_preheated_before_a_dear_hour_and_its_end_is_kept(assets_of, hours_of, values):
    # It keeps exp(-1/20) = .9512 of its warmth in an hour: 4 kW saved in the dear hour cost 4 / .9512 = 4.205 kW before it.
    inputs = hours_of([0.1, 1.0, 0.1], state=WARM)
    done = plan(inputs, assets_of(HOUSE | {"balance": "electricity", "end_price_per_k": 10}))
    assert values(done.plan, "house", "power_kw") == pytest.approx([4 + 4 / np.exp(-0.05), 0, 4])
    assert values(done.plan, "house", "indoor_degc") == pytest.approx([20, 20 + 20 * (np.exp(0.05) - 1), 20, 20])
    idle = baseline(inputs, assets_of(HOUSE | {"balance": "electricity"}))
    assert idle.cost.total == pytest.approx(4 * 1.2)
    assert done.cost.total == pytest.approx(0.1 * (8 + 4 / np.exp(-0.05)))


def test_its_own_heat_pump_draws_less_than_it_gives(assets_of, hours_of, values):
    house = HOUSE | {"balance": "electricity", "carnot_quality": 0.5, "flow_degc": 35}
    done = plan(hours_of([0.2] * 2, state=WARM), assets_of(house))
    assert values(done.plan, "house", "power_kw") == pytest.approx([4 / (0.5 * 308.15 / 35)] * 2)


def test_a_house_is_cooled_to_the_upper_end_of_its_band(assets_of, hours_of, values):
    # 34 degC outdoors, 24 wished: 10 K over 5 K/kW are 2 kW, from 0.5 kW of its own chiller.
    house = HOUSE | {"service": "cooling", "balance": "electricity", "cop": 4, "ambient_degc": [34]}
    inputs, assets = hours_of([0.2] * 3, state={"house": {"indoor_degc": 24.0}}), assets_of(house)
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "house", "power_kw") == pytest.approx([0.5] * 3)
        assert done.status == "optimal"


def test_outside_comfort_hours_it_cools_down_and_what_is_missed_is_told(assets_of, hours_of, values):
    # Until 02:00 it may fall to 17 degC. A heater of 5 kW cannot bring it back within an hour: 25 - (25 - x) .9512.
    house = HOUSE | {"comfort_from_local": "02:00:00", "comfort_until_local": "06:00:00", "max_kw": 5, "setback_k": 3, "end_degc": 17}
    inputs = hours_of([0.2] * 3, state={"house": {"indoor_degc": 17.0}})
    idle = baseline(inputs, assets_of(house, DISTRICT))
    assert values(idle.plan, "house", "indoor_degc")[:3] == pytest.approx([17, 17, 17])
    reached = 25 - 8 * np.exp(-0.05)
    assert idle.status == "relaxed"
    assert idle.breaches[0].amount == pytest.approx(20 - reached)
    assert idle.breaches[0].sentence == (
        f"house is up to {20 - reached:.1f} K outside its comfort band in 1 steps, first at 2022-06-16 03:00: {20 - reached:.1f} K h."
    )
    done = plan(inputs, assets_of(house | {"comfort_price_per_kh": 50}, DISTRICT))
    assert done.status == "relaxed"  # heats in all three hours
    assert values(done.plan, "house", "power_kw") == pytest.approx([5, 5, 5])
    assert done.breaches[0].amount == pytest.approx(20 - (25 - 8 * np.exp(-0.15)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ambient_degc": []}, "say how cold it is outdoors"),
        ({"mass_resistance_k_per_kw": 1}, "belong together"),
        ({"least_degc": 25}, "must lie below most_degc"),
        ({"gains_kw": [1, 2]}, "gains_kw has 2 values"),
        ({"carnot_quality": 0.5}, "needs flow_degc"),
    ],
)
def test_a_house_that_says_too_little_is_refused(assets_of, wrong, said):
    with pytest.raises(ValidationError, match=said):
        assets_of(HOUSE | wrong)


def test_kelvins_and_holes_in_a_forecast_are_sentences(assets_of, hours_of):
    house = HOUSE | {"ambient_series": "air", "ambient_degc": []}
    with pytest.raises(PenstockError, match=r"temperature around it: 270 to 275 degC.*it may be in kelvin"):
        plan(hours_of([0.1, 0.1], {"air": [270, 275]}, state=WARM), assets_of(house, DISTRICT))
    with pytest.raises(PenstockError, match=r"forecast P50 of 'air': 1 values missing"):
        plan(hours_of([0.1, 0.1], {"air": [1, np.nan]}, state=WARM), assets_of(house, DISTRICT))
    with pytest.raises(PenstockError, match=r"state of house, indoor_degc and mass_degc: 293 to 293 degC"):
        plan(hours_of([0.1, 0.1], state={"house": {"indoor_degc": 293.0}}), assets_of(HOUSE, DISTRICT))
    with pytest.raises(PenstockError, match="asset house, state 'indoor_degc': unknown"):
        plan(hours_of([0.1, 0.1]), assets_of(HOUSE, DISTRICT))
