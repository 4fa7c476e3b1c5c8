"""Pumps and tanks on paper, and against scipy's solver."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from optimisation.program import Lock, baseline, plan

LOAD = {"kind": "fixed_load", "id": "town", "series": ["town"]}
TANK = {"kind": "tank", "id": "tank", "series": ["water"], "volume_max_m3": 400, "wish_price_per_m3h": 1.0}
FAST = {"kind": "variable_pump", "id": "fast", "tank": "tank", "curve": [(50, 10), (100, 25), (150, 60)]}
OFF = {"tank": {"volume_m3": 200.0}, "fast": {"running": 0.0}}


def test_variable_pump_spreads_water_where_a_fixed_one_would_stop_and_go(assets_of, hours_of, values):
    """75 m3 each hour at equal prices: half way up the first piece, 17.5 kW, in every hour."""
    done = plan(hours_of([0.1] * 4, {"water": [75] * 4}, state=OFF), assets_of(TANK, FAST), rel_gap=1e-9)
    assert values(done.plan, "fast", "flow_m3_per_h").sum() == pytest.approx(300)
    assert values(done.plan, "fast", "power_kw").sum() == pytest.approx(4 * 17.5)
    assert done.cost.total == pytest.approx(0.1 * 4 * 17.5)


def test_variable_pump_runs_harder_only_when_the_price_is_worth_the_steeper_piece(assets_of, hours_of, values):
    """200 m3 in two hours. A m3 on the pieces costs 0.3 and 0.7 kWh: above 100 m3/h only where power is less than 3/7 as dear."""
    for prices, flows in (((0.1, 0.2), (100, 100)), ((0.1, 0.3), (150, 50))):
        done = plan(hours_of(prices, {"water": [100, 100]}, state=OFF), assets_of(TANK, FAST), rel_gap=1e-9)
        assert values(done.plan, "fast", "flow_m3_per_h") == pytest.approx(flows)


@pytest.mark.parametrize("surplus", [False, True], ids=["negative price", "surplus"])
def test_variable_pump_never_draws_more_than_its_curve_even_where_burning_pays(assets_of, hours_of, values, surplus):
    grid = {"kind": "grid", "id": "grid", "connection_kw": 1000, "export_limit_kw": 0}
    sun = {"kind": "curtailable", "id": "pv", "series": ["pv"], "least_share": 1.0}
    tank = TANK | {"end_price_per_m3": 0.0, "end_least_m3": 0}
    inputs = hours_of([0.1 if surplus else -0.2] * 3, {"water": [100] * 3, "pv": [30] * 3, "town": [8] * 3}, state=OFF)
    tables = [grid, LOAD, tank, FAST, *([sun] if surplus else [])]
    done = plan(inputs, assets_of(*tables), rel_gap=1e-9)
    flow, power = values(done.plan, "fast", "flow_m3_per_h"), values(done.plan, "fast", "power_kw")
    assert power == pytest.approx(np.where(flow > 0, np.interp(flow, [50, 100, 150], [10, 25, 60]), 0.0), abs=1e-6)
    drawn = values(done.plan, "grid", "power_kw") + (30 if surplus else 0)
    assert drawn == pytest.approx(power + 8, abs=1e-5)


def test_variable_pump_obeys_least_flow_run_and_hold(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.5, 0.1, 0.5], {"water": [20] * 4}, state=OFF)
    held = replace(inputs, locks=(Lock("fast", "flow_m3_per_h", 60.0, inputs.times[1]),))
    done = plan(held, assets_of(TANK, FAST | {"min_up_steps": 2}), rel_gap=1e-9)
    flow = values(done.plan, "fast", "flow_m3_per_h")
    assert flow[0] == pytest.approx(60)
    assert flow[1] >= 50 - 1e-6
    assert set(values(done.plan, "fast", "running")) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([(0, 0), (50, 10)], "least flow must be above 0"),
        ([(50, 10), (40, 20)], "must rise"),
        ([(50, 10), (100, 30), (150, 40)], "grow steeper"),
    ],
)
def test_curve_that_bends_the_wrong_way_is_told(assets_of, curve, said):
    with pytest.raises(ValidationError, match=said):
        assets_of(TANK, FAST | {"curve": curve})


def milp_of_pumps(price: np.ndarray, water: np.ndarray, start: float, flow: float, kw: float, up: int, down: int) -> Any:
    """One fixed pump and one tank as arrays by hand; x = running, start, stop, end short."""
    n = len(price)
    eye, tri = np.eye(n), np.tril(np.ones((n, n)))
    back = eye - np.eye(n, k=-1)
    window = lambda k: tri - np.tril(np.ones((n, n)), k=-k)  # noqa: E731
    short, none = np.zeros((n, 1)), np.zeros((n, n))
    rows = [
        (np.hstack([back, -eye, eye, short]), 0, 0),
        (np.hstack([-eye, window(up), none, short]), -np.inf, 0),
        (np.hstack([eye, none, window(down), short]), -np.inf, 1),
        (np.hstack([flow * tri, none, none, short]), np.cumsum(water) - start, np.cumsum(water) - start + 400),
        (np.hstack([flow * tri[-1:], none[:1], none[:1], [[1.0]]]), water.sum(), np.inf),
    ]
    return scipy.optimize.milp(
        np.concatenate([price * kw, np.full(n, 0.5), np.zeros(n), [1.0]]),
        constraints=[scipy.optimize.LinearConstraint(a, low, high) for a, low, high in rows],
        integrality=np.concatenate([np.ones(n), np.zeros(2 * n + 1)]),
        bounds=scipy.optimize.Bounds(np.zeros(3 * n + 1), np.concatenate([np.ones(3 * n), [np.inf]])),
    )


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 9), min_size=10, max_size=10),
    st.lists(st.integers(0, 50), min_size=10, max_size=10),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_pump_schedule_costs_what_scipys_solver_finds(assets_of, hours_of, price, water, up, down):
    pump = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 60, "power_kw": 40, "start_price": 0.5}
    inputs = hours_of(np.array(price) / 20, {"water": water}, state={"tank": {"volume_m3": 250.0}, "pump": {"running": 0.0}})
    done = plan(inputs, assets_of(TANK, pump | {"min_up_steps": up, "min_down_steps": down}), rel_gap=1e-9)
    oracle = milp_of_pumps(np.array(price) / 20, np.array(water, dtype=float), 250.0, 60, 40, up, down)
    assert done.cost.total == pytest.approx(oracle.fun, abs=1e-6)


HIGH = {"kind": "tank", "id": "high", "volume_max_m3": 100}
LIFT = {"kind": "pump_station", "id": "lift", "tank": "high", "from_tank": "tank", "flow_m3_per_h": 40, "power_kw": 20}
MAIN = {"kind": "gravity_main", "id": "main", "tank": "low", "from_tank": "high", "most_m3_per_h": 30}
LOW = {"kind": "tank", "id": "low", "series": ["village"], "volume_max_m3": 50}
SERIES = {
    "tank": {"volume_m3": 200.0},
    "high": {"volume_m3": 50.0},
    "low": {"volume_m3": 20.0},
    "lift": {"running": 0.0},
    "fast": {"running": 0.0},
}


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 30), min_size=6, max_size=6), st.lists(st.integers(1, 9), min_size=6, max_size=6))
def test_water_is_conserved_through_a_series_of_tanks_planned_or_not(assets_of, hours_of, values, village, price):
    inputs = hours_of(np.array(price) / 20, {"water": [20] * 6, "village": village}, state=SERIES)
    for done in (
        plan(inputs, assets_of(TANK, FAST, HIGH, LIFT, MAIN, LOW)),
        baseline(inputs, assets_of(TANK, FAST, HIGH, LIFT, MAIN, LOW)),
    ):
        if done.status == "impossible":
            continue
        fast, lift, main = (values(done.plan, name, "flow_m3_per_h") for name in ("fast", "lift", "main"))
        change = {name: np.diff(values(done.plan, name, "volume_m3")) for name in ("tank", "high", "low")}
        assert change["tank"] == pytest.approx(fast - lift - 20, abs=1e-5)
        assert change["high"] == pytest.approx(lift - main, abs=1e-5)
        assert change["low"] == pytest.approx(main - village, abs=1e-5)


def test_water_is_lifted_in_the_cheap_hour_and_falls_when_the_village_draws(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.4, 0.4], {"water": [0] * 3, "village": [0, 20, 20]}, state=SERIES)
    done = plan(inputs, assets_of(TANK, FAST, HIGH, LIFT, MAIN, LOW), rel_gap=1e-9)
    assert values(done.plan, "lift", "running").tolist() == [1, 0, 0]
    assert values(done.plan, "main", "flow_m3_per_h").sum() == pytest.approx(40)


def test_level_switch_never_lifts_water_that_is_not_there(assets_of, hours_of, values):
    """100 m3 below, nothing comes: two hours of 40 m3 and not a third."""
    inputs = hours_of([0.1] * 4, {"village": [40] * 4}, state=SERIES | {"tank": {"volume_m3": 100.0}, "high": {"volume_m3": 60.0}})
    tables = [TANK | {"series": []}, HIGH | {"series": ["village"]}, LIFT | {"start_below_share": 0.8}]
    done = baseline(inputs, assets_of(*tables))
    assert values(done.plan, "lift", "flow_m3_per_h").tolist() == [40, 40, 0, 0]
    assert values(done.plan, "tank", "volume_m3").tolist() == [100, 60, 20, 20, 20]
    assert [b.what for b in done.breaches if b.asset == "high"][-1] == "volume at its time"


def test_run_that_began_before_the_horizon_lasts_what_is_left_of_it(assets_of, hours_of, values):
    pump = {
        "kind": "pump_station",
        "id": "pump",
        "tank": "tank",
        "flow_m3_per_h": 10,
        "power_kw": 40,
        "min_up_steps": 5,
        "min_down_steps": 4,
    }
    for running, since, forced in ((1.0, 3.0, [1, 1]), (1.0, 5.0, []), (0.0, 2.0, [0, 0]), (0.0, 4.0, [])):
        dear_first = [0.5] * 3 + [0.1] * 3 if running else [0.1] * 3 + [0.5] * 3
        state = {"tank": {"volume_m3": 200.0}, "pump": {"running": running, "since_steps": since}}
        tank = TANK | {"end_least_m3": 0 if running else 250, "end_price_per_m3": 50}
        on = values(
            plan(hours_of(dear_first, {"water": [0] * 6}, state=state), assets_of(tank, pump), rel_gap=1e-9).plan, "pump", "running"
        )
        assert on[: len(forced)].tolist() == forced
        assert len(forced) == 2 or on[0] != running  # free to switch at once where nothing is left


def test_hold_against_a_run_under_way_is_impossible_by_both_names(assets_of, hours_of):
    pump = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 10, "power_kw": 40, "min_up_steps": 4}
    inputs = hours_of([0.1] * 6, {"water": [0] * 6}, state={"tank": {"volume_m3": 200.0}, "pump": {"running": 1.0, "since_steps": 1.0}})
    held = replace(inputs, locks=(Lock("pump", "running", 0.0, inputs.times[2]),))
    done = plan(held, assets_of(TANK, pump))
    assert done.status == "impossible"
    assert any("pump: once started, runs its shortest run" in reason for reason in done.reasons)
    assert any("manual hold of running at 0" in reason for reason in done.reasons)


def test_target_above_the_band_is_told(assets_of):
    with pytest.raises(ValidationError, match="target of 500 m3 at 06:00 lies above the wished band, which ends at 400 m3"):
        assets_of(TANK | {"targets": [{"at_local": "06:00", "least_m3": 500}]})


def test_target_in_the_morning_is_a_wish_with_a_sentence(assets_of, hours_of, values):
    pump = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 50, "power_kw": 40}
    tank = TANK | {"targets": [{"at_local": "02:00", "least_m3": 320}], "end_price_per_m3": 2.0}
    state = {"tank": {"volume_m3": 200.0}, "pump": {"running": 0.0}}
    done = plan(hours_of([0.3, 0.3, 0.1, 0.1], {"water": [0] * 4}, state=state), assets_of(tank, pump), rel_gap=1e-9)
    assert values(done.plan, "tank", "volume_m3")[2] == pytest.approx(300)
    assert done.status == "relaxed"
    assert done.breaches[0].sentence == "tank holds 300.0 m3 at 2022-06-16 02:00, 20.0 m3 below the 320.0 m3 wished."
    assert done.cost.breaches == pytest.approx(20 * 2.0)


def test_starts_already_made_today_count(assets_of, hours_of, values):
    pump = {"kind": "pump_station", "id": "pump", "tank": "tank", "flow_m3_per_h": 50, "power_kw": 40, "max_starts_per_day": 2}
    tank = TANK | {"end_price_per_m3": 0.2}
    prices = [0.1, 0.3, 0.1, 0.3, 0.1, 0.3]
    for before, starts in ((0.0, 2), (1.0, 1), (5.0, 0)):
        state = {"tank": {"volume_m3": 200.0}, "pump": {"running": 0.0, "starts_today": before}}
        done = plan(hours_of(prices, {"water": [25] * 6}, state=state), assets_of(tank, pump), rel_gap=1e-9)
        assert np.maximum(np.diff(values(done.plan, "pump", "running"), prepend=0), 0).sum() == starts


def test_names_of_tanks_that_do_not_exist_are_told_for_both_ends(assets_of, hours_of):
    from optimisation.coverage import problems

    inputs = hours_of([0.1], {"water": [0]}, state=SERIES)
    told = "\n".join(map(str, problems(inputs, assets_of(TANK, LIFT | {"tank": "hihg", "from_tank": "tnak"}))))
    assert "asset lift, tank: 'hihg'; allowed: one of tank." in told
    assert "asset lift, from_tank: 'tnak'" in told
    with pytest.raises(ValidationError, match="water must come from somewhere else"):
        assets_of(TANK, LIFT | {"tank": "tank"})
