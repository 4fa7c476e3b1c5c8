"""What every plan with stores must obey, on cities that hypothesis makes up: energy and water are kept, the account is the objective."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimisation import matrix, solve
from optimisation.assets import ASSETS
from optimisation.program import PlanInput, baseline, formulate, plan

STEPS = 8
share = st.floats(0, 1).map(lambda x: round(x, 2))
profile = st.lists(st.floats(0, 100).map(lambda x: round(x, 2)), min_size=STEPS, max_size=STEPS).map(np.array)
prices = st.lists(st.floats(-0.05, 0.5).map(lambda x: round(x, 3)), min_size=STEPS, max_size=STEPS).map(np.array)


@st.composite
def cities(draw: Any) -> tuple[PlanInput, tuple[Any, ...]]:
    """A wide grid, and every store with drawn losses, wishes and starts."""
    losses = {
        "charge_efficiency": draw(st.floats(0.7, 1)),
        "discharge_efficiency": draw(st.floats(0.7, 1)),
        "loss_share_per_day": draw(st.sampled_from([0.0, 0.05, 0.3])),
        "wear_price_per_kwh": draw(st.sampled_from([0.0, 0.02])),
        "end_value_per_kwh": draw(st.sampled_from([0.0, 0.1])),
        "windows": [{"from_local": "03:00", "to_local": "06:00", "least_share": 0.1 + 0.5 * draw(share)}],
        "targets": [{"by_local": "07:00", "least_share": 0.1 + 0.6 * draw(share)}],
    }
    car = {"cars": 5, "car_kw": 8, "needs_kwh": draw(st.floats(0, 20)), "v2g_kw": draw(st.sampled_from([0.0, 6.0])), "lends_kwh": 10}
    tables = [
        {"kind": "grid", "id": "grid", "connection_kw": 3000},
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
        {"kind": "fixed_load", "id": "homes", "series": ["homes"], "balance": "heat"},
        {"kind": "heat_pump", "id": "pump", "max_kw": 500, "cop": 3.0},
        {
            "kind": "battery",
            "id": "battery",
            "power_kw": 60,
            "energy_kwh": 120,
            "cycles_at_depth": [[0.3, 9000], [1.0, 2000]],
            "replacement_price_per_kwh": 100,
            "high_price_per_kwh_h": draw(st.sampled_from([0.0, 0.01])),
            **losses,
        },
        {"kind": "ups", "id": "ups", "series": ["servers"], "power_kw": 120, "energy_kwh": 150, **losses},
        {"kind": "thermal_storage", "id": "tank", "power_kw": 80, "energy_kwh": 200, **losses},
        {
            "kind": "pumped_storage",
            "id": "plant",
            "volume_m3": 1000,
            "head_m": 150,
            "pump_kw": 80,
            "turbine_kw": 70,
            "pump_least_kw": draw(st.sampled_from([0.0, 40.0])),
            "turbine_least_kw": 20,
            "lower_volume_m3": 1200,
            "inflow_series": ["brook"],
            "loss_share_per_day": losses["loss_share_per_day"],
        },
        {
            "kind": "ev_fleet",
            "id": "cars",
            "max_kw": draw(st.floats(10, 100)),
            "sessions": [
                {"arrive_local": "02:00", "depart_local": "08:00", **car},
                {"arrive_local": "20:00", "depart_local": "04:00", **car},
            ],
        },
    ]
    series = {name: draw(profile) for name in ("town", "homes", "servers", "brook")}
    inputs = PlanInput(
        start_utc=datetime(2022, 6, 15, 22, tzinfo=UTC),
        zone="Europe/Rome",
        series={k: {"p10": v, "p50": v, "p90": v} for k, v in series.items()},
        import_price_per_kwh=draw(prices),
        export_price_per_kwh=draw(prices) / 2,
        intensity_kg_per_kwh=np.full(STEPS, 0.4),
        state={
            "battery": {"charge_kwh": 120 * draw(share)},
            "ups": {"charge_kwh": 150 * draw(share)},
            "tank": {"charge_kwh": 200 * draw(share)},
            "plant": {"volume_m3": 1000 * draw(share), "lower_m3": 600.0, "power_kw": draw(st.sampled_from([-50.0, 0.0, 50.0]))},
            "cars": {"owed_kwh": draw(st.sampled_from([0.0, 10.0]))},
        },
        steps=STEPS,
        step_s=3600,
    )
    return inputs, ASSETS.validate_python(tables)


def check_laws(inputs: PlanInput, assets: tuple[Any, ...], result: Any) -> None:
    groups = result.plan.sort_values("time_utc").groupby(["asset_id", "quantity"])
    at = {key: rows.value.to_numpy() for key, rows in groups}
    of = {a.id: a for a in assets}
    for name in ("battery", "ups", "tank", "plant"):
        store, net = of[name], at[name, "power_kw"]
        held = store.contents({quantity: at[name, quantity] for quantity in store.planned if (name, quantity) in at})
        physics = store.physics
        change = physics.charge_efficiency * np.maximum(-net, 0) - np.maximum(net, 0) / physics.discharge_efficiency
        if name == "plant":
            change = change + (inputs.expected("brook") - at[name, "spill_m3_per_h"]) * store.kwh_per_m3
        assert held[1:] == pytest.approx(store.kept(inputs) * held[:-1] + change, abs=1e-4)
        assert held.min() >= -1e-5
        assert held.max() <= physics.energy_kwh + 1e-4
    draw = of["ups"].draw_kw(inputs)
    sources = at["grid", "power_kw"] + sum(at[name, "power_kw"] for name in ("battery", "ups", "plant"))
    heat = at["pump", "heat_kw"] + at["tank", "power_kw"]
    assert sources == pytest.approx(at["town", "power_kw"] + draw + at["cars", "power_kw"] + at["pump", "heat_kw"] / 3.0, abs=1e-4)
    assert heat == pytest.approx(at["homes", "power_kw"], abs=1e-4)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(cities())
def test_stores_keep_energy_and_water_and_their_account_is_the_objective(city):
    inputs, assets = city
    done = plan(inputs, assets, rel_gap=1e-7)
    assert done.status in ("optimal", "relaxed")
    check_laws(inputs, assets, done)
    model = formulate(inputs, assets, frozenset(range(STEPS)))
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-7).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-5, abs=1e-4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(cities())
def test_stores_at_rest_keep_energy_and_water_too(city):
    inputs, assets = city
    check_laws(inputs, assets, baseline(inputs, assets))
