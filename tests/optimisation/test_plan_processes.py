"""Batch processes on paper, by trying everything, and against scipy's solver."""

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.clock import parse_utc
from optimisation.coverage import problems
from optimisation.program import Lock, baseline, plan

MILL = {"kind": "process", "id": "mill", "phases": [{"power_kw": 100, "hours": 1}, {"power_kw": 40, "hours": 2}], "until_local": "12:00"}
quiet = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
prices = st.lists(st.integers(1, 9), min_size=12, max_size=12).map(lambda p: np.array(p) / 10)


def test_run_moves_its_dear_phase_to_the_cheap_hour(assets_of, hours_of, values):
    """Phases of 100, 40, 40 kW at prices of which 0.05 is the cheapest: the run starts there."""
    done = plan(hours_of([0.3, 0.3, 0.05, 0.3, 0.3, 0.3]), assets_of(MILL | {"until_local": "06:00"}), rel_gap=1e-9)
    assert values(done.plan, "mill", "power_kw") == pytest.approx([0, 0, 100, 40, 40, 0])
    assert values(done.plan, "mill", "starts").tolist() == [0, 0, 1, 0, 0, 0]
    assert done.cost.total == pytest.approx(100 * 0.05 + 80 * 0.3)


def test_doing_nothing_starts_as_early_as_it_may_or_at_its_usual_hour(assets_of, hours_of, values):
    inputs = hours_of([0.1] * 12)
    idle = lambda **more: values(baseline(inputs, assets_of(MILL | more)).plan, "mill", "starts")  # noqa: E731
    assert np.flatnonzero(idle()).tolist() == [0]
    assert np.flatnonzero(idle(from_local="02:00", until_local="12:00", usual_local="06:00")).tolist() == [6]
    assert np.flatnonzero(idle(runs_per_day=2, from_local="01:00", until_local="12:00")).tolist() == [1, 4]


def test_two_runs_do_not_overlap_however_cheap_an_hour_is(assets_of, hours_of, values):
    done = plan(
        hours_of([0.5, 0.5, 0.5, 0.01, 0.5, 0.5, 0.5, 0.5]), assets_of(MILL | {"runs_per_day": 2, "until_local": "08:00"}), rel_gap=1e-9
    )
    assert values(done.plan, "mill", "running").tolist() in ([1, 1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1, 1, 1])
    assert values(done.plan, "mill", "power_kw").max() == pytest.approx(100)


def test_pause_between_phases_waits_for_the_next_cheap_hour(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.9, 0.9, 0.1, 0.1, 0.9])
    made = {p: plan(inputs, assets_of(MILL | {"longest_pause_h": p, "until_local": "06:00"}), rel_gap=1e-9) for p in (0, 1, 2)}
    assert made[0].cost.total == pytest.approx(100 * 0.1 + 40 * 0.1 + 40 * 0.9)  # from hour 3
    assert made[1].cost.total == pytest.approx(100 * 0.1 + 40 * 0.1 + 40 * 0.9)  # from hour 3, or 0 and then 2
    assert values(made[2].plan, "mill", "power_kw") == pytest.approx([100, 0, 0, 40, 40, 0])


def test_hold_and_window_contradict_by_name(assets_of, hours_of):
    inputs = replace(hours_of([0.1] * 6), locks=(Lock("mill", "running", 0.0, parse_utc("2022-06-16T04:00+02:00")),))
    done = plan(inputs, assets_of(MILL | {"from_local": "00:00", "until_local": "05:00"}))
    assert done.status == "impossible"
    assert any("mill: runs to make in its window: 1" in reason for reason in done.reasons)
    assert any("manual hold of running at 0" in reason for reason in done.reasons)


def test_run_not_made_is_a_wish_when_it_has_a_price(assets_of, hours_of):
    done = plan(hours_of([0.5] * 6), assets_of(MILL | {"missed_price": 50.0, "until_local": "06:00"}), rel_gap=1e-9)
    assert done.status == "relaxed"
    assert done.cost.breaches == pytest.approx(50.0)  # cheaper than 180 kWh at 0.5
    assert done.breaches[0].sentence == "mill makes 0 of 1 runs from 2022-06-16 00:00 to 2022-06-16 06:00."


def test_run_under_way_is_finished_and_runs_made_are_not_made_again(assets_of, hours_of, values):
    inputs = hours_of([0.1, 0.1, 0.3, 0.3, 0.3, 0.3], state={"mill": {"steps_done": 1.0, "runs_done": 0.0}})
    done = plan(inputs, assets_of(MILL | {"until_local": "06:00", "runs_per_day": 2}), rel_gap=1e-9)
    assert values(done.plan, "mill", "power_kw")[:2] == pytest.approx([40, 40])
    assert values(done.plan, "mill", "power_kw").sum() == pytest.approx(80 + 180)
    assert set(values(done.plan, "mill", "running")) <= {0.0, 1.0}
    over = replace(inputs, state={"mill": {"runs_done": 2.0}})
    assert values(plan(over, assets_of(MILL | {"until_local": "06:00", "runs_per_day": 2})).plan, "mill", "power_kw").sum() == 0


def test_run_that_fits_after_the_horizon_is_left_for_the_next_plan(assets_of, hours_of, values):
    tables = assets_of(MILL | {"from_local": "02:00", "until_local": "09:00"})
    assert values(plan(hours_of([0.1] * 6), tables).plan, "mill", "starts").sum() == 0  # three hours are left after the sixth
    assert values(plan(hours_of([0.1] * 7), tables).plan, "mill", "starts").sum() == 1


@settings(max_examples=15, **quiet)
@given(prices, st.integers(0, 3))
def test_phases_with_pauses_cost_what_trying_every_start_finds(assets_of, hours_of, price, pause):
    mill = MILL | {"longest_pause_h": pause, "phases": [{"power_kw": p, "hours": h} for p, h in ((100, 1), (40, 2), (70, 1))]}
    done = plan(hours_of(price), assets_of(mill), rel_gap=1e-9)
    best = min(
        100 * price[a] + 40 * price[b : b + 2].sum() + 70 * price[c]
        for a, b, c in product(range(12), repeat=3)
        if a + 1 <= b <= a + 1 + pause and b + 2 <= c <= b + 2 + pause and c < 12
    )
    assert done.cost.total == pytest.approx(best)


@settings(max_examples=14, **quiet)
@given(prices, st.integers(0, 2), st.integers(0, 3))
def test_pauses_after_any_step_cost_what_trying_every_hour_finds(assets_of, hours_of, price, pause, tail):
    mill = MILL | {"longest_pause_h": pause, "interruptible": True, "phases": [{"power_kw": 50, "hours": 2 + tail // 2}]}
    done = plan(hours_of(price), assets_of(mill), rel_gap=1e-9)
    n = 2 + tail // 2
    best = min(50 * price[list(at)].sum() for at in product(range(12), repeat=n) if all(0 < b - a <= 1 + pause for a, b in pairwise(at)))
    assert done.cost.total == pytest.approx(best if pause or n == 1 else min(50 * price[s : s + n].sum() for s in range(13 - n)))


def milp_of_two(price: np.ndarray, runs: int, length: tuple[int, int], kw: tuple[float, float], gap: int, longest: int) -> Any:
    """Two processes, one after the other, with a binary for each start of each run: another formulation than ours."""
    n = len(price)
    keys = [(p, r, t) for p in (0, 1) for r in range(runs) for t in range(n - length[p] + 1)]
    at = {key: i for i, key in enumerate(keys)}
    cost = np.array([kw[p] * price[t : t + length[p]].sum() for p, _, t in keys])
    rows, low, high = [], [], []

    def add(terms: dict[int, float], least: float, most: float) -> None:
        row = np.zeros(len(keys))
        row[list(terms)] = list(terms.values())
        rows.append(row)
        low.append(least)
        high.append(most)

    start = lambda p, r, sign: {at[key]: sign * key[2] for key in keys if key[:2] == (p, r)}  # noqa: E731
    for p in (0, 1):
        for r in range(runs):
            add({at[key]: 1.0 for key in keys if key[:2] == (p, r)}, 1, 1)
            if r:
                add(start(p, r, 1.0) | start(p, r - 1, -1.0), length[p], np.inf)
    for r in range(runs):
        add(start(1, r, 1.0) | start(0, r, -1.0), length[0] + gap, length[0] + longest)
    constraint = scipy.optimize.LinearConstraint(np.array(rows), low, high)
    return scipy.optimize.milp(cost, constraints=constraint, integrality=np.ones(len(keys)), bounds=scipy.optimize.Bounds(0, 1))


@settings(max_examples=14, **quiet)
@given(prices, st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.integers(0, 2), st.integers(0, 3))
def test_process_after_process_costs_what_scipys_solver_finds(assets_of, hours_of, values, price, runs, one, other, gap, more):
    first = {"kind": "process", "id": "mill", "runs_per_day": runs, "phases": [{"power_kw": 80, "hours": one}]}
    then = first | {"id": "oven", "after": "mill", "gap_h": gap, "longest_gap_h": gap + more, "phases": [{"power_kw": 50, "hours": other}]}
    inputs = hours_of(price)
    tables = [t | {"until_local": "12:00"} for t in (then, first)]
    done = plan(inputs, assets_of(*tables), rel_gap=1e-9)
    oracle = milp_of_two(price, runs, (one, other), (80.0, 50.0), gap, gap + more)
    assert (done.status == "impossible") == (oracle.status == 2)
    if oracle.status == 2:
        return
    assert done.cost.total == pytest.approx(oracle.fun)
    assert values(done.plan, "mill", "power_kw").sum() == pytest.approx(80 * one * runs)
    assert values(done.plan, "oven", "power_kw").sum() == pytest.approx(50 * other * runs)


def test_doing_nothing_keeps_the_sequence_of_processes(assets_of, hours_of, values):
    oven = MILL | {"id": "oven", "after": "mill", "gap_h": 1}
    done = baseline(hours_of([0.1] * 12), assets_of(oven, MILL))
    assert np.flatnonzero(values(done.plan, "mill", "starts")).tolist() == [0]
    assert np.flatnonzero(values(done.plan, "oven", "starts")).tolist() == [4]


def test_process_may_follow_a_run_made_before_the_horizon(assets_of, hours_of, values):
    oven = MILL | {"id": "oven", "after": "mill"}
    made = hours_of([0.1] * 3 + [0.2] * 9, state={"mill": {"runs_done": 1.0}})
    under_way = hours_of([0.1] * 3 + [0.2] * 9, state={"mill": {"steps_done": 1.0}})
    assert np.flatnonzero(values(plan(made, assets_of(oven, MILL)).plan, "oven", "starts")).tolist() == [0]
    assert np.flatnonzero(values(plan(under_way, assets_of(oven, MILL), rel_gap=1e-9).plan, "oven", "starts")).tolist() == [2]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ([MILL | {"phases": [{"power_kw": 1, "hours": 1.5}]}], "asset mill, phases: 1.5 h; allowed: a whole number of steps of 1 h"),
        ([MILL | {"until_local": "02:00"}], "asset mill, runs_per_day: 3 h of runs; allowed: at most the window's 2 h"),
        ([MILL | {"after": "oven"}], "asset mill, after: 'oven'; allowed: one of no other process"),
        ([MILL | {"after": "b"}, MILL | {"id": "b", "after": "mill"}], "asset mill, after: mill after b after mill"),
        ([MILL, MILL | {"id": "b", "after": "mill", "runs_per_day": 2}], "1 runs of 'mill', 2 of its own"),
    ],
)
def test_process_that_cannot_be_is_told(assets_of, hours_of, tables, said):
    assert said in "\n".join(map(str, problems(hours_of([0.1] * 4), assets_of(*tables))))


def test_night_of_the_clock_change_has_one_hour_less_or_more(assets_of, hours_of, values):
    """A whole-day window holds 23 or 25 hourly runs."""
    for start, hours in (("2022-03-27T00:00+01:00", 23), ("2022-10-30T00:00+02:00", 25)):
        inputs = hours_of([0.1] * hours, start_utc=parse_utc(start))
        hourly = {"kind": "process", "id": "mill", "runs_per_day": 23, "phases": [{"power_kw": 10, "hours": 1}]}
        assert values(plan(inputs, assets_of(hourly)).plan, "mill", "starts").sum() == 23


KILN = {"kind": "deferrable_load", "id": "kiln", "energy_kwh": 100, "max_kw": 50, "until_local": "06:00"}


def test_energy_by_a_deadline_is_taken_in_the_cheapest_hours(assets_of, hours_of, values):
    done = plan(hours_of([0.3, 0.1, 0.2, 0.5, 0.4, 0.5]), assets_of(KILN), rel_gap=1e-9)
    assert values(done.plan, "kiln", "power_kw") == pytest.approx([0, 50, 50, 0, 0, 0])
    assert values(baseline(hours_of([0.3] * 6), assets_of(KILN)).plan, "kiln", "power_kw") == pytest.approx([50, 50, 0, 0, 0, 0])


def test_ramps_run_time_and_least_power_shape_it(assets_of, hours_of, values):
    """From cold it may reach 20 kW in its first hour and 20 more in each: 20, 40, 40 is the only way to 100 kWh in three."""
    kiln = KILN | {"least_kw": 20, "max_kw": 40, "ramp_up_kw_per_h": 20, "min_up_steps": 3}
    done = plan(hours_of([0.3, 0.1, 0.1, 0.1, 0.5, 0.5]), assets_of(kiln), rel_gap=1e-9)
    assert values(done.plan, "kiln", "power_kw") == pytest.approx([0, 20, 40, 40, 0, 0])
    hot = hours_of([0.3, 0.1, 0.1, 0.1, 0.5, 0.5], state={"kiln": {"running": 1.0, "since_steps": 9.0, "power_kw": 30.0}})
    assert values(plan(hot, assets_of(kiln), rel_gap=1e-9).plan, "kiln", "power_kw").sum() == pytest.approx(100)


def test_fall_is_no_faster_than_its_ramp(assets_of, hours_of, values):
    kiln = KILN | {"least_kw": 10, "ramp_down_kw_per_h": 15, "energy_kwh": 50}
    power = values(plan(hours_of([0.1, 0.5, 0.5, 0.5, 0.5, 0.5]), assets_of(kiln), rel_gap=1e-9).plan, "kiln", "power_kw")
    assert (np.diff(power)[power[1:] > 0] >= -15 - 1e-6).all()
    assert power.max() <= 30 + 1e-6  # 30 + 15 + ...: higher would have to fall too long


def test_energy_taken_already_counts_and_energy_missing_has_a_price(assets_of, hours_of, values):
    half = hours_of([0.1] * 4, state={"kiln": {"done_kwh": 70.0}}, start_utc=parse_utc("2022-06-16T02:00+02:00"))
    assert values(plan(half, assets_of(KILN), rel_gap=1e-9).plan, "kiln", "power_kw").sum() == pytest.approx(30)
    dear = plan(hours_of([0.5] * 6), assets_of(KILN | {"short_price_per_kwh": 0.2}), rel_gap=1e-9)
    assert dear.status == "relaxed"
    assert dear.cost.breaches == pytest.approx(20)
    assert dear.breaches[0].sentence == "kiln lacks 100.0 kWh of 100.0 kWh from 2022-06-16 00:00 to 2022-06-16 06:00."
    assert "at most 300 kWh in its window" in str(problems(hours_of([0.1]), assets_of(KILN | {"energy_kwh": 400}))[0])


@settings(max_examples=14, **quiet)
@given(prices, st.integers(0, 20), st.integers(10, 60), st.integers(1, 3), st.sampled_from([0.0, 0.7]))
def test_deferred_energy_costs_what_scipys_solver_finds(assets_of, hours_of, price, least, ramp, up, start_price):
    n, eye, low = 12, np.eye(12), np.tril(np.ones((12, 12)))
    kiln = KILN | {"until_local": "12:00", "least_kw": least, "ramp_up_kw_per_h": ramp, "min_up_steps": up, "start_price": start_price}
    done = plan(hours_of(price), assets_of(kiln), rel_gap=1e-9)
    back, none = eye - np.eye(n, k=-1), np.zeros((n, n))
    first = max(least, ramp)
    rows = [
        (np.hstack([none, back, -eye]), -np.inf, 0),  # x = power, running, started
        (np.hstack([eye, -50 * eye, none]), -np.inf, 0),
        (np.hstack([-eye, least * eye, none]), -np.inf, 0),
        (np.hstack([back, -ramp * np.eye(n, k=-1), -first * eye]), -np.inf, 0),
        (np.hstack([none, -eye, low - np.tril(np.ones((n, n)), k=-up)]), -np.inf, 0),
        (np.hstack([none, np.eye(n, k=-1), eye]), -np.inf, 1),
        (np.hstack([np.ones((1, n)), none[:1], none[:1]]), 100, np.inf),
    ]
    oracle = scipy.optimize.milp(
        np.concatenate([price, np.zeros(n), np.full(n, start_price)]),
        constraints=[scipy.optimize.LinearConstraint(*row) for row in rows],
        integrality=np.concatenate([np.zeros(n), np.ones(2 * n)]),
        bounds=scipy.optimize.Bounds(0, np.concatenate([np.full(n, 50), np.ones(2 * n)])),
    )
    assert done.cost.total == pytest.approx(oracle.fun, abs=1e-6)


def test_plan_that_begins_late_in_a_window_asks_for_what_still_fits(assets_of, hours_of, values):
    # From 22:00 on 2 h are left of the day: one run of 2 h and 20 of 40 kWh, as nobody told what the day has seen.
    press = {"kind": "process", "id": "press", "runs_per_day": 2, "phases": [{"power_kw": 30, "hours": 2}]}
    kiln = {"kind": "deferrable_load", "id": "kiln", "energy_kwh": 40, "max_kw": 10}
    inputs = hours_of([0.1, 0.3], start_utc=parse_utc("2022-06-16T20:00Z"))
    done = plan(inputs, assets_of(press, kiln))
    assert done.status == "optimal"
    assert values(done.plan, "press", "power_kw") == pytest.approx([30, 30])
    assert values(done.plan, "kiln", "power_kw") == pytest.approx([10, 10])
    assert [note.split(" (")[1] for note in done.notes] == [
        "state 'runs_done'); all that still fit are planned.",
        "state 'done_kwh'); all that still fits is planned.",
    ]
    told = plan(replace(inputs, state={"press": {"runs_done": 2.0}, "kiln": {"done_kwh": 40.0}}), assets_of(press, kiln))
    assert told.cost.total == pytest.approx(0)
    assert not told.notes
