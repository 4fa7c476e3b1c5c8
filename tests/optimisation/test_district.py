"""A district of 100 buildings with combined cooling, heat and power: every balance closes, every account is the objective."""

import re
import time
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimisation import matrix, solve
from optimisation.assets import ASSETS
from optimisation.program import PlanInput, baseline, formulate, plan

CENTRE = [
    {"kind": "grid", "id": "grid", "connection_kw": 3000, "capacity_charge_per_kw_month": 2.0, "loss_share": 0.01},
    {"kind": "supply", "id": "gas", "price_per_kwh": 0.06, "co2_kg_per_kwh": 0.202},
    {"kind": "chp", "id": "engine", "power_kw": 500, "electric_efficiency": 0.4, "power_to_heat": 0.85, "min_share": 0.5}
    | {"start_price": 20, "min_up_steps": 8, "min_down_steps": 8, "wear_price_per_kwh": 0.01},
    {"kind": "boiler", "id": "boiler", "max_kw": 2500},
    {"kind": "heat_pump", "id": "pump", "max_kw": 400, "carnot_quality": 0.45, "flow_degc": 60, "ambient_series": "air"},
    {"kind": "chiller", "id": "absorption", "max_kw": 300, "cop": 0.7, "heat_balance": "heat", "recooling_share": 0.02},
    {"kind": "chiller", "id": "compression", "max_kw": 500, "cop": 4, "recooling_share": 0.02},
    {"kind": "thermal_storage", "id": "hot", "power_kw": 600, "energy_kwh": 3000},
    {"kind": "thermal_storage", "id": "cold", "power_kw": 300, "energy_kwh": 1200, "balance": "cold"},
    {"kind": "fixed_load", "id": "power", "series": ["power"]},
    {"kind": "fixed_load", "id": "servers", "series": ["servers"], "balance": "cold"},
    {"kind": "curtailable", "id": "roofs", "series": ["roofs"]},
]


def district(buildings: int, steps: int, seed: int, step_s: int = 900) -> tuple[PlanInput, tuple[Any, ...]]:
    """A cold spring: offices and homes of different walls on one heat network, servers to be cooled, sun on the roofs."""
    rng = np.random.default_rng(seed)
    h = step_s / 3600
    hour = (np.arange(steps) * h) % 24
    day = np.exp(-((hour - 18) ** 2) / 20) + np.exp(-((hour - 8) ** 2) / 12)
    air = 4 + 6 * np.cos((hour - 15) / 24 * 2 * np.pi) + rng.normal(0, 0.3, steps)
    series = {
        "air": air,
        "power": (5 * buildings * (0.6 + day) + rng.normal(0, 5, steps)) * h,
        "servers": (2.5 * buildings + 50 * np.exp(-((hour - 15) ** 2) / 16)) * h,
        "roofs": np.maximum(6 * buildings * np.exp(-((hour - 13) ** 2) / 8), 0) * h,
    }
    houses = [
        {"kind": "thermal_building", "id": f"house-{i:03d}", "max_kw": 25, "ambient_series": "air"}
        | {"resistance_k_per_kw": float(rng.uniform(1.5, 4)), "capacity_kwh_per_k": float(rng.uniform(2, 5))}
        | {"mass_resistance_k_per_kw": float(rng.uniform(0.3, 0.8)), "mass_capacity_kwh_per_k": float(rng.uniform(10, 40))}
        | {"gains_kw": [float(rng.uniform(0.2, 1))], "comfort_from_local": "06:00", "comfort_until_local": "22:00"}
        for i in range(buildings)
    ]
    state = {house["id"]: {"indoor_degc": float(rng.uniform(20.5, 22))} for house in houses}
    inputs = PlanInput(
        start_utc=datetime(2022, 3, 14, 23, tzinfo=UTC),
        zone="Europe/Rome",
        series={name: {"p10": v, "p50": v, "p90": v} for name, v in series.items()},
        import_price_per_kwh=np.where((hour >= 7) & (hour < 21), 0.28, 0.12) + rng.uniform(0, 0.02, steps),
        export_price_per_kwh=np.full(steps, 0.05),
        intensity_kg_per_kwh=np.full(steps, 0.35),
        carbon_price_per_t=60.0,
        month_peak_kw=600.0,
        state=state | {"hot": {"charge_kwh": 1000.0}, "cold": {"charge_kwh": 400.0}},
        steps=steps,
        step_s=step_s,
    )
    return inputs, ASSETS.validate_python([*CENTRE, *houses])


def balances(inputs: PlanInput, assets: tuple[Any, ...], result: Any) -> dict[str, np.ndarray]:
    """What flows into each balance, summed over all assets [kW], from the numbers that the plan tells."""
    values: dict[str, dict[str, np.ndarray]] = {}
    for (asset, quantity), rows in result.plan.groupby(["asset_id", "quantity"], observed=True):
        values.setdefault(asset, {})[quantity] = rows.sort_values("time_utc").value.to_numpy()
    total: dict[str, np.ndarray] = {}
    for asset in assets:
        for balance, flow in asset.settle(inputs, values[asset.id]).flows.items():
            total[balance] = total.get(balance, np.zeros(inputs.steps)) + flow
    return total


@pytest.mark.slow
def test_a_district_of_100_buildings_is_planned_in_seconds_and_beats_running_by_heat():
    inputs, assets = district(100, 96, seed=1)
    began = time.process_time()
    done = plan(inputs, assets, rel_gap=1e-2)
    seconds = time.process_time() - began
    idle = baseline(inputs, assets)
    assert done.status in ("optimal", "relaxed")
    assert seconds < 60
    for result in (done, idle):
        for balance, flow in balances(inputs, assets, result).items():
            assert flow == pytest.approx(0, abs=1e-3), balance
    assert not [b for b in idle.breaches if b.what == "balance"]
    assert done.cost.total < 0.98 * idle.cost.total
    assert done.co2_kg > 0


@st.composite
def districts(draw: Any) -> tuple[PlanInput, tuple[Any, ...]]:
    inputs, assets = district(draw(st.integers(3, 6)), 12, draw(st.integers(0, 1000)), 3600)
    cheaper = draw(st.sampled_from([0.0, 0.25]))  # with hours in which wasting power would pay
    return replace(inputs, import_price_per_kwh=inputs.import_price_per_kwh - cheaper), assets


@pytest.mark.slow
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(districts())
def test_energy_is_conserved_on_every_balance_and_the_account_is_the_objective(city):
    inputs, assets = city
    done = plan(inputs, assets, rel_gap=1e-7)
    for result in (done, baseline(inputs, assets)):
        flows = balances(inputs, assets, result)
        assert set(flows) == {"electricity", "heat", "cold", "gas"}
        for balance, flow in flows.items():
            assert flow == pytest.approx(0, abs=1e-4), balance
    model = formulate(inputs, assets, frozenset(range(inputs.steps)))
    objective = solve.solved(matrix.compiled(model).arrays, rel_gap=1e-7).objective + model.constant
    assert done.cost.total == pytest.approx(objective, rel=1e-5, abs=1e-3)


PAGE = (Path(__file__).parents[2] / "docs" / "district.md").read_text(encoding="utf-8")
STATES = {
    "hot-tank": {"charge_kwh": 300.0},
    "cold-tank": {"charge_kwh": 100.0},
    "school": {"indoor_degc": 19.0},
    "office": {"indoor_degc": 20.0},
    "clinic-battery": {"charge_kwh": 200.0},
    "clinic-diesel": {"fuel_l": 120.0},
}


@pytest.mark.parametrize("number", [0, 1], ids=["district", "clinic"])
def test_the_examples_of_the_page_are_planned_better_than_left_alone(number):
    assets = ASSETS.validate_python(tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[number])["assets"])
    inputs, _ = district(30, 48, 1, 1800)
    names = {"weather.temperature_degc": ("air", 1), "homes.energy": ("power", 1), "servers.cold": ("servers", 1)}
    names |= {"town.energy": ("power", 4), "clinic.energy": ("power", 0.5), "clinic.critical": ("power", 0.25)}
    series = {name: {"p50": inputs.series[of]["p50"] * share} for name, (of, share) in names.items()}
    inputs = replace(inputs, series=series, state=STATES)
    done, idle = plan(inputs, assets, rel_gap=5e-3), baseline(inputs, assets)
    for result in (done, idle):
        for balance, flow in balances(inputs, assets, result).items():
            assert flow == pytest.approx(0, abs=1e-4), balance
    assert done.cost.total < idle.cost.total
    assert not [b for b in done.breaches if b.asset == "clinic-reserve"]
