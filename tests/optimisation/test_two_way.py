"""Direction binaries stand only where flowing both ways would pay; elsewhere the linear program itself never does it."""

from dataclasses import replace

import numpy as np
import pytest

from optimisation import matrix, solve
from optimisation.assets import KINDS
from optimisation.program import formulate, plan

FLOW_KW = 1e-4
HOURS = 24
RNG = np.random.default_rng(5)
TOWN = RNG.uniform(60, 120, HOURS)
PRICE = RNG.uniform(0.05, 0.4, HOURS)
SUN = np.maximum(150 * np.sin((np.arange(HOURS) - 5) / 12 * np.pi), 0.0)

STORE = {"power_kw": 40, "energy_kwh": 100}
TWO_WAY = {
    "grid": [{"kind": "curtailable", "id": "pv", "series": ["sun"]}],
    "battery": [{"kind": "battery", "id": "it", **STORE}],
    "ups": [{"kind": "ups", "id": "it", "series": ["computers"], **STORE}],
    "pumped_storage": [{"kind": "pumped_storage", "id": "it", "volume_m3": 2000, "head_m": 50, "pump_kw": 40, "turbine_kw": 40}],
    "ev_fleet": [
        {
            "kind": "ev_fleet",
            "id": "it",
            "series": ["cars"],
            "arrive_local": "06:00",
            "depart_local": "22:00",
            "max_kw": 50,
            "v2g_kw": 30,
            "lends_kwh": 60,
            "v2g_wear_price_per_kwh": 0.0,
        }
    ],
    "line": [
        {"kind": "line", "id": "it", "to_balance": "feeder", "rating_kw": 60, "reverse_kw": 60, "loss_share": 0.05},
        {"kind": "curtailable", "id": "pv-feeder", "series": ["sun"], "balance": "feeder"},
    ],
    "thermal_storage": [
        {"kind": "thermal_storage", "id": "it", "charge_efficiency": 0.95, "discharge_efficiency": 0.95, **STORE},
        {"kind": "fixed_load", "id": "district", "series": ["heat"], "balance": "heat"},
        {"kind": "heat_pump", "id": "hp", "max_kw": 90, "cop": 3.0},
    ],
}
STATE = {
    "battery": {"it": {"charge_kwh": 50.0}},
    "ups": {"it": {"charge_kwh": 90.0}},
    "thermal_storage": {"it": {"charge_kwh": 50.0}},
    "pumped_storage": {"it": {"volume_m3": 1000.0}},
}


@pytest.fixture
def city(assets_of, hours_of):
    def made(kind, price=PRICE, **more):
        forecasts = {"town": TOWN, "sun": SUN, "computers": np.full(HOURS, 10.0), "heat": np.full(HOURS, 40.0), "cars": np.full(HOURS, 5.0)}
        inputs = hours_of(price, forecasts, state=STATE.get(kind, {}), **{"export_price_per_kwh": 0.5 * np.maximum(price, 0.0), **more})
        return inputs, assets_of({"kind": "fixed_load", "id": "town", "series": ["town"]}, *TWO_WAY[kind])

    return made


def _signs(model):
    """The steps of every direction binary of the model."""
    return {step for name, spread in model.spreads.items() if name.endswith("_sign") for _, step in spread.places.members()}


def _both(model, x, found):
    solved = matrix.values(model, found, x)
    pairs = [pair for kind in KINDS for pair in kind.opposites if all(name in solved for name in pair)]
    assert pairs
    return max(float(np.minimum(solved[one], solved[other]).max()) for one, other in pairs)


@pytest.mark.parametrize("kind", TWO_WAY)
def test_at_prices_above_zero_there_is_no_binary_and_the_linear_answer_flows_one_way(kind, city):
    model = formulate(*city(kind))
    found = matrix.compiled(model)
    assert _signs(model) == set()
    assert _both(model, solve.solved(found.arrays).x, found) < FLOW_KW


@pytest.mark.parametrize("kind", TWO_WAY)
def test_binaries_stand_at_the_steps_of_a_negative_price_only_and_cost_what_binaries_everywhere_cost(kind, city):
    price = PRICE.copy()
    price[[3, 4, 13]] = [-0.2, -0.05, -0.1]
    inputs, assets = city(kind, price)
    few, all_steps = formulate(inputs, assets), formulate(inputs, assets, frozenset(range(HOURS)))
    answers = []
    for model in (few, all_steps):
        found = matrix.compiled(model)
        answers.append(solve.solved(found.arrays, rel_gap=1e-9))
        assert _both(model, answers[-1].x, found) < FLOW_KW
    assert _signs(few) <= {3, 4, 13}
    assert answers[0].objective == pytest.approx(answers[1].objective, rel=1e-7, abs=1e-7)


def test_without_binaries_a_negative_price_would_burn_energy_in_a_battery(city):
    """The counter-proof: the same city, its whole numbers relaxed, charges and discharges at once."""
    price = PRICE.copy()
    price[3] = -0.2
    model = formulate(*city("battery", price))
    found = matrix.compiled(model)
    relaxed = replace(found.arrays, integer=np.zeros_like(found.arrays.integer))
    assert _both(model, solve.solved(relaxed).x, found) > 1.0


@pytest.mark.parametrize("kind", ["grid", "line"])
def test_grid_that_buys_below_what_it_sells_for_has_binaries_at_those_steps_only(kind, city):
    sells = 0.5 * PRICE
    sells[[7, 12]] = PRICE[[7, 12]] + 0.1
    model = formulate(*city(kind, export_price_per_kwh=sells))
    assert _signs(model) == {7, 12}
    found = matrix.compiled(model)
    assert _both(model, solve.solved(found.arrays).x, found) < FLOW_KW


def test_two_way_flow_that_moves_on_from_step_to_step_ends_with_binaries_everywhere(assets_of, hours_of):
    # Import and export at one price: both at once costs nothing, so nothing keeps a solver from it.
    inputs = hours_of([0.2] * HOURS, {"town": TOWN}, export_price_per_kwh=np.full(HOURS, 0.2))
    assets = assets_of({"kind": "fixed_load", "id": "town", "series": ["town"]})
    asked = 0

    def fickle(arrays, *settings):
        nonlocal asked
        answer, asked = solve.solved(arrays, *settings), asked + 1
        step = next((t for t in range(asked, HOURS) if not arrays.integer.sum() > t), None)
        if step is not None:  # columns: imports of all steps, then exports
            answer.x[[step, HOURS + step]] += 5.0
        return answer

    assert plan(inputs, assets, solver=fickle).cost.total == pytest.approx(0.2 * TOWN.sum())
    assert asked == 4
