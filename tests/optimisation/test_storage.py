"""What all stores share: losses, windows and targets in time, the end, and what is told when a wish cannot be kept."""

from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize
from pydantic import ValidationError

from city.problems import PenstockError
from optimisation import matrix, solve
from optimisation.assets import Battery, ThermalStorage
from optimisation.program import Lock, baseline, formulate, plan

STORE = {
    "kind": "battery",
    "id": "b",
    "power_kw": 50,
    "energy_kwh": 100,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "least_share": 0,
    "most_share": 1,
}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}


def test_what_it_loses_by_itself_is_bought_again(assets_of, hours_of, values):
    # 19 % a day are 10 % in twelve hours: of 100 kWh 81 are left after a day in two steps, and the end wants 100 again.
    inputs = hours_of([0.1, 0.1], {"town": [0, 0]}, state={"b": {"charge_kwh": 100.0}}, step_s=43200)
    still = baseline(inputs, assets_of(TOWN, STORE | {"loss_share_per_day": 0.19}))
    assert values(still.plan, "b", "charge_kwh") == pytest.approx([100, 90, 81])
    assert still.breaches[0].amount == pytest.approx(19)
    done = plan(inputs, assets_of(TOWN, STORE | {"loss_share_per_day": 0.19}))
    assert done.cost.total == pytest.approx(0.1 * 19)  # all in the second half, so that less is lost
    assert values(done.plan, "b", "charge_kwh") == pytest.approx([100, 90, 100])


def test_a_store_held_at_rest_may_lose_what_it_loses(assets_of, hours_of, values):
    """At the lower end of its window and out of service: a hold for a repair must not make the city's plan impossible."""
    hold = Lock("b", "power_kw", 0.0, datetime(2022, 6, 17, tzinfo=UTC))
    inputs = hours_of([0.1] * 3, {"town": [5.0] * 3}, state={"b": {"charge_kwh": 20.0}}, locks=(hold,))
    done = plan(inputs, assets_of(TOWN, STORE | {"least_share": 0.2, "loss_share_per_day": 0.1}))
    assert done.status == "relaxed"  # the end
    assert values(done.plan, "b", "charge_kwh") == pytest.approx(20 * 0.9 ** (np.arange(4) / 24))


def test_a_store_that_cannot_be_led_back_does_not_make_the_plan_impossible(assets_of, hours_of, values):
    """A hot tank above its window, and homes that take less than it should give: what stays above is priced for each hour."""
    tank = {"kind": "thermal_storage", "id": "tank", "power_kw": 50, "energy_kwh": 100, "most_share": 0.8, "loss_share_per_day": 0.0}
    homes = {"kind": "fixed_load", "id": "homes", "series": ["homes"], "balance": "heat"}
    boiler = {"kind": "boiler", "id": "boiler", "max_kw": 50, "balance": "electricity"}
    inputs = hours_of([0.1] * 8, {"homes": [1.0] * 8}, state={"tank": {"charge_kwh": 100.0}})
    done = plan(inputs, assets_of(homes, boiler, tank))
    assert values(done.plan, "tank", "charge_kwh") == pytest.approx(100 - np.arange(9.0))
    (breach,) = done.breaches
    wished = np.maximum(100 - np.arange(1, 9) * 20 / 6, 80)
    assert (breach.what, breach.amount) == ("charge outside its window", pytest.approx((99 - np.arange(8) - wished).sum()))
    assert "above the 80.0 kWh wished" in breach.sentence


def test_it_is_full_by_seven_and_again_by_one_instant(assets_of, hours_of, values):
    targets = [{"by_local": "07:00", "least_share": 0.8}, {"by_utc": "2022-06-16T10:00:00Z", "least_share": 0.6}]  # 12:00 in Rome
    inputs = hours_of([0.1] * 24, {"town": [10.0] * 24}, state={"b": {"charge_kwh": 20.0}})
    store = STORE | {"targets": targets, "end_least_share": 0.0, "wear_price_per_kwh": 0.001}
    charge = values(plan(inputs, assets_of(TOWN, store)).plan, "b", "charge_kwh")
    assert charge[7] >= 80 - 1e-6
    assert charge[12] >= 60 - 1e-6


def test_a_target_between_two_instants_holds_at_the_one_before(assets_of, hours_of, values):
    inputs = hours_of([0.3, 0.3, 0.3, 0.1, 0.3], {"town": [0.0] * 5}, state={"b": {"charge_kwh": 0.0}})
    store = STORE | {"targets": [{"by_local": "03:20", "least_share": 0.4}], "end_least_share": 0.0}
    assert values(plan(inputs, assets_of(TOWN, store)).plan, "b", "charge_kwh")[3] == pytest.approx(40)


@pytest.mark.parametrize(("start", "count"), [(datetime(2022, 3, 26, 23, tzinfo=UTC), 1), (datetime(2022, 10, 29, 22, tzinfo=UTC), 2)])
def test_a_target_in_the_hour_that_the_clock_skips_or_repeats(start, count, hours_of):
    """02:30 on the day the clock goes forward is met by 01:45, on the day it goes back at both."""
    inputs = hours_of([0.1] * 40, state={"b": {"charge_kwh": 0.0}}, start_utc=start, step_s=900)
    (_, target) = Battery.model_validate(STORE | {"targets": [{"by_local": "02:30", "least_share": 0.5}]}).wishes(inputs)
    assert len(target.instants) == count
    said = [inputs.said(t)[-5:] for t in target.instants]
    assert said == (["01:45"] if count == 1 else ["02:30", "02:30"])


def test_a_window_keeps_the_evening_reserve_and_says_so_in_what_binds(assets_of, hours_of, values):
    window = {"from_local": "02:00", "to_local": "04:00", "least_share": 0.6}
    inputs = hours_of([0.1, 0.1, 0.9, 0.9, 0.5, 0.1], {"town": [50.0] * 6}, state={"b": {"charge_kwh": 60.0}})
    charge = values(plan(inputs, assets_of(TOWN, STORE | {"windows": [window], "end_least_share": 0.0})).plan, "b", "charge_kwh")
    assert (charge[2:5] >= 60 - 1e-6).all()
    assert charge[-1] == pytest.approx(0, abs=1e-6)


def test_a_wish_that_cannot_be_kept_is_priced_and_told(assets_of, hours_of, values):
    # Full by 01:00 from empty with 50 kW: half is missing, for which 3 per kWh were offered.
    store = STORE | {"targets": [{"by_local": "01:00", "least_share": 1.0, "price_per_kwh": 3.0}]}
    done = plan(hours_of([0.1, 0.1], {"town": [0, 0]}, state={"b": {"charge_kwh": 0.0}}), assets_of(TOWN, store))
    assert done.status == "relaxed"
    assert [(b.what, b.amount, b.price) for b in done.breaches] == [("charge in time", pytest.approx(50), 3.0)]
    assert "50.0 kWh below the 100.0 kWh wished at 2022-06-16 01:00" in done.breaches[0].sentence
    assert done.cost.breaches == pytest.approx(150)


def test_a_held_store_is_impossible_by_name_but_its_wishes_are_not_the_reason(assets_of, hours_of):
    until = datetime(2022, 6, 16, 3, tzinfo=UTC)
    inputs = hours_of([0.1] * 5, {"town": [60.0] * 5}, state={"b": {"charge_kwh": 60.0}}, locks=(Lock("b", "power_kw", 30.0, until),))
    done = plan(inputs, assets_of(TOWN, STORE | {"targets": [{"by_local": "02:00", "least_share": 1.0}]}))
    assert done.status == "impossible"
    assert any("manual hold" in reason for reason in done.reasons)
    assert not any("in time" in reason for reason in done.reasons)


def test_the_end_lies_in_its_band_from_both_sides(assets_of, hours_of, values):
    band = {"end_least_share": 0.4, "end_most_share": 0.5}
    for start, price, end in ((0.0, 0.1, 40), (100.0, 0.1, 50)):
        inputs = hours_of([price] * 4, {"town": [20.0] * 4}, state={"b": {"charge_kwh": start}}, export_price_per_kwh=np.full(4, 0.0))
        done = plan(inputs, assets_of(TOWN, STORE | band | {"end_value_per_kwh": 0.15 if start else 0.0}))
        assert values(done.plan, "b", "charge_kwh")[-1] == pytest.approx(end)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"windows": [{"from_local": "17:00", "to_local": "20:00"}]}, "least_share, most_share or both"),
        (
            {
                "windows": [
                    {"from_local": "17:00", "to_local": "20:00", "least_share": 0.6},
                    {"from_local": "19:00", "to_local": "01:00", "most_share": 0.5},
                ]
            },
            "contradict each other at 19:00: at least 60% and at most 50%",
        ),
        ({"targets": [{"by_local": "07:00", "least_share": 0.97}], "most_share": 0.95}, "which it never leaves"),
        ({"targets": [{"least_share": 0.5}]}, "either by_local or by_utc"),
        ({"targets": [{"by_utc": "2022-06-16T10:00:00", "least_share": 0.5}]}, "timezone"),
        ({"loss_share_per_day": 1.5}, "less than 1"),
    ],
)
def test_contradictory_wishes_are_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        Battery.model_validate(STORE | wrong)


@pytest.mark.parametrize("start", [-2.0, 102.0, float("nan")])
def test_a_start_outside_physics_is_a_sentence(start, assets_of, hours_of):
    with pytest.raises(PenstockError, match="charge_kwh"):
        plan(hours_of([0.1], {"town": [0]}, state={"b": {"charge_kwh": start}}), assets_of(TOWN, STORE))


def linear_answer(inputs, store, load: np.ndarray) -> float:
    """The same problem as arrays for scipy: buy, charge, discharge, missing at the end; the content is a decaying sum."""
    n, h, p = inputs.steps, inputs.step_h, store.physics
    kept, start = store.kept(inputs), store.start_kwh(inputs)
    decay = np.tril(kept ** np.clip(np.subtract.outer(np.arange(n), np.arange(n)), 0, None)) * h
    content = np.hstack([np.zeros((n, n)), decay * p.charge_efficiency, -decay / p.discharge_efficiency, np.zeros((n, 1))])
    rest = start * kept ** np.arange(1, n + 1)
    end = content[-1] + np.eye(1, 3 * n + 1, 3 * n)[0]
    answer = scipy.optimize.linprog(
        np.concatenate([inputs.import_price_per_kwh * h, np.zeros(2 * n), [store.end_price_per_kwh]]),
        A_ub=np.vstack([content, -content, -end]),
        b_ub=np.concatenate(
            [p.energy_kwh * store.most_share - rest, rest - p.energy_kwh * store.least_share, [rest[-1] - store.end_kwh(inputs)]]
        ),
        A_eq=np.hstack([np.eye(n), -np.eye(n), np.eye(n), np.zeros((n, 1))]),
        b_eq=load / h,
        bounds=[(0, 1000)] * n + [(0, p.charge_kw)] * n + [(0, p.discharge_kw)] * n + [(0, None)],
    )
    assert answer.status == 0
    return float(answer.fun)


@pytest.mark.parametrize("seed", range(8))
def test_objective_of_a_store_with_losses_is_that_of_scipy(seed, assets_of, hours_of):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 30))
    drawn = {
        "charge_kw": rng.uniform(10, 50),
        "discharge_kw": rng.uniform(10, 50),
        "charge_efficiency": rng.uniform(0.7, 1),
        "discharge_efficiency": rng.uniform(0.7, 1),
        "loss_share_per_day": rng.uniform(0, 0.3),
        "end_price_per_kwh": rng.uniform(0.05, 1),
    }
    load = rng.uniform(0, 60, n)
    inputs = hours_of(rng.uniform(0.05, 0.6, n), {"town": load}, state={"b": {"charge_kwh": rng.uniform(20, 80)}}, step_s=1800)
    assets = assets_of(TOWN, STORE | drawn)
    model = formulate(inputs, assets)
    ours = solve.solved(matrix.compiled(model).arrays).objective
    assert ours == pytest.approx(linear_answer(inputs, assets[-1], load), rel=1e-6)
    assert plan(inputs, assets).cost.total == pytest.approx(ours + model.constant, rel=1e-6)


def test_no_store_flows_both_ways_when_no_price_is_negative(assets_of, hours_of):
    """The answer of the linear program, without a single binary: losses make two-way flow cost something."""
    rng = np.random.default_rng(5)
    stores = [
        STORE | {"id": f"b{i}", "charge_efficiency": 0.95, "discharge_efficiency": 0.9, "loss_share_per_day": 0.02} for i in range(20)
    ]
    state = {s["id"]: {"charge_kwh": float(rng.uniform(0, 100))} for s in stores}
    inputs = hours_of(rng.uniform(0, 0.5, 48), {"town": rng.uniform(0, 900, 48)}, state=state)
    model = formulate(inputs, assets_of(TOWN, *stores))
    assert not any(spread.integer for spread in model.spreads.values())
    found = matrix.compiled(model)
    solved = matrix.values(model, found, solve.solved(found.arrays).x)
    assert np.minimum(solved["battery_charge_kw"], solved["battery_discharge_kw"]).max() < 1e-6
    negative = formulate(hours_of([0.1, -0.1], {"town": [0, 0]}, state=state), assets_of(TOWN, *stores))
    assert negative.spreads["battery_sign"].integer


def test_a_hot_tank_carries_the_cheap_hours_heat(assets_of, hours_of, values):
    # Heat costs what power costs; the tank loses 10 % an hour (92 % a day): 10 kWh of 100 charged ones are gone.
    tank = {"kind": "thermal_storage", "id": "tank", "power_kw": 100, "energy_kwh": 200, "loss_share_per_day": 1 - 0.9**24}
    pump = {"kind": "heat_pump", "id": "pump", "balance": "electricity", "heat_balance": "heat", "max_kw": 200, "cop": 2.0}
    homes = {"kind": "fixed_load", "id": "homes", "series": ["homes"], "balance": "heat"}
    assets = assets_of(pump, homes, tank)
    inputs = hours_of([0.1, 0.4], {"homes": [0.0, 90.0]}, state={"tank": {"charge_kwh": 0.0}})
    done = plan(inputs, assets)
    assert values(done.plan, "tank", "power_kw") == pytest.approx([-100, 90])
    assert values(done.plan, "tank", "charge_kwh") == pytest.approx([0, 100, 0], abs=1e-6)
    assert done.cost.total == pytest.approx(0.1 * 50)
    assert ThermalStorage.model_validate(tank).balance == "heat"
