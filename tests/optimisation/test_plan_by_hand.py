"""Plans small enough to be solved on paper."""

from dataclasses import replace

import numpy as np
import pytest

from city.clock import parse_utc
from optimisation.program import Lock, baseline, plan

LOAD = {"kind": "fixed_load", "id": "town", "series": ["town"]}
BATTERY = {
    "kind": "battery",
    "id": "battery",
    "power_kw": 100,
    "energy_kwh": 100,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "least_share": 0,
    "most_share": 1,
}
TANK = {"kind": "tank", "id": "tank", "series": ["water"], "volume_max_m3": 400, "wish_price_per_m3h": 1.0}
STATION = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 100, "power_kw": 50, "min_up_steps": 1}


def test_battery_buys_at_ten_cents_and_serves_the_load_at_thirty(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.3], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}})
    assets = assets_of(LOAD, BATTERY)
    done, idle = plan(inputs, assets), baseline(inputs, assets)
    assert done.status == "optimal"
    assert done.cost.total == pytest.approx(300 * 0.1 + 100 * 0.3)
    assert idle.cost.total == pytest.approx(200 * 0.1 + 200 * 0.3)
    assert values(done.plan, "battery", "power_kw") == pytest.approx([-100, 100])
    assert values(done.plan, "battery", "charge_kwh") == pytest.approx([0, 100, 0])
    assert list(done.price.currency_per_unit) == pytest.approx([0.1, 0.3])


def test_losses_of_ten_percent_each_way_stop_a_trade_that_earns_ten_percent(assets_of, hours_of, values):
    inputs = hours_of([0.10, 0.11], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}})
    done = plan(inputs, assets_of(LOAD, BATTERY | {"charge_efficiency": 0.9, "discharge_efficiency": 0.9}))
    assert values(done.plan, "battery", "power_kw") == pytest.approx([0, 0])


def test_battery_ends_as_full_as_it_began(assets_of, hours_of, values):
    inputs = hours_of([0.3, 0.3], {"town": [200, 200]}, state={"battery": {"charge_kwh": 50.0}})
    done = plan(inputs, assets_of(LOAD, BATTERY))
    assert values(done.plan, "battery", "charge_kwh")[-1] == pytest.approx(50)


def test_pumps_run_in_the_cheap_hours_and_the_tank_ends_as_it_began(assets_of, hours_of, values):
    inputs = hours_of([0.3, 0.1, 0.1, 0.3], {"water": [50] * 4}, state={"tank": {"volume_m3": 100.0}, "pump": {"running": 0.0}})
    done = plan(inputs, assets_of(TANK, STATION))
    assert values(done.plan, "pump", "running") == pytest.approx([0, 1, 1, 0])
    assert values(done.plan, "tank", "volume_m3") == pytest.approx([100, 50, 100, 150, 100])
    assert done.cost.total == pytest.approx(2 * 50 * 0.1)


def test_shortest_run_of_three_hours_keeps_the_pump_on(assets_of, hours_of, values):
    prices, demand = [0.3, 0.1, 0.2, 0.25, 0.4], {"water": [0, 0, 100, 0, 0]}
    inputs = hours_of(prices, demand, state={"tank": {"volume_m3": 50.0}, "pump": {"running": 0.0}})
    once, long = plan(inputs, assets_of(TANK, STATION)), plan(inputs, assets_of(TANK, STATION | {"min_up_steps": 3}))
    assert values(once.plan, "pump", "running").tolist() == [0, 1, 0, 0, 0]
    assert values(long.plan, "pump", "running").tolist() == [0, 1, 1, 1, 0]


def test_station_in_its_rest_finishes_it_first(assets_of, hours_of, values):
    state = {"tank": {"volume_m3": 100.0}, "pump": {"running": 0.0, "since_steps": 1.0}}
    inputs = hours_of([0.1, 0.1, 0.3, 0.3], {"water": [50] * 4}, state=state)
    done = plan(inputs, assets_of(TANK, STATION | {"min_down_steps": 3}))
    assert values(done.plan, "pump", "running").tolist()[:2] == [0, 0]


def test_pumps_switch_by_level_when_nobody_plans(assets_of, hours_of, values):
    state = {"tank": {"volume_m3": 180.0}, "pump": {"running": 0.0}}
    idle = baseline(hours_of([0.1] * 6, {"water": [30] * 6}, state=state), assets_of(TANK, STATION))
    # 180 of 400 is above the start level of 160; an hour later 150 is below it; at 360 it is not below the stop level.
    assert values(idle.plan, "pump", "running").tolist() == [0, 1, 1, 1, 0, 0]
    assert values(idle.plan, "tank", "volume_m3").tolist() == [180, 150, 220, 290, 360, 330, 300]


def test_cars_wait_for_the_cheap_hours_but_not_past_their_departure(assets_of, hours_of, values):
    fleet = {"kind": "ev_fleet", "id": "cars", "series": ["cars"], "arrive_local": "00:00", "depart_local": "04:00", "max_kw": 60}
    inputs = hours_of([0.3, 0.2, 0.2, 0.1, 0.01], {"cars": [50, 50, 0, 0, 0]})
    done, idle = plan(inputs, assets_of(fleet)), baseline(inputs, assets_of(fleet))
    assert values(done.plan, "cars", "power_kw")[[0, 3, 4]] == pytest.approx([0, 60, 0])
    assert values(idle.plan, "cars", "power_kw") == pytest.approx([50, 50, 0, 0, 0])
    assert done.cost.total == pytest.approx(40 * 0.2 + 60 * 0.1)


def test_energy_that_does_not_fit_before_the_departure_is_said(assets_of, hours_of):
    fleet = {"kind": "ev_fleet", "id": "cars", "series": ["cars"], "arrive_local": "00:00", "depart_local": "02:00", "max_kw": 60}
    done = plan(hours_of([0.1, 0.1, 0.1], {"cars": [100, 50, 0]}), assets_of(fleet))
    assert done.status == "relaxed"
    (breach,) = done.breaches
    assert (breach.asset, breach.what, breach.unit) == ("cars", "energy by departure", "kWh")
    assert breach.amount == pytest.approx(150 - 2 * 60)


def test_industry_is_called_for_its_daily_budget_in_the_dearest_hours(assets_of, hours_of, values):
    site = {
        "kind": "interruptible",
        "id": "mill",
        "series": ["mill"],
        "max_curtail_share": 0.5,
        "budget_kwh_per_day": 80,
        "payment_per_kwh": 0.1,
    }
    inputs = hours_of([0.5, 0.2, 0.4, 0.05], {"mill": [100] * 4})
    cut = values(plan(inputs, assets_of(site)).plan, "mill", "interrupted_kw")
    assert cut == pytest.approx([50, 0, 30, 0])
    told = values(plan(inputs, assets_of(site | {"notice_h": 1})).plan, "mill", "interrupted_kw")
    assert told == pytest.approx([0, 30, 50, 0])
    hour = values(plan(inputs, assets_of(site | {"max_hours_per_day": 1})).plan, "mill", "interrupted_kw")
    assert hour == pytest.approx([50, 0, 0, 0])


def test_lights_are_dimmed_only_in_their_hours_and_only_when_it_pays(assets_of, hours_of, values):
    lights = {
        "kind": "street_lights",
        "id": "lights",
        "series": ["lights"],
        "dimmable_share": 0.4,
        "dim_from_local": "01:00",
        "dim_until_local": "03:00",
        "comfort_price_per_kwh": 0.2,
    }
    done = plan(hours_of([0.5, 0.5, 0.1, 0.5], {"lights": [100] * 4}), assets_of(lights))
    assert values(done.plan, "lights", "dimmed_kw") == pytest.approx([0, 40, 0, 0])


def test_sun_beyond_the_export_limit_is_left_unused(assets_of, hours_of, values):
    grid = {"kind": "grid", "id": "grid", "connection_kw": 1000, "export_limit_kw": 30}
    sun = {"kind": "curtailable", "id": "pv", "series": ["pv"]}
    inputs = hours_of([0.3], {"pv": [150], "town": [100]}, export_price_per_kwh=np.array([0.05]))
    done = plan(inputs, assets_of(grid, LOAD, sun))
    assert values(done.plan, "pv", "power_kw") == pytest.approx([130])
    assert values(done.plan, "pv", "curtailed_kw") == pytest.approx([20])
    assert done.cost.energy == pytest.approx(-30 * 0.05)


def test_capacity_charge_falls_on_what_exceeds_the_peak_of_the_month(assets_of, hours_of):
    grid = {"kind": "grid", "id": "grid", "connection_kw": 1000, "capacity_charge_per_kw_month": 2.0}
    inputs = hours_of([0.1, 0.1], {"town": [100, 180]}, state={"battery": {"charge_kwh": 100.0}}, month_peak_kw=120.0)
    without, helped = plan(inputs, assets_of(grid, LOAD)), plan(inputs, assets_of(grid, LOAD, BATTERY | {"end_least_share": 0}))
    assert without.cost.capacity == pytest.approx(2.0 * 60)
    assert helped.cost.capacity == pytest.approx(0)
    assert helped.peak_kw <= 120 + 1e-6


def test_carbon_price_moves_the_battery_to_clean_hours_at_equal_prices(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.1], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}}, intensity_kg_per_kwh=np.array([0.2, 0.8]))
    priced = plan(replace(inputs, carbon_price_per_t=100.0), assets_of(LOAD, BATTERY))
    assert values(priced.plan, "battery", "power_kw") == pytest.approx([-100, 100])
    assert priced.co2_kg == pytest.approx(300 * 0.2 + 100 * 0.8)
    assert priced.cost.carbon == pytest.approx(priced.co2_kg * 0.1)


def test_contract_capacity_is_a_wish_with_a_price_and_a_sentence(assets_of, hours_of):
    grid = {"kind": "grid", "id": "grid", "connection_kw": 1000, "contract_kw": 150, "excess_price_per_kwh": 2.0}
    done = plan(hours_of([0.1, 0.1], {"town": [100, 180]}), assets_of(grid, LOAD))
    assert done.status == "relaxed"
    assert done.cost.breaches == pytest.approx(30 * 2.0)
    assert "30 kW above the contract capacity of 150 kW" in done.breaches[0].sentence


def test_operator_hold_keeps_a_pump_off_until_its_hour(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.1, 0.3, 0.3], {"water": [50] * 4}, state={"tank": {"volume_m3": 200.0}, "pump": {"running": 0.0}})
    held = replace(inputs, locks=(Lock("pump", "running", 0.0, parse_utc("2022-06-16T02:00+02:00")),))
    assert values(plan(inputs, assets_of(TANK, STATION)).plan, "pump", "running").tolist() == [1, 1, 0, 0]
    assert values(plan(held, assets_of(TANK, STATION)).plan, "pump", "running").tolist() == [0, 0, 1, 1]
