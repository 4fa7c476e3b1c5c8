"""A city planned feeder by feeder is a plan of the whole city: it keeps every limit, and the bound that is told lies below the best."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks._feeders import city
from city.problems import PenstockError
from optimisation import decomposed, program
from optimisation.decomposed.parts import split
from optimisation.inputs import Lock, PlanInput
from service.fanout import kept


def loop(work: Callable[[Any], Any], keys: Sequence[Any]) -> list[Any]:
    return [work(key) for key in keys]


def behind(feeder: str, rating_kw: float, loss_share: float = 0.0) -> dict[str, Any]:
    return {"kind": "line", "id": f"{feeder}-line", "to_balance": feeder, "rating_kw": rating_kw, "loss_share": loss_share}


def load(feeder: str) -> dict[str, Any]:
    return {"kind": "fixed_load", "id": f"{feeder}-load", "balance": feeder, "series": [f"{feeder}-load"]}


def battery(feeder: str) -> dict[str, Any]:
    ideal = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "least_share": 0.0, "most_share": 1.0}
    return {"kind": "battery", "id": f"{feeder}-battery", "balance": feeder, "power_kw": 50, "energy_kwh": 100, **ideal}


@pytest.fixture
def two_feeders(assets_of: Any, hours_of: Any) -> tuple[PlanInput, tuple[Any, ...]]:
    """Two feeders of 40 kW with 50 kW batteries; energy costs 0.1, then 0.3; the grid carries 120 kW."""
    names = ("north", "south")
    tables = [table for name in names for table in (behind(name, 200), load(name), battery(name))]
    assets = assets_of({"kind": "grid", "id": "grid", "connection_kw": 120}, *tables)
    state = {f"{name}-battery": {"charge_kwh": 0.0} for name in names}
    return hours_of([0.1, 0.3], {f"{name}-load": [40.0, 40.0] for name in names}, state=state), assets


@pytest.mark.slow
def test_batteries_of_two_feeders_share_what_the_grid_can_carry(two_feeders: Any, tmp_path: Path) -> None:
    # 120 kW in the cheap hour: 80 for the loads and 40 stored; 40 of 80 in the dear hour come from the batteries
    made = decomposed.plan(*two_feeders, loop, tmp_path, rel_gap=1e-6, max_rounds=20)
    assert made.result.cost.total == pytest.approx(120 * 0.1 + 40 * 0.3, rel=1e-6)
    assert made.bound == pytest.approx(24.0, rel=1e-2)
    assert made.bound <= made.result.cost.total + 1e-9
    power = made.whole().plan.query("quantity == 'power_kw'").groupby(["asset_id", "time_utc"])["value"].sum().unstack()
    assert power.loc["grid"].to_list() == pytest.approx([120.0, 40.0], abs=1e-3)
    assert power.loc[["north-battery", "south-battery"]].sum().to_list() == pytest.approx([-40.0, 40.0], abs=1e-3)


def test_a_full_line_makes_its_feeder_dearer(two_feeders: Any, assets_of: Any, tmp_path: Path) -> None:
    inputs, assets = two_feeders
    narrow = tuple(asset.model_copy(update={"rating_kw": 60.0}) if asset.id == "north-line" else asset for asset in assets)
    grid = tuple(asset.model_copy(update={"connection_kw": 500.0}) if asset.id == "grid" else asset for asset in narrow)
    made = decomposed.plan(inputs, grid, loop, tmp_path, rel_gap=1e-6)
    # north stores the 20 kW its line has left, south 50; 70 of the 80 kW of the dear hour then come from the batteries
    assert made.result.cost.total == pytest.approx((60 + 90) * 0.1 + 10 * 0.3, rel=1e-5)
    price = made.result.price.pivot_table(index="balance_id", columns="time_utc", values="currency_per_unit")
    assert price.loc["electricity"].to_list() == pytest.approx([0.1, 0.3], abs=1e-2)
    assert price.loc["south"].to_list() == pytest.approx([0.1, 0.3], abs=1e-2)
    assert price.loc["north"].to_list() == pytest.approx([0.3, 0.3], abs=1e-2)  # stored, or not drawn later: both are worth the dear hour


def test_what_meets_in_one_balance_only_falls_apart_there(assets_of: Any) -> None:
    tank = {"kind": "tank", "id": "tank", "series": ["water"], "volume_max_m3": 100}
    pump = {"kind": "pump_station", "id": "pump", "balance": "north", "tank": "tank", "flow_m3_per_h": 10, "power_kw": 5}
    assets = assets_of(behind("north", 100), pump, tank, behind("south", 100), load("south"), load("electricity"))
    parts = split(assets, "electricity")
    assert {name: [a.id for a in group] for name, group in parts.feeders.items()} == {
        "north": ["north-line", "pump", "tank"],
        "south": ["south-line", "south-load"],
    }
    assert [a.id for a in parts.root] == ["grid", "electricity-load"]


def test_what_hangs_together_with_a_grid_stays_in_the_root(assets_of: Any) -> None:
    second = {"kind": "grid", "id": "second", "balance": "north", "connection_kw": 10}
    assert not split(assets_of(behind("north", 100), load("north"), second), "electricity").feeders


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_best_plan_lies_between_bound_and_cost(seed: int, tmp_path: Path) -> None:
    inputs, assets, _ = city(3, 16, seed)
    made, best = decomposed.plan(inputs, assets, loop, tmp_path, max_rounds=12), program.plan(inputs, assets, rel_gap=1e-6)
    assert made.bound <= best.cost.total * (1 + 1e-6)
    assert best.cost.total <= made.result.cost.total * (1 + 1e-6)
    assert made.result.gap == pytest.approx(1 - made.bound / made.result.cost.total, abs=1e-5)
    assert made.result.gap <= 0.05


@pytest.mark.slow
def test_the_frames_of_all_parts_close_every_balance(tmp_path: Path) -> None:
    inputs, assets, _ = city(3, 16, 2)
    frame = decomposed.plan(inputs, assets, loop, tmp_path, max_rounds=8).whole().plan
    values = {key: part["value"].to_numpy() for key, part in frame.groupby(["asset_id", "quantity"], sort=False)}
    left: dict[str, np.ndarray] = {}
    for asset in assets:
        own = {quantity: value for (name, quantity), value in values.items() if name == asset.id}
        for balance, flow in asset.settle(inputs, own).flows.items():
            left[balance] = left.get(balance, np.zeros(inputs.steps)) + flow
    assert len(left) == 4
    assert max(float(np.abs(flow).max()) for flow in left.values()) < 1e-3


@pytest.mark.slow
def test_feeders_with_on_and_off_are_planned_with_a_gap_that_holds(assets_of: Any, hours_of: Any, tmp_path: Path) -> None:
    names = [f"f{i}" for i in range(6)]
    rng = np.random.default_rng(3)
    tables, forecasts = [], {}
    for i, name in enumerate(names):
        site = {
            "kind": "interruptible",
            "id": f"{name}-site",
            "balance": name,
            "series": [f"{name}-site"],
            "max_curtail_share": 0.5,
            "max_hours_per_day": 2 + i % 2,
            "budget_kwh_per_day": 60 + 7 * i,
            "payment_per_kwh": 0.05 + 0.01 * i,
        }
        tables += [behind(name, 100), load(name), site, *([battery(name)] if i < 2 else [])]
        forecasts |= {f"{name}-load": rng.uniform(10, 30, 12), f"{name}-site": rng.uniform(20, 40, 12)}
    total = sum(forecasts.values())
    assets = assets_of({"kind": "grid", "id": "grid", "connection_kw": 0.9 * total.max()}, *tables)
    inputs = hours_of(rng.uniform(0.1, 0.4, 12), forecasts, state={f"f{i}-battery": {"charge_kwh": 50.0} for i in range(2)})
    made, best = decomposed.plan(inputs, assets, loop, tmp_path, max_rounds=20), program.plan(inputs, assets, rel_gap=1e-6)
    assert made.result.status in ("optimal", "time-limited")
    assert made.bound <= best.cost.total + 1e-6 <= made.result.cost.total + 1e-4
    assert made.result.plan.query("asset_id == 'grid'")["value"].max() <= 0.9 * total.max() + 1e-3


def test_a_feeder_that_cannot_be_planned_is_named(two_feeders: Any, tmp_path: Path) -> None:
    inputs, assets = two_feeders
    narrow = tuple(asset.model_copy(update={"rating_kw": 10.0}) if asset.id == "south-line" else asset for asset in assets)
    held = replace(inputs, locks=(Lock("south-battery", "power_kw", 0.0, inputs.times[-1].to_pydatetime()),))
    made = decomposed.plan(held, narrow, loop, tmp_path)
    assert made.result.status == "impossible"
    assert any("south-line" in reason and "10 kW" in reason for reason in made.result.reasons)


def test_a_city_that_takes_more_than_its_grid_says_what_it_lacks(two_feeders: Any, tmp_path: Path) -> None:
    inputs, assets = two_feeders
    small = tuple(asset.model_copy(update={"connection_kw": 70.0}) if asset.id == "grid" else asset for asset in assets)
    made = decomposed.plan(inputs, small, loop, tmp_path, max_rounds=12)  # two hours of 80 kW, nothing stored
    assert made.result.status == "impossible"
    assert "lacks up to 10.0 kW" in made.result.reasons[0]


def test_a_carbon_cap_is_refused_with_a_remedy(two_feeders: Any, tmp_path: Path) -> None:
    inputs, assets = two_feeders
    with pytest.raises(PenstockError, match="carbon cap"):
        decomposed.plan(replace(inputs, carbon_cap_kg=50.0), assets, loop, tmp_path)


@pytest.mark.slow
def test_two_processes_give_the_same_bits_as_one(tmp_path: Path) -> None:
    inputs, assets, _ = city(3, 8, 4)
    results = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        with kept(workers) as each:
            made = decomposed.plan(inputs, assets, each, folder, max_rounds=6)
        results.append((made.bound, made.result.cost, made.whole().plan))
    assert results[0][:2] == results[1][:2]
    assert results[0][2].equals(results[1][2])


def test_a_feeder_with_loads_alone_takes_its_forecast(assets_of: Any, hours_of: Any, tmp_path: Path) -> None:
    assets = assets_of(behind("north", 200), load("north"), behind("south", 200), load("south"), battery("south"))
    forecasts = {"north-load": [40.0, 40.0], "south-load": [60.0, 60.0]}
    inputs = hours_of([0.3, 0.3], forecasts, state={"south-battery": {"charge_kwh": 0.0}})
    made = decomposed.plan(inputs, assets, loop, tmp_path)
    assert made.result.cost.total == pytest.approx(2 * 100 * 0.3, rel=1e-6)
