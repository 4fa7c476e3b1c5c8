"""Fire reserve, turnover, operating points and cuts: what keeps the cheapest pump schedule from being the unsafe one."""

import numpy as np
import pytest
from pydantic import ValidationError

from optimisation.inputs import Cut
from optimisation.program import baseline, plan

TANK = {"kind": "tank", "id": "tank", "series": ["water"], "volume_max_m3": 400, "wish_price_per_m3h": 1.0}
PUMP = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 100, "power_kw": 10}
STATE = {"tank": {"volume_m3": 200.0}, "pump": {"running": 0.0}}
DEAR_THEN_CHEAP = [0.5, 0.5, 0.5, 0.1, 0.1, 0.1]


def test_fire_reserve_is_kept_though_pumping_later_is_cheaper_and_its_price_is_what_it_costs_more(assets_of, hours_of, values):
    """50 m3/h from 200 m3: free, the tank falls to 50 before the cheap hours; 120 m3 of reserve takes one dear hour of the three."""
    inputs = hours_of(DEAR_THEN_CHEAP, {"water": [50] * 6}, state=STATE)
    free = plan(inputs, assets_of(TANK, PUMP), rel_gap=1e-9)
    assert values(free.plan, "tank", "volume_m3").min() == pytest.approx(50)
    safe = plan(inputs, assets_of(TANK | {"fire_reserve_m3": 120}, PUMP), rel_gap=1e-9)
    assert values(safe.plan, "tank", "volume_m3").min() >= 120 - 1e-6
    assert safe.cost.paid - free.cost.paid == pytest.approx(10 * (0.5 - 0.1))


def test_tank_below_its_fire_reserve_is_filled_and_not_called_impossible(assets_of, hours_of, values):
    inputs = hours_of(DEAR_THEN_CHEAP, {"water": [50] * 6}, state=STATE)
    done = plan(inputs, assets_of(TANK | {"fire_reserve_m3": 300}, PUMP), rel_gap=1e-9)
    volume = values(done.plan, "tank", "volume_m3")
    assert volume[:3].tolist() == pytest.approx([200, 250, 300])
    assert volume[3:].min() >= 300
    assert done.status == "relaxed"
    assert any("below its fire reserve of 300 m3" in note for note in done.notes)
    assert any("fire reserve" in breach.sentence for breach in done.breaches)


def test_turnover_keeps_the_mean_volume_at_residence_time_times_flow(assets_of, hours_of, values):
    """10 m3/h and at most 12 h: at most 120 m3 on average over the day, where cheap power would fill the tank for later."""
    prices = [0.1] * 6 + [0.5] * 18
    inputs = hours_of(prices, {"water": [10] * 24}, state=STATE)
    wish = {"end_least_m3": 0, "end_value_per_m3": 0.0}
    free = values(plan(inputs, assets_of(TANK | wish | {"end_least_m3": 200}, PUMP), rel_gap=1e-9).plan, "tank", "volume_m3")
    assert free[1:].mean() > 150
    done = plan(inputs, assets_of(TANK | wish | {"max_residence_h": 12}, PUMP), rel_gap=1e-9)
    assert values(done.plan, "tank", "volume_m3")[1:].mean() <= 120 + 1e-6


def test_fire_reserve_that_contradicts_turnover_is_named(assets_of, hours_of):
    """10 m3/h and 15 h allow 150 m3 on average; 180 m3 are to stay in it."""
    inputs = hours_of([0.1] * 24, {"water": [10] * 24}, state=STATE)
    done = plan(inputs, assets_of(TANK | {"fire_reserve_m3": 180, "max_residence_h": 15}, PUMP))
    assert done.status == "impossible"
    told = " ".join(done.reasons)
    assert "fire reserve" in told
    assert "stays in it no longer" in told


def test_fire_reserve_above_the_band_is_refused(assets_of):
    with pytest.raises(ValidationError, match="fire_reserve_m3 400 must lie below"):
        assets_of(TANK | {"fire_reserve_m3": 400})


def test_tank_that_feeds_another_counts_what_it_gives_as_turned_over(assets_of, hours_of, values):
    """The upper tank takes 10 m3/h from the lower one through its pump: 12 h of it are 120 m3 in the lower one."""
    lower = {"kind": "tank", "id": "low", "volume_max_m3": 400, "max_residence_h": 12, "end_least_m3": 0}
    feed = {"kind": "pump_station", "id": "feed", "tank": "low", "flow_m3_per_h": 20, "power_kw": 1}
    lift = {"kind": "pump_station", "id": "lift", "tank": "tank", "from_tank": "low", "flow_m3_per_h": 10, "power_kw": 1}
    state = {**STATE, "low": {"volume_m3": 150.0}, "feed": {"running": 0.0}, "lift": {"running": 0.0}}
    inputs = hours_of([0.1] * 24, {"water": [10] * 24}, state={k: v for k, v in state.items() if k != "pump"})
    done = plan(inputs, assets_of(TANK, lower, feed, lift), rel_gap=1e-6)
    given = values(done.plan, "lift", "flow_m3_per_h").sum()
    assert values(done.plan, "low", "volume_m3")[1:].sum() <= 12 * given + 1e-6


def test_operating_point_of_the_state_replaces_the_configured_one_in_plan_and_baseline(assets_of, hours_of, values):
    """80 m3/h for 12 kW at the heads of the day instead of 100 for 10: 400 m3 take five hours, not four."""
    end = TANK | {"end_least_m3": 200}
    inputs = hours_of([0.1] * 8, {"water": [50] * 8}, state=STATE | {"pump": {"running": 0.0, "flow_m3_per_h": 80.0, "power_kw": 12.0}})
    done = plan(inputs, assets_of(end, PUMP), rel_gap=1e-9)
    assert values(done.plan, "pump", "running").sum() == 5
    assert set(values(done.plan, "pump", "power_kw")) == {0.0, 12.0}
    idle = baseline(inputs, assets_of(end, PUMP | {"start_below_share": 0.6, "stop_above_share": 0.9}))
    assert set(values(idle.plan, "pump", "flow_m3_per_h")) == {0.0, 80.0}


def test_cut_forbids_one_state_of_two_pumps_at_one_step_and_nothing_else(assets_of, hours_of, values):
    two = PUMP | {"id": "other"}
    inputs = hours_of([0.1, 0.5], {"water": [100, 100]}, state=STATE | {"other": {"running": 0.0}})
    free = plan(inputs, assets_of(TANK, PUMP, two), rel_gap=1e-9)
    assert [values(free.plan, pump, "running").tolist() for pump in ("pump", "other")] == [[1, 0], [1, 0]]
    cut = Cut((0,), {"pump": True, "other": True}, "pressure below 20 m")
    kept = plan(hours_of([0.1, 0.5], {"water": [100, 100]}, state=inputs.state, cuts=(cut,)), assets_of(TANK, PUMP, two), rel_gap=1e-9)
    assert np.sum([values(kept.plan, pump, "running") for pump in ("pump", "other")], axis=0).tolist() == [1, 1]
