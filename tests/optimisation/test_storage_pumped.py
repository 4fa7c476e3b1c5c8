"""Pumped storage: water, head and least powers."""

import itertools

import numpy as np
import pytest
import scipy.optimize
from pydantic import ValidationError

from city.problems import PenstockError
from optimisation.assets import PumpedStorage
from optimisation.program import baseline, plan

# 1 m3 at 366.97 m of head is worth 1 kWh, so that m3 and kWh are the same number.
PLANT = {
    "kind": "pumped_storage",
    "id": "plant",
    "volume_m3": 1000,
    "head_m": 3600 / 9.81,
    "pump_kw": 100,
    "turbine_kw": 100,
    "pump_efficiency": 0.8,
    "turbine_efficiency": 0.9,
}
TOWN = {"kind": "fixed_load", "id": "town", "series": ["town"]}
GRID = {"kind": "grid", "id": "grid", "connection_kw": 1000}


def test_a_cubic_metre_is_worth_its_head():
    plant = PumpedStorage.model_validate(PLANT | {"head_m": 300.0})
    assert plant.kwh_per_m3 == pytest.approx(1000 * 9.81 * 300 / 3.6e6)


def test_water_goes_up_at_night_and_comes_down_at_noon(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.1, 0.9], {"town": [0, 0, 500]}, state={"plant": {"volume_m3": 0.0}})
    done = plan(inputs, assets_of(TOWN, PLANT))
    # 90 kWh come of the 100 m3 that 125 kWh lifted; the turbine could pass 111 m3 in an hour, and gives 100 kW of them.
    assert values(done.plan, "plant", "power_kw")[2] == pytest.approx(100)
    assert values(done.plan, "plant", "power_kw")[:2].sum() == pytest.approx(-100 / 0.9 / 0.8)
    assert values(done.plan, "plant", "volume_m3")[2:] == pytest.approx([100 / 0.9, 0], abs=1e-6)
    assert done.cost.total == pytest.approx(0.1 * 100 / 0.9 / 0.8 + 0.9 * 400)


def test_inflow_is_used_and_what_no_longer_fits_is_spilt(assets_of, hours_of, values):
    plant = PLANT | {"inflow_series": ["brook"], "end_least_share": 0.0}
    inputs = hours_of([0.1, 0.5], {"town": [0, 90], "brook": [60, 30]}, state={"plant": {"volume_m3": 950.0}})
    still = baseline(inputs, assets_of(TOWN, plant))
    assert values(still.plan, "plant", "volume_m3") == pytest.approx([950, 1000, 1000])
    assert values(still.plan, "plant", "spill_m3_per_h") == pytest.approx([10, 30])
    done = plan(inputs, assets_of(TOWN, plant))
    volume, power = values(done.plan, "plant", "volume_m3"), values(done.plan, "plant", "power_kw")
    spilt = values(done.plan, "plant", "spill_m3_per_h")
    turbined, pumped = np.maximum(power, 0) / 0.9, np.maximum(-power, 0) * 0.8
    assert np.diff(volume) == pytest.approx(np.array([60, 30]) - spilt - turbined + pumped)
    assert power[1] == pytest.approx(90)


def test_the_lower_reservoir_runs_dry_first(assets_of, hours_of, values):
    plant = PLANT | {"lower_volume_m3": 200}
    state = {"plant": {"volume_m3": 0.0, "lower_m3": 40.0}}
    inputs = hours_of([0.1, 0.9], {"town": [0, 500]}, state=state)
    done = plan(inputs, assets_of(TOWN, plant))
    assert values(done.plan, "plant", "volume_m3") == pytest.approx([0, 40, 0], abs=1e-6)
    assert values(done.plan, "plant", "lower_m3") == pytest.approx([40, 0, 40], abs=1e-6)
    assert any("lower reservoir at least" in sentence for sentence in done.binding)
    with pytest.raises(PenstockError, match="lower_m3"):
        plan(hours_of([0.1], {"town": [0]}, state={"plant": {"volume_m3": 0.0}}), assets_of(TOWN, plant))


LEAST = PLANT | {"pump_least_kw": 60, "turbine_least_kw": 50, "start_price": 3.0}


def test_each_start_is_paid_and_a_machine_that_ran_already_need_not_start(assets_of, hours_of, values):
    prices = [0.1, 0.5, 0.1, 0.5]
    town = {"town": [500.0] * 4}
    cold = plan(hours_of(prices, town, state={"plant": {"volume_m3": 500.0}}), assets_of(TOWN, LEAST), rel_gap=1e-9)
    warm = plan(hours_of(prices, town, state={"plant": {"volume_m3": 500.0, "power_kw": -80.0}}), assets_of(TOWN, LEAST), rel_gap=1e-9)
    for done in (cold, warm):
        power = values(done.plan, "plant", "power_kw")
        assert all(abs(p) < 1e-6 or p <= -60 + 1e-6 or p >= 50 - 1e-6 for p in power)
    assert cold.cost.wear - warm.cost.wear == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(5))
def test_plan_with_least_powers_costs_what_trying_every_mode_finds(seed, assets_of, hours_of):
    """Every way to pump, rest or generate in four hours (81), each a linear program of scipy; starts are counted by hand."""
    rng = np.random.default_rng(seed)
    prices, town, start = rng.uniform(0.05, 0.9, 4), rng.uniform(100, 300, 4), float(rng.uniform(200, 800))
    done = plan(
        hours_of(prices, {"town": town}, state={"plant": {"volume_m3": start}}),
        assets_of(TOWN, LEAST | {"end_price_per_kwh": 0.4}),
        rel_gap=1e-9,
    )
    best = np.inf
    for modes in itertools.product((-1, 0, 1), repeat=4):
        starts = sum(mode != 0 and mode != before for before, mode in zip((0, *modes), modes, strict=False))
        bounds = [(60, 100) if m < 0 else (0, 0) for m in modes] + [(50, 100) if m > 0 else (0, 0) for m in modes] + [(0, None)]
        level = np.hstack([0.8 * np.tril(np.ones((4, 4))), -np.tril(np.ones((4, 4))) / 0.9, np.zeros((4, 1))])
        end = level[-1] + np.eye(1, 9, 8)[0]
        answer = scipy.optimize.linprog(
            np.concatenate([prices, -prices, [0.4]]),
            A_ub=np.vstack([level, -level, -end]),
            b_ub=np.concatenate([np.full(4, 1000 - start), np.full(4, start), [0.0]]),
            bounds=bounds,
        )
        if answer.status == 0:
            best = min(best, answer.fun + 3.0 * starts + float(prices @ town))
    assert done.cost.total == pytest.approx(best, rel=1e-6)


def test_pump_and_turbine_do_not_run_against_each_other_at_negative_prices(assets_of, hours_of, values):
    inputs = hours_of([-0.5, -0.5, 0.1], {"town": [0.0] * 3}, state={"plant": {"volume_m3": 1000.0}})
    for plant in (PLANT, LEAST):
        done = plan(inputs, assets_of(GRID, TOWN, plant))
        power, volume = values(done.plan, "plant", "power_kw"), values(done.plan, "plant", "volume_m3")
        change = 0.8 * np.maximum(-power, 0) - np.maximum(power, 0) / 0.9
        assert np.diff(volume) == pytest.approx(change, abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"volume_m3": -1}, "greater than 0"),
        ({"pump_least_kw": 120}, "must not lie above"),
        ({"start_price": 5}, "needs pump_least_kw"),
        ({"turbine_efficiency": 1.1}, "less than or equal to 1"),
    ],
)
def test_what_no_plant_can_be_is_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        PumpedStorage.model_validate(PLANT | wrong)
