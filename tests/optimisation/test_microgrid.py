"""A diesel set, and a reserve for standing alone: on hours solved on paper and by a linear program for every step."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from optimisation.assets.island import Island
from optimisation.program import PlanInput, baseline, plan

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
