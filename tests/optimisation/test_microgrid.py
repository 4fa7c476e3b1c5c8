"""A diesel set, and a reserve for standing alone: on hours solved on paper and by a linear program for every step."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from optimisation import matrix, solve
from optimisation.assets import ASSETS
from optimisation.assets.island import Island
from optimisation.program import PlanInput, baseline, formulate, plan

TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
DIESEL = {"kind": "diesel", "id": "diesel", "power_kw": 100, "min_share": 0.3, "fuel_l_per_kwh": 0.25, "fuel_price_per_l": 1.2}
BATTERY = {
    "kind": "battery",
    "id": "battery",
    "power_kw": 50,
    "energy_kwh": 200,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "least_share": 0,
    "most_share": 1,
}
CLINIC = {"kind": "island", "id": "clinic", "series": ["clinic"], "hours": 2}


def test_a_diesel_runs_where_power_is_dearer_than_its_fuel_and_counts_its_carbon(assets_of, hours_of, values):
    # 0.30 a kWh: it stands still at 0.2, gives all 80 kW at 0.4, and at 0.4 its least load of 30 kW for 20 kW taken is not worth it.
    inputs = hours_of([0.2, 0.4, 0.4], {"town": [80, 80, 20]}, state={"diesel": {"fuel_l": 100.0}})
    done = plan(inputs, assets_of(TOWN, DIESEL))
    assert values(done.plan, "diesel", "power_kw") == pytest.approx([0, 80, 0])
    assert values(done.plan, "diesel", "fuel_l") == pytest.approx([100, 100, 80, 80])
    assert done.cost.total == pytest.approx(80 * 0.2 + 20 * 1.2 + 20 * 0.4)
    assert done.co2_kg == pytest.approx(100 * 0.5 + 20 * 2.68)


def test_carbon_has_its_price_at_the_diesel_too(assets_of, hours_of, values):
    # 0.5 kg x 0.2 = 0.1 on the grid, 0.25 l x 2.68 kg x 0.2 = 0.134 at the set: 0.43 against 0.434.
    inputs = hours_of([0.33], {"town": [80]}, state={"diesel": {"fuel_l": 100.0}}, carbon_price_per_t=200)
    assert values(plan(inputs, assets_of(TOWN, DIESEL)).plan, "diesel", "power_kw") == pytest.approx([0])
    done = plan(replace(inputs, import_price_per_kwh=np.array([0.34])), assets_of(TOWN, DIESEL))
    assert done.cost.carbon == pytest.approx(20 * 2.68 * 0.2)


def test_a_tank_that_runs_dry_stops_the_set(assets_of, hours_of, values):
    inputs = hours_of([0.4] * 3, {"town": [80] * 3}, state={"diesel": {"fuel_l": 50.0}})
    done = plan(inputs, assets_of(TOWN, DIESEL | {"fuel_least_l": 10}))
    assert values(done.plan, "diesel", "power_kw").sum() == pytest.approx(160)
    assert values(done.plan, "diesel", "fuel_l")[-1] == pytest.approx(10)
    with pytest.raises(PenstockError, match="state of diesel, fuel_l"):
        plan(replace(inputs, state={"diesel": {"fuel_l": 5.0}}), assets_of(TOWN, DIESEL | {"fuel_least_l": 10}))


def test_the_battery_holds_back_what_the_clinic_needs_for_two_hours(assets_of, hours_of, values):
    # 30 kW for 2 h: 60 of 100 kWh stay; without the clinic all is sold into the dear hour and bought back.
    inputs = hours_of([0.4, 0.1, 0.1], {"town": [500] * 3, "clinic": [30] * 3}, state={"battery": {"charge_kwh": 100.0}})
    done = plan(inputs, assets_of(TOWN, BATTERY | {"power_kw": 100}, CLINIC))
    assert values(done.plan, "battery", "charge_kwh").tolist()[:2] == pytest.approx([100, 60])
    assert done.status == "optimal"
    alone = plan(inputs, assets_of(TOWN, BATTERY | {"power_kw": 100}))
    assert values(alone.plan, "battery", "charge_kwh")[1] == pytest.approx(0)


def test_a_clinic_that_cannot_be_carried_is_told_or_named(assets_of, hours_of, values):
    # 60 kW for 2 h are 120 kWh; the battery gives 50 kW, so 20 kWh are lacking whatever it holds.
    inputs = hours_of([0.1] * 2, {"town": [500] * 2, "clinic": [60] * 2}, state={"battery": {"charge_kwh": 200.0}})
    for done in (plan(inputs, assets_of(TOWN, BATTERY, CLINIC)), baseline(inputs, assets_of(TOWN, BATTERY, CLINIC))):
        assert done.status == "relaxed"
        assert values(done.plan, "clinic", "short_kwh") == pytest.approx([20, 20])
        assert done.cost.breaches == pytest.approx(400)
        assert done.breaches[0].sentence == (
            "clinic could not carry its critical load for 2 h if the grid went in one of 2 steps, "
            "first at 2022-06-16 00:00: up to 20.0 kWh are lacking."
        )
    hard = assets_of(TOWN, BATTERY, {"kind": "island", "id": "clinic", "series": ["clinic"], "hours": 2, "reserve_price_per_kwh_h": None})
    assert plan(inputs, hard).status == "impossible"
    assert "clinic: critical load of 60 kW carried for 2 h without the grid" in " ".join(plan(inputs, hard).reasons)


def test_members_that_cannot_carry_anything_are_named(assets_of, hours_of):
    inputs = hours_of([0.1], {"town": [1], "clinic": [1]}, state={"battery": {"charge_kwh": 200.0}})
    with pytest.raises(PenstockError, match="asset clinic, members: 'town'"):
        plan(inputs, assets_of(TOWN, BATTERY, CLINIC | {"members": ["town"]}))
    with pytest.raises(PenstockError, match="nothing that can carry its load"):
        plan(inputs, assets_of(TOWN, CLINIC))


def test_two_islands_cannot_count_on_the_same_battery(assets_of, hours_of):
    # 30 kW for 2 h each: 60 kWh are there once, not twice.
    inputs = hours_of(
        [0.1] * 2, {"town": [5] * 2, "clinic": [30] * 2}, state={name: {"charge_kwh": 60.0} for name in ("battery", "second")}
    )
    school = CLINIC | {"id": "school"}
    with pytest.raises(PenstockError, match="asset school, members: battery would carry 'clinic' too"):
        plan(inputs, assets_of(TOWN, BATTERY, CLINIC, school))
    apart = (CLINIC | {"members": ["battery"]}, school | {"members": ["second"]})
    assert plan(inputs, assets_of(TOWN, BATTERY, BATTERY | {"id": "second"}, *apart)).status == "optimal"


def test_a_plant_whose_lower_reservoir_is_full_carries_nothing(assets_of, hours_of, values):
    # 2.725 kWh a m3 of water 1,000 m up: 30 kW for 2 h need 22 m3 of room below. 10 m3 are free, so 32.7 kWh lack until it has pumped.
    plant = {"kind": "pumped_storage", "id": "plant", "volume_m3": 100, "head_m": 1000, "pump_kw": 50, "turbine_kw": 50}
    plant |= {"pump_efficiency": 1, "turbine_efficiency": 1, "lower_volume_m3": 50}
    inputs = hours_of([0.1] * 2, {"town": [5] * 2, "clinic": [30] * 2}, state={"plant": {"volume_m3": 60.0, "lower_m3": 40.0}})
    done, idle = (solved(inputs, assets_of(TOWN, plant, CLINIC)) for solved in (plan, baseline))
    assert values(done.plan, "clinic", "short_kwh") == pytest.approx([60 - 27.25, 0])
    assert values(idle.plan, "clinic", "short_kwh") == pytest.approx([60 - 27.25] * 2)


def carried_by_linprog(load, power, energy):
    """What of `load` float[hours] [kW] cannot be carried by members with this power [kW] and energy [kWh]."""
    n, k = len(power), len(load)
    answer = scipy.optimize.linprog(
        -np.ones(n * k),
        A_ub=np.vstack([np.kron(np.ones(n), np.eye(k)), np.kron(np.eye(n), np.ones(k))]),
        b_ub=np.concatenate([load, energy]),
        bounds=[(0, p) for p in power for _ in range(k)],
    )
    return float(load.sum() + answer.fun)


numbers = st.floats(0, 100).map(lambda x: round(x, 1))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(numbers, min_size=8, max_size=8), st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4), st.integers(1, 5))
def test_the_smallest_cut_says_what_a_linear_program_says(load, members, hours):
    island = Island(id="clinic", series=("clinic",), hours=hours)
    nothing = np.zeros(8)
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 15, 22, tzinfo=UTC),
        zone="Europe/Rome",
        series={"clinic": {"p50": np.array(load)}},
        import_price_per_kwh=nothing,
        export_price_per_kwh=nothing,
        intensity_kg_per_kwh=nothing,
        state={},
        steps=8,
        step_s=3600,
    )
    power = {str(i): p for i, (p, _) in enumerate(members)}
    usable = {str(i): np.full(9, e) for i, (_, e) in enumerate(members)}
    short = island.shortage_kwh(inputs, power, usable)
    padded = np.array(load + [load[-1]] * hours)
    for t in range(8):
        expected = carried_by_linprog(padded[t : t + hours], list(power.values()), [e for _, e in members])
        assert short[t] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_every_quarter_of_a_plan_carries_the_critical_load(assets_of, hours_of, values, seed):
    rng, n = np.random.default_rng(seed), 48
    assets = assets_of(
        TOWN,
        BATTERY,
        BATTERY | {"id": "second", "power_kw": 200, "energy_kwh": 120, "discharge_efficiency": 0.9},
        DIESEL | {"power_kw": 30},
        CLINIC | {"hours": 1.5, "reserve_price_per_kwh_h": None},
    )
    inputs = replace(
        hours_of(rng.uniform(0.05, 0.4, n), {"town": rng.uniform(50, 150, n) / 4, "clinic": rng.uniform(40, 120, n) / 4}),
        step_s=900,
        state={"battery": {"charge_kwh": 160.0}, "second": {"charge_kwh": 100.0}, "diesel": {"fuel_l": 20.0}},
    )
    done = plan(inputs, assets)
    assert done.status == "optimal"
    load = inputs.power("clinic")
    load = np.concatenate([load, np.full(6, load[-1])])
    for t in range(n):
        energy = [
            values(done.plan, "battery", "charge_kwh")[t],
            values(done.plan, "second", "charge_kwh")[t] * 0.9,
            values(done.plan, "diesel", "fuel_l")[t] / 0.25,
        ]
        assert carried_by_linprog(load[t : t + 6] / 4, [50 / 4, 200 / 4, 30 / 4], energy) == pytest.approx(0, abs=1e-4)
    free = plan(inputs, assets[:-1])
    assert free.cost.total < done.cost.total - 0.01  # the reserve is not for nothing


@st.composite
def microgrids(draw):
    """A town with two connections and a clinic behind a lossy line, whose stores, set and reserve are drawn."""
    n = 10
    column = st.lists(numbers, min_size=n, max_size=n)
    price = np.array(draw(column)) / 250 - draw(st.sampled_from([0.0, 0.1]))
    assets = ASSETS.validate_python(
        [
            {"kind": "grid", "id": "grid", "connection_kw": 500, "capacity_charge_per_kw_month": 1, "loss_share": 0.02},
            {"kind": "grid", "id": "second", "connection_kw": 400, "surcharge_per_kwh": 0.02},
            TOWN,
            {"kind": "line", "id": "line", "to_balance": "clinic", "rating_kw": 300, "loss_share": 0.05, "price_per_kwh": 0.001},
            {"kind": "curtailable", "id": "roof", "series": ["roof"], "balance": "clinic"},
            {"kind": "fixed_load", "id": "beds", "series": ["clinic"], "balance": "clinic"},
            BATTERY | {"balance": "clinic", "charge_efficiency": 0.9, "discharge_efficiency": 0.9},
            DIESEL | {"balance": "clinic", "start_price": 2, "min_up_steps": draw(st.integers(1, 3))},
            CLINIC | {"hours": draw(st.integers(1, 4)), "reserve_price_per_kwh_h": draw(st.sampled_from([0.05, 5.0]))},
        ]
    )
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 30, 17, tzinfo=UTC),
        zone="Europe/Rome",
        series={name: {"p50": np.array(draw(column))} for name in ("town", "clinic", "roof")},
        import_price_per_kwh=price,
        export_price_per_kwh=price / 2,
        intensity_kg_per_kwh=np.full(n, 0.4),
        carbon_price_per_t=50.0,
        month_peak_kw=60.0,
        state={"battery": {"charge_kwh": 2 * draw(numbers)}, "diesel": {"fuel_l": draw(numbers)}},
        steps=n,
        step_s=3600,
    )
    return inputs, assets


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(microgrids())
def test_both_sides_of_the_line_balance_and_the_account_is_the_objective(city):
    inputs, assets = city
    done, idle = plan(inputs, assets, rel_gap=1e-7), baseline(inputs, assets)
    for result in (done, idle):
        told = {key: rows.value.to_numpy() for key, rows in result.plan.sort_values("time_utc").groupby(["asset_id", "quantity"])}
        open_kw = {"electricity": np.zeros(10), "clinic": np.zeros(10)}
        for asset in assets:
            values = {quantity: value for (name, quantity), value in told.items() if name == asset.id}
            for balance, flow in asset.settle(inputs, values).flows.items():
                open_kw[balance] += flow
        assert open_kw["electricity"] == pytest.approx(0, abs=1e-4)
        assert open_kw["clinic"] == pytest.approx(0, abs=1e-4)
    model = formulate(inputs, assets, frozenset(range(10)))
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-7).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-5, abs=1e-3)
    assert done.cost.total <= idle.cost.total + 1e-3
