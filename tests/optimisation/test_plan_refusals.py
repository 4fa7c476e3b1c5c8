"""What is said when inputs are missing, limits contradict each other, or the solver has to stop early."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks._cities import demo_like
from city.clock import parse_utc
from city.problems import PenstockError
from optimisation.assets import ASSETS
from optimisation.program import Approved, Lock, baseline, plan

UNTIL = datetime(2022, 6, 16, 3, tzinfo=UTC)


def test_every_missing_price_forecast_and_state_is_one_sentence():
    inputs, assets = demo_like(steps=8)
    price = inputs.import_price_per_kwh.copy()
    price[2:4] = np.nan
    gone = {k: v for k, v in inputs.series.items() if k != "feeder-03"}
    broken = replace(inputs, import_price_per_kwh=price, series=gone, state={**inputs.state, "battery-01": {}})
    with pytest.raises(PenstockError) as told:
        plan(broken, assets)
    said = [str(problem) for problem in told.value.problems]
    assert len(said) == 3
    assert "import_price_per_kwh: 2 values missing, 2022-06-16 01:30 to 2022-06-16 02:00 local time" in said[0]
    assert "feeder-03" in said[1]
    assert "battery-01" in said[2]
    with pytest.raises(PenstockError):
        baseline(broken, assets)


def test_forecast_shorter_than_the_horizon_is_refused():
    inputs, assets = demo_like(steps=8)
    short = {**inputs.series, "pv-01": {"p50": np.zeros(7)}}
    with pytest.raises(PenstockError, match=r"pv-01.*shape \(7,\)"):
        plan(replace(inputs, series=short), assets)


def test_tank_below_its_minimum_and_a_station_without_tank_are_told_together():
    inputs, assets = demo_like(steps=8)
    state = {**inputs.state, "tanks": {"volume_m3": 1500.0}}
    moved = tuple(a.model_copy(update={"tank": "tower"}) if a.id == "ps-lake" else a for a in assets)
    with pytest.raises(PenstockError) as told:
        plan(replace(inputs, state=state), moved)
    assert [p.subject for p in told.value.problems] == ["asset ps-lake, tank", "state of tanks, volume_m3"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"carbon_price_per_t": np.nan}, "carbon_price_per_t: nan"),
        ({"peak_cap_kw": np.inf}, "peak_cap_kw: inf"),
        ({"import_limit_kw": np.ones(2)}, r"import_limit_kw: shape \(2,\)"),
        ({"approved": (Approved("battery-01", "power_kw", np.zeros(3)),)}, r"approval of battery-01, power_kw: shape \(3,\)"),
        ({"locks": (Lock("battery-01", "power_kw", np.nan, UNTIL),)}, "manual hold of battery-01, power_kw: nan"),
        ({"locks": (Lock("battery-01", "power_kw", 0.0, UNTIL, course=np.zeros(3)),)}, r"course of battery-01, power_kw: shape \(3,\)"),
        ({"export_price_per_kwh": np.full(8, -1e18)}, "export_price_per_kwh: -1e\\+18 at 2022-06-16 01:00"),
    ],
)
def test_a_number_that_is_none_or_a_course_of_another_length_is_a_sentence(given, said):
    inputs, assets = demo_like(steps=8)
    with pytest.raises(PenstockError, match=said):
        plan(replace(inputs, **given), assets)


def test_a_cause_may_hold_braces():
    inputs, assets = demo_like(steps=8)
    held = Lock("battery-01", "power_kw", 1e6, UNTIL, cause="hold {by} night shift, 50%")
    assert any("hold {by} night shift, 50%" in said for said in plan(replace(inputs, locks=(held,)), assets).reasons)


@pytest.mark.parametrize(("asset", "quantity", "reads", "starts"), [("bat", "charge_kwh", 100.4, 100), ("tank", "volume_m3", 19.6, 20)])
def test_sensor_that_reads_a_little_beyond_what_can_be_is_believed(asset, quantity, reads, starts, assets_of, hours_of, values):
    assets = assets_of(
        {"kind": "battery", "id": "bat", "power_kw": 50, "energy_kwh": 100, "most_share": 1},
        {"kind": "tank", "id": "tank", "volume_min_m3": 20, "volume_max_m3": 100},
    )
    state = {"bat": {"charge_kwh": 50.0}, "tank": {"volume_m3": 50.0}} | {asset: {quantity: reads}}
    assert values(plan(hours_of([0.1] * 2, state=state), assets).plan, asset, quantity)[0] == pytest.approx(starts)
    state[asset] = {quantity: reads + 3 * (reads - starts)}
    with pytest.raises(PenstockError, match=f"state of {asset}, {quantity}"):
        plan(hours_of([0.1] * 2, state=state), assets)


def test_state_that_may_be_left_out_is_a_number_where_it_is_given():
    inputs, assets = demo_like(steps=8)
    state = {**inputs.state, "ps-lake": {**inputs.state["ps-lake"], "since_steps": np.nan}}
    with pytest.raises(PenstockError, match="asset ps-lake, state 'since_steps': unknown"):
        plan(replace(inputs, state=state), assets)


def test_hold_of_what_cannot_be_held_is_refused():
    inputs, assets = demo_like(steps=8)
    until = parse_utc("2022-06-16T03:00+02:00")
    with pytest.raises(PenstockError, match="manual hold of tanks"):
        plan(replace(inputs, locks=(Lock("tanks", "volume_m3", 1.0, until),)), assets)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"kind": "battery", "id": "b", "power_kw": -5, "energy_kwh": 10}, "power_kw"),
        ({"kind": "battery", "id": "b", "power_kw": 5, "energy_kwh": 10, "least_share": 0.9, "most_share": 0.2}, "least_share"),
        ({"kind": "tank", "id": "t", "series": ["w"], "volume_min_m3": 10, "volume_max_m3": 5}, "volumes must rise"),
        ({"kind": "windmill", "id": "w"}, "union_tag_invalid"),
        ({"kind": "grid", "id": "g", "connection_kw": 10, "colour": "red"}, "colour"),
    ],
)
def test_wrong_parameters_are_refused_where_they_are_read(table, named):
    with pytest.raises(ValidationError, match=named):
        ASSETS.validate_python([table])


def test_battery_outside_its_window_is_brought_back_and_said():
    inputs, assets = demo_like(steps=48)
    done = plan(replace(inputs, state={**inputs.state, "battery-01": {"charge_kwh": 40.0}}), assets)
    assert any("battery-01 starts at 1 % charge" in n or "battery-01 starts at 1%" in n for n in done.notes)
    stored = done.plan[(done.plan.asset_id == "battery-01") & (done.plan.quantity == "charge_kwh")].value.to_numpy()
    assert stored[24] >= 400 - 1e-6


def test_stations_held_off_make_the_plan_impossible_by_name():
    inputs, assets = demo_like()
    until = parse_utc("2022-06-18T01:00+02:00")
    held = replace(inputs, locks=(Lock("ps-lake", "running", 0, until), Lock("ps-river", "running", 0, until)))
    done = plan(held, assets)
    assert done.status == "impossible"
    assert done.plan.empty
    assert "3 limits cannot hold together" in done.reasons[0]
    assert sorted(reason.split(":")[0] for reason in done.reasons[1:]) == ["ps-lake", "ps-river", "tanks"]


def test_solver_that_stops_at_its_node_limit_says_so_with_its_gap():
    inputs, assets = demo_like(steps=48)
    done = plan(inputs, assets, rel_gap=0.0, max_nodes=1)
    assert done.status == "time-limited"
    assert 0 < done.gap < 0.05
    assert not done.plan.empty


@pytest.mark.parametrize(("day", "quarters"), [("2022-03-26T23:00", 92), ("2022-10-29T22:00", 100)])
def test_horizon_over_a_clock_change_has_one_budget_for_its_civil_day(day, quarters):
    inputs, assets = demo_like(steps=quarters)
    moved = replace(inputs, start_utc=datetime.fromisoformat(day).replace(tzinfo=UTC))
    assert set(moved.days.tolist()) == {0}
    done = plan(moved, assets)
    assert done.status in ("optimal", "relaxed")
    cut = done.plan[done.plan.quantity == "interrupted_kw"].value.sum() / 4
    assert cut <= 600 + 1e-6
