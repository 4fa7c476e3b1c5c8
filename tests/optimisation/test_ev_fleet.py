"""Cars: energy by departure, and what they lend meanwhile."""

import numpy as np
import pytest
import scipy.optimize
from pydantic import ValidationError

from optimisation import matrix, solve
from optimisation.assets import EvFleet
from optimisation.parts.ev_envelope import runs
from optimisation.program import baseline, formulate, plan

NIGHT = {"arrive_local": "00:00", "depart_local": "06:00", "cars": 10, "needs_kwh": 20, "car_kw": 10}
FLEET = {"kind": "ev_fleet", "id": "cars", "sessions": [NIGHT], "max_kw": 1000}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}


def test_every_car_is_ready_at_its_departure_in_the_cheapest_hours(assets_of, hours_of, values):
    inputs = hours_of([0.3, 0.3, 0.2, 0.1, 0.3, 0.3, 0.01, 0.01])
    done = plan(inputs, assets_of(FLEET))
    assert values(done.plan, "cars", "power_kw") == pytest.approx([0, 0, 100, 100, 0, 0, 0, 0])
    assert done.cost.total == pytest.approx(0.2 * 100 + 0.1 * 100)
    still = baseline(inputs, assets_of(FLEET))
    assert values(still.plan, "cars", "power_kw") == pytest.approx([100, 100, 0, 0, 0, 0, 0, 0])


def test_energy_that_a_small_connection_cannot_bring_by_departure_is_priced_and_told(assets_of, hours_of, values):
    inputs = hours_of([0.1] * 8)
    done = plan(inputs, assets_of(FLEET | {"max_kw": 30}))
    assert done.status == "relaxed"
    (breach,) = done.breaches
    assert (breach.what, breach.amount) == ("energy by departure", pytest.approx(200 - 6 * 30))
    assert done.cost.breaches == pytest.approx(20 * 2.0)
    still = baseline(inputs, assets_of(FLEET | {"max_kw": 30}))
    assert still.breaches[0].amount == pytest.approx(20)


V2G = NIGHT | {"v2g_kw": 10, "lends_kwh": 15}


def test_cars_lend_at_the_peak_and_get_back_more_than_they_gave(assets_of, hours_of, values):
    fleet = FLEET | {"sessions": [V2G], "v2g_efficiency": 0.8, "v2g_wear_price_per_kwh": 0.05}
    inputs = hours_of([0.9, 0.3, 0.3, 0.1, 0.1, 0.1], {"town": [500.0] * 6})
    done = plan(inputs, assets_of(TOWN, fleet))
    power, owed = values(done.plan, "cars", "power_kw"), values(done.plan, "cars", "owed_kwh")
    # 10 cars at 10 kW could give 100 kWh in the first hour; they asked for 100 and may owe 150 more: 100 asked + 100/0.8 given.
    assert power[0] == pytest.approx(-100)
    assert owed[1] == pytest.approx(100 + 100 / 0.8)
    assert power[1:3].sum() == pytest.approx(25)  # three cheap hours hold 300 of the 325 kWh
    assert power[3:] == pytest.approx([100, 100, 100])
    assert owed[-1] == pytest.approx(0)
    assert done.cost.wear == pytest.approx(5.0)
    assert done.cost.total == pytest.approx(0.9 * 400 + 500 * (0.3 * 2 + 0.1 * 3) + 0.1 * 300 + 0.3 * 25 + 5.0)


def test_no_car_gives_when_there_is_no_time_to_refill_it(assets_of, hours_of, values):
    # 2 h with 10 kW: ten cars can draw 200 kWh, which is just what they need.
    fleet = FLEET | {"sessions": [V2G | {"depart_local": "02:00"}]}
    done = plan(hours_of([1.5, 0.1, 0.1], {"town": [500.0] * 3}), assets_of(TOWN, fleet))
    assert values(done.plan, "cars", "power_kw") == pytest.approx([100, 100, 0])


def test_forecast_fleets_lend_too_and_the_plugged_share_limits_them(assets_of, hours_of, values):
    fleet = {
        "kind": "ev_fleet",
        "id": "cars",
        "series": ["cars"],
        "arrive_local": "00:00",
        "depart_local": "05:00",
        "max_kw": 100,
        "v2g_kw": 50,
        "lends_kwh": 40,
        "v2g_efficiency": 1.0,
        "v2g_wear_price_per_kwh": 0.0,
        "plugged_by_hour": [0.5] * 24,
    }
    inputs = hours_of([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], {"town": [200.0] * 6, "cars": [10.0, 0, 0, 0, 0, 0]})
    done = plan(inputs, assets_of(TOWN, fleet))
    assert values(done.plan, "cars", "power_kw")[0] == pytest.approx(-20)  # half of 40 kWh, though 25 kW could be given
    assert values(done.plan, "cars", "power_kw").sum() == pytest.approx(10)


def test_a_session_that_began_before_the_horizon_asks_only_for_its_rest(assets_of, hours_of):
    (fleet,) = assets_of(FLEET | {"sessions": [NIGHT | {"arrive_local": "23:00"}]})[1:]
    inputs = hours_of([0.1] * 30, state={"cars": {"owed_kwh": 50.0}})
    envelope = fleet.envelope(inputs)
    assert envelope.asked_kwh[:7] == pytest.approx([100, 0, 0, 0, 0, 0, 0])  # one of its two hours of charging is over
    assert envelope.asked_kwh[23:26] == pytest.approx([100, 100, 0])  # the next night's
    assert envelope.owed_kwh[:7] == pytest.approx([50, 150, 150, 150, 150, 100, 0])  # the last two as the chargers allow


def test_cars_of_workdays_do_not_come_at_the_weekend(assets_of, hours_of):
    """The horizon begins on a Thursday in Rome; Friday's night session runs into Saturday, the next one is Monday's."""
    night = NIGHT | {"arrive_local": "20:00", "depart_local": "06:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"]}
    (fleet,) = assets_of(FLEET | {"sessions": [night]})[1:]
    envelope = fleet.envelope(hours_of([0.1] * 24 * 6))
    asked = envelope.asked_kwh.reshape(6, 24).sum(axis=1)
    assert asked == pytest.approx([200, 200, 0, 0, 200, 200])  # Wednesday's cars, there at the start, are full by then
    assert (envelope.charge_kw > 0).reshape(6, 24).sum(axis=1).tolist() == [6 + 4, 6 + 4, 6, 0, 4, 6 + 4]


def test_stretches_of_true_are_found():
    assert list(runs(np.array([True, True, False, True]))) == [(0, 2), (3, 4)]
    assert list(runs(np.zeros(3, dtype=bool))) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_fleet_of_equal_cars_costs_what_scipy_finds_car_by_car(seed, assets_of, hours_of):
    """Each car with its own battery that stays between what it lends and what it needs; equal cars are exactly their sum."""
    rng = np.random.default_rng(seed)
    n, depart = 8, int(rng.integers(4, 8))
    car, cars = {"needs_kwh": float(rng.uniform(5, 20)), "car_kw": 8.0, "v2g_kw": 6.0, "lends_kwh": float(rng.uniform(0, 12))}, 3
    fleet = FLEET | {"sessions": [NIGHT | car | {"cars": cars, "depart_local": f"0{depart}:00"}], "v2g_wear_price_per_kwh": 0.02}
    prices, back = rng.uniform(0.05, 1.0, n), 0.85
    done = plan(hours_of(prices, {"town": [500.0] * n}), assets_of(TOWN, fleet))
    low = np.tril(np.ones((n, n)))
    energy = np.hstack([low, -low / back])  # x = drawn, given back; above what it arrived with
    asked = np.minimum(8.0 * np.arange(1, n + 1), car["needs_kwh"])
    there = (np.arange(n) < depart).astype(float)
    late = 8.0 * (depart - np.arange(1, n + 1))  # what can still be drawn
    may_give = there * (asked + car["lends_kwh"] <= late - (car["needs_kwh"] - asked))
    answer = scipy.optimize.linprog(
        np.concatenate([prices, 0.02 - prices]),
        A_ub=np.vstack([energy, -energy]),
        b_ub=np.concatenate([asked, np.full(n, car["lends_kwh"])]),
        A_eq=energy[depart - 1 : depart],
        b_eq=[car["needs_kwh"]],
        bounds=[(0, 8.0 * t) for t in there] + [(0, 6.0 * g) for g in may_give],
    )
    assert answer.status == 0
    assert done.cost.total == pytest.approx(500 * prices.sum() + cars * answer.fun, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_account_of_a_mixed_fleet_is_the_objective_and_energy_is_kept(seed, assets_of, hours_of, values):
    rng = np.random.default_rng(seed)
    sessions = [
        V2G | {"arrive_local": "20:00", "depart_local": "07:00"},
        V2G | {"arrive_local": "08:00", "depart_local": "17:00", "cars": 4, "v2g_kw": 0},
        NIGHT | {"arrive_local": "12:00", "depart_local": "14:00", "cars": 20, "needs_kwh": 20},
    ]
    fleet = FLEET | {"sessions": sessions, "max_kw": float(rng.uniform(60, 300)), "short_price_per_kwh": 1.5}
    inputs = hours_of(
        rng.uniform(0.0, 1.0, 48), {"town": rng.uniform(100, 300, 48)}, state={"cars": {"owed_kwh": float(rng.uniform(0, 80))}}
    )
    assets = assets_of(TOWN, fleet)
    model = formulate(inputs, assets)
    done, still = plan(inputs, assets), baseline(inputs, assets)
    assert done.cost.total == pytest.approx(solve.solved(matrix.compiled(model).arrays).objective + model.constant, rel=1e-6)
    assert done.cost.total <= still.cost.total + 1e-6
    for result in (done, still):
        net, owed = values(result.plan, "cars", "power_kw"), values(result.plan, "cars", "owed_kwh")
        short = sum(b.amount for b in result.breaches)
        asked = assets[-1].envelope(inputs).asked_kwh.sum()
        drawn, given = np.maximum(net, 0).sum(), np.maximum(-net, 0).sum()
        assert drawn + short + owed[-1] - owed[0] == pytest.approx(asked + given / 0.85, abs=1e-5)


def test_no_fleet_draws_and_gives_at_once(assets_of, hours_of):
    fleet = FLEET | {"sessions": [V2G]}
    model = formulate(hours_of([0.5, 0.1, 0.3, 0.2, 0.1, 0.1], {"town": [300.0] * 6}), assets_of(TOWN, fleet))
    assert not any(spread.integer for spread in model.spreads.values())
    found = matrix.compiled(model)
    solved = matrix.values(model, found, solve.solved(found.arrays).x)
    assert np.minimum(solved["ev_charge_kw"], solved["ev_give_kw"]).max() < 1e-6
    assert "ev_give_kw" not in formulate(hours_of([0.1] * 6), assets_of(FLEET)).spreads


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"series": ["x"]}, "either series or sessions"),
        ({"sessions": []}, "either series or sessions"),
        ({"v2g_kw": 5}, "belong to each session"),
        ({"sessions": [NIGHT | {"needs_kwh": 90}]}, "cannot be drawn with 10 kW in the 6 h"),
        ({"sessions": [NIGHT | {"cars": -1}]}, "greater than 0"),
        ({"sessions": [], "series": ["x"], "arrive_local": "07:00", "depart_local": "07:00"}, "that differ"),
        ({"sessions": [], "series": ["x"], "arrive_local": "07:00", "depart_local": "08:00", "plugged_by_hour": [1.0]}, "24 parts"),
    ],
)
def test_what_no_fleet_can_be_is_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        EvFleet.model_validate(FLEET | wrong)
