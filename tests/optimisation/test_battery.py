"""What wears a battery: each kilowatt-hour, the depth of its cycles, and standing nearly full."""

import itertools

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from optimisation import solve
from optimisation.assets import Battery
from optimisation.matrix import compiled
from optimisation.parts.battery_depth import depth_cost, marginal_prices
from optimisation.program import formulate, plan

PERFECT = {
    "kind": "battery",
    "id": "b",
    "power_kw": 100,
    "energy_kwh": 100,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "least_share": 0,
    "most_share": 1,
}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
# 10,000 cycles of half depth and 2,500 of full depth: a full cycle wears as much as four half ones.
CYCLES = {"cycles_at_depth": [[0.5, 10_000], [1.0, 2_500]], "replacement_price_per_kwh": 200}


def test_a_full_cycle_costs_what_the_life_curve_says():
    width, price = marginal_prices(CYCLES["cycles_at_depth"], 200)
    assert width == pytest.approx([0.5, 0.5])
    assert price == pytest.approx([200 / 10_000 / 0.5, 200 * (1 / 2_500 - 1 / 10_000) / 0.5])  # 0.04 and 0.12 per kWh
    assert depth_cost(np.array([100.0, 0.0, 100.0]), 100, width, price) == pytest.approx(100 * 200 / 2_500)
    assert depth_cost(np.array([100.0, 50.0, 100.0]), 100, width, price) == pytest.approx(100 * 200 / 10_000)
    # Two half cycles wear half as much as one full one, although both discharge 100 kWh.
    assert depth_cost(np.array([100.0, 50.0, 100.0, 50.0]), 100, width, price) == pytest.approx(2 * 100 * 200 / 10_000)


def test_a_small_cycle_inside_a_deep_one_counts_as_small():
    """Rainflow: 100 -> 20 -> 40 -> 20 -> 100 is one cycle of 80 % and one of 20 %, wherever the small one lies."""
    width, price = marginal_prices(CYCLES["cycles_at_depth"], 200)
    deep, small = 50 * 0.04 + 30 * 0.12, 20 * 0.04
    assert depth_cost(np.array([100.0, 20.0, 40.0, 20.0, 100.0]), 100, width, price) == pytest.approx(deep + small)
    assert depth_cost(np.array([100.0, 60.0, 80.0, 20.0, 100.0]), 100, width, price) == pytest.approx(deep + small)


def rainflow_cost(charge: list[float], width: np.ndarray, price: np.ndarray) -> float:
    """Wear of the falls of a curve by counting cycles: every fall that a higher rise closes is taken out, the rest are half cycles."""

    def of_depth(depth: float) -> float:
        edges = 100 * np.concatenate([[0.0], np.cumsum(width)])
        return float(sum(p * np.clip(depth - a, 0, b - a) for p, (a, b) in zip(price, itertools.pairwise(edges), strict=True)))

    points, cost = [charge[0]], 0.0
    for value in charge[1:]:
        if len(points) > 1 and (value - points[-1]) * (points[-1] - points[-2]) >= 0:
            points[-1] = value
        else:
            points.append(value)
        while len(points) >= 4:
            a, b, c, d = points[-4:]
            if not min(a, d) <= min(b, c) <= max(b, c) <= max(a, d):
                break
            cost += of_depth(abs(b - c))
            points[-3:] = [d]
    return cost + sum(of_depth(a - b) for a, b in itertools.pairwise(points) if b < a)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=14))
def test_the_account_is_the_rainflow_count(shares):
    charge = [5.0 * share for share in shares]
    width, price = marginal_prices([[0.25, 30_000], [0.5, 10_000], [1.0, 2_500]], 200)
    assert depth_cost(np.array(charge), 100, width, price) == pytest.approx(rainflow_cost(charge, width, price), abs=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=9))
def test_no_way_to_fill_the_slices_is_cheaper_than_the_account(shares):
    """Xu et al. with a charge and a discharge for each slice, solved by scipy for a fixed curve of the charge."""
    charge = 5.0 * np.array(shares, dtype=float)
    width, price = marginal_prices([[0.25, 30_000], [0.5, 10_000], [1.0, 2_500]], 200)
    steps, slices = len(charge) - 1, len(width)
    content = slices * (steps + 1)
    size = content + 2 * slices * steps  # content, then what enters and what leaves each slice
    rows, limits = [], []
    for t in range(steps + 1):
        row = np.zeros(size)
        row[t * slices : (t + 1) * slices] = 1
        rows.append(row)
        limits.append(charge[t])
    for t, j in itertools.product(range(steps), range(slices)):
        row = np.zeros(size)
        row[(t + 1) * slices + j], row[t * slices + j] = 1, -1
        row[content + t * slices + j], row[content + slices * steps + t * slices + j] = -1, 1
        rows.append(row)
        limits.append(0.0)
    cost = np.zeros(size)
    cost[content + slices * steps :] = np.tile(price, steps)
    bounds = [(0, 100 * w) for w in np.tile(width, steps + 1)] + [(0, None)] * (2 * slices * steps)
    answer = scipy.optimize.linprog(cost, A_eq=np.array(rows), b_eq=limits, bounds=bounds)
    assert depth_cost(charge, 100, width, price) == pytest.approx(answer.fun, abs=1e-7)


def test_a_battery_that_wears_with_depth_stops_where_the_next_slice_costs_more_than_it_earns(assets_of, hours_of, values):
    # Bought at 0.10, sold against 0.20: the first half (0.04) pays, the second (0.12) does not.
    inputs = hours_of([0.1, 0.2], {"town": [0, 100]}, state={"b": {"charge_kwh": 0.0}})
    done = plan(inputs, assets_of(TOWN, PERFECT | CYCLES))
    assert values(done.plan, "b", "power_kw") == pytest.approx([-50, 50])
    assert done.cost.wear == pytest.approx(50 * 0.04)
    assert done.cost.total == pytest.approx(50 * 0.1 + 50 * 0.2 + 2.0)


def test_standing_full_costs_by_the_hour_and_moves_the_charging_late(assets_of, hours_of, values):
    aged = PERFECT | {"high_share": 0.5, "high_price_per_kwh_h": 0.01}
    inputs = hours_of([0.1, 0.1, 0.1, 0.5], {"town": [0, 0, 0, 100]}, state={"b": {"charge_kwh": 0.0}})
    done = plan(inputs, assets_of(TOWN, aged))
    charge = values(done.plan, "b", "charge_kwh")
    assert charge[3] == pytest.approx(100)
    assert charge[2] <= 50 + 1e-6
    assert done.cost.wear == pytest.approx(50 * 0.01)


@pytest.mark.parametrize("seed", range(6))
def test_account_of_a_worn_battery_is_the_objective(seed, assets_of, hours_of):
    """Loss, losses each way, three kinds of wear, a value and a band at the end: the account knows the plan only, not the model."""
    rng = np.random.default_rng(seed)
    battery = PERFECT | {
        "power_kw": 40,
        "charge_kw": 25,
        "charge_efficiency": 0.93,
        "discharge_efficiency": 0.9,
        "loss_share_per_day": 0.1,
        "wear_price_per_kwh": 0.01,
        "high_share": 0.6,
        "high_price_per_kwh_h": 0.003,
        "end_value_per_kwh": 0.05,
        "end_most_share": 0.7,
        **CYCLES,
    }
    inputs = hours_of(rng.uniform(0.0, 0.5, 24), {"town": rng.uniform(0, 60, 24)}, state={"b": {"charge_kwh": 100 * rng.random()}})
    assets = assets_of(TOWN, battery)
    model = formulate(inputs, assets)
    done = plan(inputs, assets)
    assert done.cost.total == pytest.approx(solve.solved(compiled(model).arrays).objective + model.constant, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"energy_kwh": -5}, "greater than 0"),
        ({"charge_kw": 0}, "greater than 0"),
        ({"least_share": 0.9, "most_share": 0.5}, "must lie below"),
        ({"end_least_share": 0.8, "end_most_share": 0.3}, "end_most_share"),
        ({"cycles_at_depth": [[0.5, 5_000], [1.0, 4_000]], "replacement_price_per_kwh": 200}, "fall fast enough"),
        ({"cycles_at_depth": [[0.5, 5_000], [0.4, 400]], "replacement_price_per_kwh": 200}, "depths that rise"),
        ({"cycles_at_depth": [[0.5, 5_000]]}, "replacement_price_per_kwh"),
    ],
)
def test_what_no_battery_can_be_is_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        Battery.model_validate(PERFECT | wrong)


def test_its_two_directions_may_have_their_own_power(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.2, 0.5], {"town": [0, 0, 100]}, state={"b": {"charge_kwh": 0.0}})
    done = plan(inputs, assets_of(TOWN, PERFECT | {"charge_kw": 30, "discharge_kw": 45}))
    assert values(done.plan, "b", "power_kw") == pytest.approx([-30, -15, 45])
