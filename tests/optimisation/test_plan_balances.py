"""Several balances in one plan, what people approved, and a cap on carbon."""

from dataclasses import replace

import numpy as np
import pytest

from city.problems import PenstockError
from optimisation.program import Approved, baseline, plan

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


def test_two_balances_have_their_own_grids_and_meet_nowhere(assets_of, hours_of, values):
    assets = assets_of(
        {"kind": "grid", "id": "grid", "connection_kw": 1000},
        LOAD,
        {"kind": "grid", "id": "island-grid", "connection_kw": 50, "balance": "island"},
        {"kind": "fixed_load", "id": "village", "series": ["village"], "balance": "island"},
    )
    inputs = hours_of([0.1, 0.3], {"town": [200, 200], "village": [20, 40]})
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "grid", "power_kw") == pytest.approx([200, 200])
        assert values(done.plan, "island-grid", "power_kw") == pytest.approx([20, 40])


@pytest.mark.parametrize("name", ["battery", "tank", "grid", "part_0", "electricity_balance", "feeder 3, \u6c34 50%"])
def test_a_balance_may_have_any_name(assets_of, hours_of, name):
    assets = assets_of(
        BATTERY, {"kind": "line", "id": "cable", "to_balance": name, "rating_kw": 100}, LOAD | {"balance": name}, BATTERY | {"id": "spare"}
    )
    inputs = hours_of([0.1, 0.3], {"town": [50, 50]}, state={"battery": {"charge_kwh": 0}, "spare": {"charge_kwh": 0}})
    assert plan(inputs, assets).cost.total == pytest.approx(10.0)  # 100 kWh at 0.1, half of it kept for the second hour


def test_a_balance_that_only_one_asset_names_is_a_sentence(assets_of, hours_of):
    assets = assets_of(LOAD | {"balance": "electrcity"})
    with pytest.raises(PenstockError, match="balance 'electrcity': no other asset gives to it"):
        plan(hours_of([0.1], {"town": [1]}), assets)


@pytest.mark.parametrize(("price", "battery"), [(0.05, [-100, 100]), (0.15, [0, 0])])
def test_what_was_approved_is_kept_while_the_gain_is_below_the_price_of_a_change(assets_of, hours_of, values, price, battery):
    # Each kWh shifted earns .20 and changes the approved rest in two steps.
    inputs = hours_of([0.1, 0.3], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}})
    approved = (Approved("battery", "power_kw", np.array([0.0, 0.0])),)
    done = plan(replace(inputs, approved=approved, change_price_per_kwh=price), assets_of(LOAD, BATTERY))
    assert values(done.plan, "battery", "power_kw") == pytest.approx(battery)
    assert done.cost.changes == pytest.approx(price * float(np.abs(battery).sum()))
    assert done.cost.paid == pytest.approx(200 * 0.1 + 200 * 0.3 - 0.2 * max(battery))


def test_nothing_approved_costs_nothing(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.3], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}})
    approved = (Approved("battery", "power_kw", np.array([0.0, np.nan])),)
    done = plan(replace(inputs, approved=approved, change_price_per_kwh=0.15), assets_of(LOAD, BATTERY))
    assert values(done.plan, "battery", "power_kw") == pytest.approx([-100, 100])
    assert done.cost.changes == pytest.approx(15.0)


def test_an_approval_of_what_cannot_be_held_is_a_sentence(assets_of, hours_of):
    inputs = replace(hours_of([0.1], {"town": [1]}), approved=(Approved("town", "power_kw", np.zeros(1)),))
    with pytest.raises(PenstockError, match="approval of town: power_kw"):
        plan(inputs, assets_of(LOAD))


def test_a_carbon_cap_is_kept_and_named_when_it_cannot_be(assets_of, hours_of):
    # 200 kWh at .1 and 200 kWh at .9 kg/kWh are 200 kg; 100 kWh moved by the battery save 80 kg: 120 kg at best.
    inputs = hours_of([0.1, 0.3], {"town": [200, 200]}, state={"battery": {"charge_kwh": 0.0}}, intensity_kg_per_kwh=np.array([0.1, 0.9]))
    dear_now = replace(inputs, import_price_per_kwh=np.array([0.3, 0.1]))
    assets = assets_of(LOAD, BATTERY)
    assert plan(dear_now, assets).co2_kg == pytest.approx(200)
    assert plan(replace(dear_now, carbon_cap_kg=150.0), assets).co2_kg == pytest.approx(150)
    done = plan(replace(dear_now, carbon_cap_kg=100.0), assets)
    assert done.status == "impossible"
    assert any("city: emits at most 100 kg CO2e over the horizon" in reason for reason in done.reasons)
