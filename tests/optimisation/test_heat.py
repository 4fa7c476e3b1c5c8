"""Gas, boilers, heat pumps, combined heat and power and chillers, on hours solved on paper and against scipy."""

import numpy as np
import pytest
import scipy.optimize
from pydantic import ValidationError

from city.problems import PenstockError
from optimisation.program import baseline, plan

GAS = {"kind": "supply", "id": "gas", "price_per_kwh": 0.05, "co2_kg_per_kwh": 0.2}
HOMES = {"kind": "fixed_load", "id": "homes", "series": ["homes"], "balance": "heat"}
SHOPS = {"kind": "fixed_load", "id": "shops", "series": ["shops"], "balance": "cold"}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
BOILER = {"kind": "boiler", "id": "boiler", "max_kw": 200, "efficiency": 0.9}
PUMP = {"kind": "heat_pump", "id": "pump", "max_kw": 200, "cop": 3}
CHP = {"kind": "chp", "id": "chp", "power_kw": 100, "electric_efficiency": 0.4, "power_to_heat": 0.8}


def test_a_boiler_burns_what_its_efficiency_says_and_its_carbon_is_counted_once(assets_of, hours_of, values):
    inputs = hours_of([0.2, 0.2], {"homes": [90, 180]}, carbon_price_per_t=100)
    for done in (plan(inputs, assets_of(HOMES, BOILER, GAS)), baseline(inputs, assets_of(HOMES, BOILER, GAS))):
        assert values(done.plan, "gas", "power_kw") == pytest.approx([100, 200])
        assert done.co2_kg == pytest.approx(300 * 0.2)
        assert done.cost.energy == pytest.approx(300 * 0.05)
        assert done.cost.carbon == pytest.approx(6)


def test_the_heat_pump_runs_while_power_is_cheap_and_the_boiler_while_it_is_dear(assets_of, hours_of, values):
    # Heat costs 0.05 / 0.9 = 0.056 from gas, 0.1 / 3 = 0.033 and 0.3 / 3 = 0.1 from power.
    done = plan(hours_of([0.1, 0.3], {"homes": [30, 30]}), assets_of(HOMES, BOILER, PUMP, GAS))
    assert values(done.plan, "pump", "heat_kw") == pytest.approx([30, 0])
    assert values(done.plan, "pump", "power_kw") == pytest.approx([10, 0])
    assert values(done.plan, "boiler", "heat_kw") == pytest.approx([0, 30])
    prices = done.price[done.price.balance_id == "heat"].currency_per_unit
    assert prices.to_numpy() == pytest.approx([0.1 / 3, 0.05 / 0.9])


def test_unplanned_heat_comes_from_the_pump_first_and_the_boiler_last(assets_of, hours_of, values):
    idle = baseline(hours_of([0.3], {"homes": [230]}), assets_of(BOILER, HOMES, PUMP, GAS))
    assert values(idle.plan, "pump", "heat_kw") == pytest.approx([200])
    assert values(idle.plan, "boiler", "heat_kw") == pytest.approx([30])
    assert values(idle.plan, "grid", "power_kw") == pytest.approx([200 / 3])


def test_a_heat_pump_gives_less_for_each_kwh_when_its_source_is_colder(assets_of, hours_of, values):
    # 0.5 x 318.15 K / 50 K = 3.18 at -5 degC, 0.5 x 318.15 / 35 = 4.545 at 10 degC.
    carnot = {"kind": "heat_pump", "id": "pump", "max_kw": 200, "carnot_quality": 0.5, "flow_degc": 45, "ambient_series": "air"}
    done = plan(hours_of([0.1, 0.1], {"homes": [100, 100], "air": [-5, 10]}), assets_of(HOMES, carnot))
    assert values(done.plan, "pump", "power_kw") == pytest.approx([100 / 3.1815, 100 / 4.545], rel=1e-4)
    assert not done.notes


def test_a_source_without_a_forecast_is_told(assets_of, hours_of, values):
    carnot = {"kind": "heat_pump", "id": "pump", "max_kw": 200, "carnot_quality": 0.5, "flow_degc": 45, "ambient_degc": [10]}
    done = plan(hours_of([0.1], {"homes": [100]}), assets_of(HOMES, carnot))
    assert done.notes == ("pump is planned without a forecast of the temperature around it: 10 degC.",)
    forecast = assets_of(HOMES, carnot | {"ambient_series": "air", "ambient_degc": []})
    with pytest.raises(PenstockError, match="asset pump, series 'air': no forecast"):
        plan(hours_of([0.1], {"homes": [100]}), forecast)


def test_back_pressure_gives_heat_with_power_and_burns_for_both(assets_of, hours_of, values):
    # 100 kW of power come with 125 kW of heat from 250 kW of gas: 12.50 instead of 30 + 125 / 0.9 x 0.05 = 36.94.
    inputs, assets = hours_of([0.3], {"homes": [125], "town": [100]}), assets_of(HOMES, TOWN, CHP, BOILER, GAS)
    for done in (plan(inputs, assets), baseline(inputs, assets)):
        assert values(done.plan, "chp", "heat_kw") == pytest.approx([125])
        assert values(done.plan, "chp", "fuel_kw") == pytest.approx([250])
        assert values(done.plan, "grid", "power_kw") == pytest.approx([0], abs=1e-6)
        assert done.cost.total == pytest.approx(12.5)
        assert done.co2_kg == pytest.approx(50)


def test_led_by_heat_the_unit_runs_where_the_plan_lets_it_rest(assets_of, hours_of, values):
    # At 0.05 a kWh of power the unit saves 5 + 6.94 and burns 12.50; at 0.02 less still.
    inputs, assets = hours_of([0.3, 0.02], {"homes": [125, 125], "town": [100, 100]}), assets_of(HOMES, TOWN, CHP, BOILER, GAS)
    done, idle = plan(inputs, assets), baseline(inputs, assets)
    assert values(done.plan, "chp", "running") == pytest.approx([1, 0])
    assert values(idle.plan, "chp", "running") == pytest.approx([1, 1])
    assert done.cost.total == pytest.approx(12.5 + 2 + 125 / 0.9 * 0.05)
    assert idle.cost.total == pytest.approx(25)


def test_an_extraction_unit_gives_up_power_for_heat(assets_of, hours_of, values):
    # 0.2 kW of power for each kW of heat: with 100 kW of heat it still gives 80, from the same 250 kW of gas.
    unit = CHP | {"power_to_heat": 0.6, "power_loss": 0.2}
    done = plan(hours_of([0.3, 0.3], {"homes": [0, 100], "town": [100, 100]}), assets_of(HOMES, TOWN, unit, GAS))
    assert values(done.plan, "chp", "power_kw") == pytest.approx([100, 80])
    assert values(done.plan, "chp", "fuel_kw") == pytest.approx([250, 250])
    assert values(done.plan, "grid", "power_kw") == pytest.approx([0, 20], abs=1e-6)


def test_a_unit_that_would_give_more_than_it_burns_is_refused(assets_of):
    with pytest.raises(ValidationError, match=r"heat and power are 1\.40 of the fuel"):
        assets_of(CHP | {"power_to_heat": 0.4})


@pytest.mark.parametrize("seed", range(4))
def test_starts_and_shortest_runs_of_a_unit_cost_what_scipy_says(assets_of, hours_of, seed):
    # x = on, start, power, boiler heat, import, export; heat from the unit is power / 0.8, gas is power / 0.4 + heat / 0.9.
    rng, n = np.random.default_rng(seed), 12
    price, heat, load = rng.uniform(0.02, 0.3, n), rng.uniform(20, 180, n), rng.uniform(20, 120, n)
    sell = np.full(n, 0.015)
    eye, zero = np.eye(n), np.zeros((n, n))
    before = np.eye(n, k=-1)
    run = np.tril(np.ones((n, n))) - np.tril(np.ones((n, n)), -3)  # the last three steps
    blocks = [
        (np.hstack([zero, zero, eye / 0.8, eye, zero, zero]), heat, heat),
        (np.hstack([zero, zero, eye, zero, eye, -eye]), load, load),
        (np.hstack([eye - before, -eye, zero, zero, zero, zero]), np.full(n, -np.inf), np.zeros(n)),
        (np.hstack([-eye, run, zero, zero, zero, zero]), np.full(n, -np.inf), np.zeros(n)),
        (np.hstack([-100 * eye, zero, eye, zero, zero, zero]), np.full(n, -np.inf), np.zeros(n)),
        (np.hstack([50 * eye, zero, -eye, zero, zero, zero]), np.full(n, -np.inf), np.zeros(n)),
    ]
    cost = np.concatenate([np.zeros(n), np.full(n, 4.0), np.full(n, 0.05 / 0.4 + 0.01), np.full(n, 0.05 / 0.9), price, -sell])
    answer = scipy.optimize.milp(
        cost,
        constraints=[scipy.optimize.LinearConstraint(a, low, high) for a, low, high in blocks],
        integrality=np.repeat([1, 1, 0, 0, 0, 0], n),
        bounds=scipy.optimize.Bounds(0, np.concatenate([np.ones(2 * n), np.full(4 * n, 1000)])),
    )
    unit = CHP | {"start_price": 4.0, "min_up_steps": 3, "wear_price_per_kwh": 0.01}
    inputs = hours_of(price, {"homes": heat, "town": load}, export_price_per_kwh=sell)
    done = plan(inputs, assets_of(HOMES, TOWN, unit, BOILER, GAS), rel_gap=1e-9)
    assert done.cost.total == pytest.approx(answer.fun, rel=1e-6)


def test_cold_is_made_from_power_or_from_heat_with_the_power_of_recooling(assets_of, hours_of, values):
    # Compression: 30 kW of cold from 10 kW, 40 kW given off by 2 kW of pumps. Absorption: 50 kW of heat, 80 kW given off by 4 kW.
    town = {"kind": "chiller", "cop": 3, "max_kw": 100, "recooling_share": 0.05}
    compression = town | {"id": "compression"}
    absorption = town | {"id": "absorption", "cop": 0.6, "heat_balance": "heat"}
    inputs = hours_of([0.2], {"shops": [30]})
    done = plan(inputs, assets_of(SHOPS, compression))
    assert values(done.plan, "grid", "power_kw") == pytest.approx([12])
    done = plan(inputs, assets_of(SHOPS, absorption, BOILER, GAS))
    assert values(done.plan, "boiler", "heat_kw") == pytest.approx([50])
    assert values(done.plan, "grid", "power_kw") == pytest.approx([4])
    both = assets_of(SHOPS, absorption, compression, BOILER, GAS)
    assert values(plan(inputs, both).plan, "compression", "cold_kw") == pytest.approx([30])
    assert values(baseline(inputs, both).plan, "absorption", "cold_kw") == pytest.approx([30])  # as the file has it


def test_a_least_load_keeps_a_boiler_off(assets_of, hours_of, values):
    done = plan(hours_of([0.3, 0.3], {"homes": [40, 120]}), assets_of(HOMES, BOILER | {"min_share": 0.5}, PUMP, GAS))
    assert values(done.plan, "boiler", "running") == pytest.approx([0, 1])
    assert values(done.plan, "pump", "heat_kw") == pytest.approx([40, 0])


def test_heat_that_nothing_can_give_is_named(assets_of, hours_of):
    done = plan(hours_of([0.2], {"homes": [230]}), assets_of(HOMES, BOILER, GAS))
    assert done.status == "impossible"
    assert "boiler: gives at most 200 kW" in " ".join(done.reasons)


def test_gas_is_shared_by_order_when_nobody_plans_and_by_price_in_the_plan(assets_of, hours_of, values):
    dear = GAS | {"id": "dear", "price_per_kwh": 0.08, "max_kw": 60}
    inputs, assets = hours_of([0.2], {"homes": [90]}), assets_of(HOMES, BOILER, dear, GAS)
    assert values(baseline(inputs, assets).plan, "dear", "power_kw") == pytest.approx([60])
    assert values(baseline(inputs, assets).plan, "gas", "power_kw") == pytest.approx([40])
    assert values(plan(inputs, assets).plan, "gas", "power_kw") == pytest.approx([100])
