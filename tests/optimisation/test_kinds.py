"""Every kind in one city: what is planned for it are the quantities that its kind names, no less and no more."""

from typing import Any

import numpy as np

from optimisation.assets import ASSETS, KINDS
from optimisation.program import baseline, plan
from optimisation.response.programme import Programme

HOURS = 6
LEAST = {"pump_least_kw": 20, "turbine_least_kw": 20, "start_price": 1}  # on or off, beside the pump station
MASS = {"mass_resistance_k_per_kw": 0.5, "mass_capacity_kwh_per_k": 30}
TABLES: tuple[dict[str, Any], ...] = (
    {"kind": "grid", "connection_kw": 5000},
    {"kind": "line", "to_balance": "village", "rating_kw": 500},
    {"kind": "fixed_load", "series": ["town"]},
    {"kind": "fixed_load", "id": "village", "series": ["village"], "balance": "village"},
    {"kind": "fixed_load", "id": "homes", "series": ["homes"], "balance": "heat"},
    {"kind": "fixed_load", "id": "halls", "series": ["halls"], "balance": "cold"},
    {"kind": "curtailable", "series": ["sun"]},
    {"kind": "battery", "power_kw": 50, "energy_kwh": 100},
    {"kind": "ups", "series": ["servers"], "power_kw": 50, "energy_kwh": 100},
    {"kind": "thermal_storage", "power_kw": 50, "energy_kwh": 100},
    {"kind": "pumped_storage", "volume_m3": 1000, "head_m": 100, "pump_kw": 50, "turbine_kw": 50, "lower_volume_m3": 1000} | LEAST,
    {"kind": "ev_fleet", "series": ["cars"], "arrive_local": "00:00", "depart_local": "05:00", "max_kw": 50, "v2g_kw": 20, "lends_kwh": 10},
    {"kind": "interruptible", "series": ["mill"], "max_curtail_share": 0.5, "budget_kwh_per_day": 20, "payment_per_kwh": 0.1, "rest_h": 1},
    {"kind": "street_lights", "series": ["lights"], "dimmable_share": 0.3, "levels": [0.7]},
    {"kind": "pump_station", "tank": "tank", "flow_m3_per_h": 40, "power_kw": 20},
    {"kind": "tank", "series": ["water"], "volume_max_m3": 500},
    {"kind": "chiller", "max_kw": 100, "cop": 3.0, "min_share": 0.1},
    {"kind": "heat_pump", "max_kw": 100, "cop": 3.0, "start_price": 1},
    {"kind": "boiler", "max_kw": 100, "min_up_steps": 2},
    {"kind": "chp", "power_kw": 50, "electric_efficiency": 0.4, "power_to_heat": 0.9},
    {"kind": "supply", "balance": "gas", "price_per_kwh": 0.05},
    {"kind": "diesel", "power_kw": 50, "fuel_price_per_l": 2.0},
    {"kind": "island", "series": ["clinic"], "hours": 1},
    {"kind": "demand_response", "series": ["works"], "programme": "peak", "offered_kw": 10},
    {"kind": "variable_pump", "tank": "tank", "curve": [(50, 10), (100, 25)]},
    {"kind": "gravity_main", "tank": "tank", "most_m3_per_h": 20},
    {"kind": "process", "phases": [{"power_kw": 10, "hours": 1}], "until_local": "06:00"},
    {"kind": "deferrable_load", "energy_kwh": 20, "max_kw": 10, "until_local": "06:00"},
    {"kind": "thermal_building", "resistance_k_per_kw": 5, "capacity_kwh_per_k": 4, "max_kw": 20, "ambient_degc": [10]} | MASS,
)
MAYBE = {"boiler": {"power_kw"}}  # only where it burns electricity
STATE = {
    "battery": {"charge_kwh": 50.0},
    "ups": {"charge_kwh": 90.0},
    "thermal_storage": {"charge_kwh": 50.0},
    "pumped_storage": {"volume_m3": 500.0, "lower_m3": 300.0},
    "pump_station": {"running": 1.0},
    "tank": {"volume_m3": 250.0},
    "variable_pump": {"running": 0.0},
    "diesel": {"fuel_l": 100.0},
    "thermal_building": {"indoor_degc": 21.0},
}
PEAK = Programme(id="peak", notice_h=0, shortest_h=1, longest_h=2, events_per_day=1)


def test_what_is_planned_for_a_kind_is_what_it_names(hours_of):
    """`planned` is what a control may send: [[controls]] is checked against it before any plan is made."""
    names = {name for table in TABLES for name in table.get("series", ())}
    series = {name: np.full(HOURS, 10.0) for name in names}
    inputs = hours_of([0.2, 0.1, 0.4, 0.3, 0.2, 0.1], series, state=STATE, programmes={"peak": PEAK})
    assets = ASSETS.validate_python([{"id": table["kind"]} | table for table in TABLES])
    assert {type(asset) for asset in assets} == set(KINDS)
    for result in (plan(inputs, assets), baseline(inputs, assets)):
        told = result.plan.groupby("asset_id").quantity.agg(set)
        for asset in assets:
            assert told[asset.id] <= set(asset.planned), asset.kind
            assert told[asset.id] >= set(asset.planned) - MAYBE.get(asset.kind, set()), asset.kind
