"""What every plan of pumps, tanks in series, processes and loads that may wait must obey, on cities that hypothesis makes up."""

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
numbers = st.integers(0, 100).map(float)
profile = st.lists(numbers, min_size=STEPS, max_size=STEPS)
prices = st.lists(st.integers(-2, 20).map(lambda x: x / 40), min_size=STEPS, max_size=STEPS)
hours = st.integers(1, 3)
share = st.sampled_from([0.0, 0.3, 0.6, 1.0])


@st.composite
def cities(draw: Any) -> tuple[PlanInput, tuple[Any, ...]]:
    series = {name: np.array(draw(profile)) for name in ("town", "sun", "works", "lamps")}
    series |= {name: np.array(draw(profile)) / 5 for name in ("valley", "hill")}
    tank = {"kind": "tank", "volume_max_m3": 900, "wish_min_m3": 50, "wish_max_m3": 700, "wish_price_per_m3h": 0.5}
    end = {"until_local": "12:00"}
    tables = [
        {"kind": "grid", "id": "grid", "connection_kw": 2000},
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "curtailable", "id": "sun", "series": ["sun"], "least_share": draw(share), "ramp_kw_per_h": 15},
        tank | {"id": "low", "series": ["valley"], "targets": [{"at_local": "06:00", "least_m3": draw(st.integers(0, 700))}]},
        tank | {"id": "high", "series": ["hill"], "end_value_per_m3": 0.02},
        {
            "kind": "variable_pump",
            "id": "well",
            "tank": "low",
            "curve": [(20, 10), (40, 22), (60, 45)],
            "min_up_steps": draw(hours),
            "start_price": 0.5,
        },
        {
            "kind": "pump_station",
            "id": "lift",
            "tank": "high",
            "from_tank": "low",
            "flow_m3_per_h": 30,
            "power_kw": 25,
            "max_starts_per_day": 3,
        },
        {"kind": "gravity_main", "id": "main", "tank": "low", "from_tank": "high", "most_m3_per_h": draw(st.integers(1, 20))},
        {
            "kind": "process",
            "id": "press",
            "runs_per_day": 2,
            "phases": [{"power_kw": 40, "hours": draw(hours)}, {"power_kw": 90, "hours": 1}],
            "longest_pause_h": draw(st.integers(0, 2)),
            "interruptible": draw(st.booleans()),
            "missed_price": draw(st.sampled_from([5.0, 200.0])),
            **end,
        },
        {
            "kind": "process",
            "id": "dry",
            "runs_per_day": 2,
            "after": "press",
            "phases": [{"power_kw": 30, "hours": 1}],
            "missed_price": 9.0,
            **end,
        },
        {
            "kind": "deferrable_load",
            "id": "kiln",
            "energy_kwh": 150,
            "max_kw": 60,
            "least_kw": draw(st.integers(0, 20)),
            "ramp_up_kw_per_h": 30,
            "short_price_per_kwh": 0.3,
            "start_price": 0.2,
            **end,
        },
        {
            "kind": "interruptible",
            "id": "works",
            "series": ["works"],
            "max_curtail_share": draw(share),
            "budget_kwh_per_day": 150,
            "payment_per_kwh": 0.1,
            "shortest_h": draw(hours),
            "rest_h": draw(hours),
        },
        {
            "kind": "street_lights",
            "id": "lamps",
            "series": ["lamps"],
            "dimmable_share": draw(share),
            "levels": [0.7, 0.4],
            "shortest_level_h": draw(hours),
            "least": [{"from_local": "03:00", "until_local": "05:00", "least_share": draw(share)}],
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
        state={
            "low": {"volume_m3": draw(st.integers(200, 700))},
            "high": {"volume_m3": draw(st.integers(200, 700))},
            "well": {"running": float(draw(st.booleans())), "since_steps": 1.0},
            "lift": {"running": float(draw(st.booleans()))},
            "kiln": {"done_kwh": 0.0},
        },
        steps=STEPS,
        step_s=3600,
    )
    return inputs, ASSETS.validate_python(tables)


def check_laws(inputs: PlanInput, assets: tuple[Any, ...], result: Any) -> None:
    groups = result.plan.sort_values("time_utc").groupby(["asset_id", "quantity"])
    at = {key: rows.value.to_numpy() for key, rows in groups}
    sinks = sum(at[name, "power_kw"] for name in ("town", "well", "lift", "press", "dry", "kiln", "works", "lamps"))
    assert at["grid", "power_kw"] + at["sun", "power_kw"] == pytest.approx(sinks, abs=1e-5)
    well, lift, main = (at[name, "flow_m3_per_h"] for name in ("well", "lift", "main"))
    assert np.diff(at["low", "volume_m3"]) == pytest.approx(well + main - lift - inputs.expected("valley"), abs=1e-5)
    assert np.diff(at["high", "volume_m3"]) == pytest.approx(lift - main - inputs.expected("hill"), abs=1e-5)
    for name in ("press", "dry"):
        process = next(a for a in assets if a.id == name)
        each = sum(phase.power_kw * phase.hours for phase in process.phases)
        missed = sum(b.amount for b in result.breaches if b.asset == name)
        assert at[name, "power_kw"].sum() == pytest.approx(each * (2 - missed), abs=1e-5)
    short = sum(b.amount for b in result.breaches if b.asset == "kiln")
    assert at["kiln", "power_kw"].sum() + short >= 150 - 1e-4


@pytest.mark.slow
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_energy_water_and_runs_are_conserved_and_the_accounts_equal_the_objective(city):
    inputs, assets = city
    done = plan(inputs, assets, rel_gap=1e-6)
    assert done.status in ("optimal", "relaxed")
    check_laws(inputs, assets, done)
    model = formulate(inputs, assets, frozenset(range(STEPS)))
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-6).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-5, abs=1e-4)


@pytest.mark.slow
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_doing_nothing_obeys_the_same_laws_and_costs_no_less(city):
    inputs, assets = city
    idle = baseline(inputs, assets)
    check_laws(inputs, assets, idle)
    if not any(b.what == "volume below empty" for b in idle.breaches):  # physics, which a plan may not break
        assert plan(inputs, assets, rel_gap=1e-6).cost.total <= idle.cost.total + 1e-4 * abs(idle.cost.total) + 1e-3
