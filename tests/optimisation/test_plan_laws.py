"""What every plan must obey, on cities that hypothesis makes up."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimisation import matrix, solve
from optimisation.assets import ASSETS
from optimisation.program import PlanInput, baseline, formulate, plan

STEPS = 12
numbers = st.floats(0, 100).map(lambda x: round(x, 2))
prices = st.lists(st.floats(-0.05, 0.5).map(lambda x: round(x, 3)), min_size=STEPS, max_size=STEPS)
profile = st.lists(numbers, min_size=STEPS, max_size=STEPS)
share = st.floats(0, 1).map(lambda x: round(x, 2))


@st.composite
def cities(draw: Any) -> tuple[PlanInput, tuple[Any, ...]]:
    """A grid wide enough for everything, and every other kind with drawn limits, forecasts and state."""
    series = {name: np.array(draw(profile)) for name in ("town", "pv", "cars", "mill", "lights")}
    series["water"] = np.array(draw(profile)) / 4
    efficiency = draw(st.floats(0.8, 1))
    tables = [
        {"kind": "grid", "id": "grid", "connection_kw": 2000, "contract_kw": draw(st.floats(50, 500)), "capacity_charge_per_kw_month": 1.5},
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "curtailable", "id": "pv", "series": ["pv"], "least_share": draw(share), "curtail_price_per_kwh": 0.01},
        {
            "kind": "battery",
            "id": "battery",
            "power_kw": 60,
            "energy_kwh": 120,
            "charge_efficiency": efficiency,
            "discharge_efficiency": efficiency,
            "wear_price_per_kwh": draw(st.sampled_from([0.0, 0.02])),
            "end_value_per_kwh": draw(st.sampled_from([0.0, 0.1])),
        },
        {
            "kind": "ev_fleet",
            "id": "cars",
            "series": ["cars"],
            "arrive_local": "02:00",
            "depart_local": "08:00",
            "max_kw": draw(st.floats(10, 150)),
        },
        {
            "kind": "interruptible",
            "id": "mill",
            "series": ["mill"],
            "max_curtail_share": draw(share),
            "budget_kwh_per_day": 90,
            "payment_per_kwh": 0.1,
        },
        {"kind": "street_lights", "id": "lights", "series": ["lights"], "dimmable_share": draw(share)},
        {
            "kind": "pump_station",
            "id": "pump",
            "tank": "tank",
            "flow_m3_per_h": 40,
            "power_kw": 30,
            "min_up_steps": draw(st.integers(1, 3)),
            "min_down_steps": draw(st.integers(1, 3)),
            "start_price": 0.5,
        },
        {
            "kind": "tank",
            "id": "tank",
            "series": ["water"],
            "volume_max_m3": 600,
            "wish_min_m3": 100,
            "wish_max_m3": 350,
            "end_value_per_m3": 0.01,
        },
    ]
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 15, 22, tzinfo=UTC),
        zone="Europe/Rome",
        series={k: {"p10": v, "p50": v, "p90": v} for k, v in series.items()},
        import_price_per_kwh=np.array(draw(prices)),
        export_price_per_kwh=np.array(draw(prices)) / 2,
        intensity_kg_per_kwh=np.full(STEPS, 0.4),
        carbon_price_per_t=draw(st.sampled_from([0.0, 80.0])),
        month_peak_kw=draw(st.floats(0, 200)),
        state={
            "battery": {"charge_kwh": 120 * draw(st.floats(0, 1))},
            "tank": {"volume_m3": draw(st.floats(350, 400))},
            "pump": {"running": draw(st.sampled_from([0.0, 1.0]))},
            "cars": {"owed_kwh": 0.0},
        },
        steps=STEPS,
        step_s=3600,
    )
    return inputs, ASSETS.validate_python(tables)


def quantities(result: Any) -> dict[tuple[str, str], np.ndarray]:
    groups = result.plan.sort_values("time_utc").groupby(["asset_id", "quantity"])
    return {key: rows.value.to_numpy() for key, rows in groups}


def check_laws(inputs: PlanInput, assets: tuple[Any, ...], result: Any) -> None:
    at = quantities(result)
    sources = at["grid", "power_kw"] + at["pv", "power_kw"] + at["battery", "power_kw"]
    sinks = sum(at[name, "power_kw"] for name in ("town", "cars", "mill", "lights", "pump"))
    assert sources == pytest.approx(sinks, abs=1e-5)
    battery = next(a for a in assets if a.kind == "battery")
    net = at["battery", "power_kw"]
    change = np.maximum(-net, 0) * battery.charge_efficiency - np.maximum(net, 0) / battery.discharge_efficiency
    assert np.diff(at["battery", "charge_kwh"]) == pytest.approx(change, abs=1e-5)
    water = at["pump", "flow_m3_per_h"] - inputs.expected("water")
    assert np.diff(at["tank", "volume_m3"]) == pytest.approx(water, abs=1e-5)
    short = sum(b.amount for b in result.breaches if b.asset == "cars")
    assert at["cars", "power_kw"].sum() + short == pytest.approx(inputs.expected("cars").sum(), abs=1e-4)
    assert (at["pv", "power_kw"] <= inputs.expected("pv") + 1e-6).all()


@pytest.mark.slow
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_energy_and_water_are_conserved_and_the_accounts_equal_the_objective(city):
    inputs, assets = city
    done = plan(inputs, assets, rel_gap=1e-6)
    assert done.status in ("optimal", "relaxed")
    check_laws(inputs, assets, done)
    model = formulate(inputs, assets, frozenset(range(STEPS)))
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-6).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-5, abs=1e-4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(cities())
def test_doing_nothing_conserves_energy_and_water_too(city):
    inputs, assets = city
    check_laws(inputs, assets, baseline(inputs, assets))


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_no_plan_costs_more_than_doing_nothing(city):
    inputs, assets = city
    idle = baseline(inputs, assets)
    if any(b.what in ("volume below empty", "connection rating") for b in idle.breaches):
        return  # the baseline broke physics, which a plan may not
    if not 0.1 <= inputs.state["battery"]["charge_kwh"] / 120 <= 0.95:
        return  # a plan must bring the battery back into its window, which costs
    assert plan(inputs, assets, rel_gap=1e-6).cost.total <= idle.cost.total + 1e-4 * abs(idle.cost.total) + 1e-4
