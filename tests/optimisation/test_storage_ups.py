"""UPS: its load comes first, and what it holds above the load's reserve may help."""

import numpy as np
import pytest
from pyomo.environ import value

from optimisation.program import baseline, formulate, plan

UPS = {
    "kind": "ups",
    "id": "ups",
    "series": ["servers"],
    "power_kw": 100,
    "energy_kwh": 100,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "conversion_efficiency": 0.8,
    "least_share": 0.1,
    "autonomy_h": 1.5,
    "wear_price_per_kwh": 0,
}


def test_its_load_is_drawn_through_the_inverter(assets_of, hours_of, values):
    inputs = hours_of([0.2, 0.2], {"servers": [40.0, 40.0]}, state={"ups": {"charge_kwh": 100.0}})
    rests = UPS | {"autonomy_h": 4}  # all it holds is reserve
    for done in (plan(inputs, assets_of(rests)), baseline(inputs, assets_of(rests))):
        assert values(done.plan, "grid", "power_kw") == pytest.approx([50, 50])
        assert done.cost.total == pytest.approx(0.2 * 100)


def test_reserve_is_what_the_load_needs_from_each_instant_on(assets_of, hours_of):
    (ups,) = assets_of(UPS)[1:]
    inputs = hours_of([0.2] * 3, {"servers": [10.0, 40.0, 20.0]}, state={"ups": {"charge_kwh": 100.0}})
    # 10 kWh of deep discharge and one and a half hours: 10 + 40/2, 40 + 20/2, 20 + 20/2 (as in the last hour), 20 + 10
    assert ups.reserve_kwh(inputs) == pytest.approx([10 + 30, 10 + 50, 10 + 30, 10 + 30])


def test_above_its_reserve_it_shaves_the_dear_hour_and_ends_full(assets_of, hours_of, values):
    inputs = hours_of([0.2, 0.9, 0.2], {"servers": [20.0] * 3}, state={"ups": {"charge_kwh": 100.0}})
    done = plan(inputs, assets_of(UPS))
    charge = values(done.plan, "ups", "charge_kwh")
    assert charge[-1] == pytest.approx(100)
    assert charge.min() >= 10 + 30 - 1e-6
    assert values(done.plan, "ups", "power_kw")[1] == pytest.approx(25)  # no more than its own load: nothing is paid for export


def test_reserve_that_is_missing_is_told(assets_of, hours_of):
    inputs = hours_of([0.2], {"servers": [60.0]}, state={"ups": {"charge_kwh": 10.0}})
    done = plan(inputs, assets_of(UPS | {"charge_kw": 20, "autonomy_h": 1.0, "end_least_share": 0.0}))
    assert done.status == "relaxed"
    (breach,) = done.breaches
    assert (breach.what, breach.amount, breach.unit) == ("reserve", pytest.approx(70 - 30), "kWh h")


def test_a_load_above_its_inverter_is_noted(assets_of, hours_of):
    done = plan(hours_of([0.2], {"servers": [130.0]}, state={"ups": {"charge_kwh": 100.0}}), assets_of(UPS | {"autonomy_h": 0.1}))
    assert any("its load reaches 130.0 kW" in note for note in done.notes)


def test_nobody_plans_and_the_charger_fills_it(assets_of, hours_of, values):
    inputs = hours_of([0.2] * 3, {"servers": [0.0] * 3}, state={"ups": {"charge_kwh": 40.0}})
    still = baseline(inputs, assets_of(UPS | {"charge_kw": 50}))
    assert values(still.plan, "ups", "charge_kwh") == pytest.approx([40, 90, 100, 100])


def test_what_it_could_deliver_is_the_same_number_in_the_model_and_in_the_plan(assets_of, hours_of, values):
    """Battery and UPS: above the floor, times the efficiency of discharging."""
    battery = {"kind": "battery", "id": "b", "power_kw": 30, "energy_kwh": 100, "discharge_efficiency": 0.9, "least_share": 0.2}
    state = {"ups": {"charge_kwh": 80.0}, "b": {"charge_kwh": 5.0}}
    inputs = hours_of([0.2] * 8, {"servers": [10.0] * 8}, state=state)
    assets = assets_of(UPS, battery)
    model = formulate(inputs, assets)
    assert {a: firm.power_kw for a, firm in model.firms.items()} == {"ups": 100.0, "b": 30.0}
    done = plan(inputs, assets)
    for asset in assets[1:]:
        charge = values(done.plan, asset.id, "charge_kwh")
        usable = asset.usable_kwh(inputs, {"charge_kwh": charge, "power_kw": np.zeros(8)})
        for t, content in enumerate(charge):
            getattr(model.m, f"{asset.kind}_stored_kwh")[asset.id, t].set_value(content, skip_validation=True)
            assert value(model.firms[asset.id].energy(model.m, asset.id, t)) == pytest.approx(usable[t], abs=1e-5)
        assert (usable >= -1e-9).all()
