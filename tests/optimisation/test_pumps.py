"""Pump schedules: equal to the best of all schedules where all can be tried, and never better for a limit more."""

import itertools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from networks.network import Network
from networks.pumping import OperatingPoints, PumpDay, judged
from optimisation.pumps import Effort, PumpLimits, PumpTask, best, proof
from optimisation.pumps.milp import PumpProgram
from optimisation.pumps.switching import Switching, assigned, switched
from tests.networks.pump_town import town

EFFORT = Effort(walks=20, cells_m=(0.05,), days=300)
DATA = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "pumps"


def cheapest(task: PumpTask) -> tuple[float, int]:
    """The cost of the best of all schedules and how many are feasible, each run through EPANET."""
    costs = []
    with PumpDay(task) as day:
        for counts in itertools.product(range(3), repeat=task.steps):
            schedule = assigned(task, [(n,) for n in counts])
            if schedule is not None and (verdict := judged(day, schedule)).feasible:
                costs.append(verdict.cost)
    return min(costs), len(costs)


@pytest.mark.parametrize("limits", [PumpLimits(starts=1, pressure_m={"B": 28.0}), PumpLimits(starts=2, reserve_m3={"T": 60.0})])
def test_the_plan_is_the_best_of_all_schedules(tmp_path: Path, limits: PumpLimits) -> None:
    task = PumpTask(town(tmp_path), limits)
    cost, feasible = cheapest(task)
    assert feasible > 10
    found = best(task, EFFORT)
    assert found.verdict.feasible
    assert found.verdict.cost == pytest.approx(cost, rel=1e-9)
    assert found.running.diff().abs().sum().max() <= 2 * limits.starts  # type: ignore[operator]


def test_the_program_finds_the_same_schedule_and_obeys_its_cuts(tmp_path: Path) -> None:
    task = PumpTask(town(tmp_path), PumpLimits(starts=1, pressure_m={"B": 28.0}))
    with PumpDay(task) as day:
        points = OperatingPoints(day)
        points.explore(20, np.random.default_rng(1))
        points.fit()
        program = PumpProgram(points)
        first = program.solve()
        assert first is not None
        schedule = assigned(task, first.modes)
        assert schedule is not None
        assert judged(day, schedule).cost == pytest.approx(cheapest(task)[0], rel=1e-9)
        program.refuse(first.modes, 3)
        second = program.solve()
        assert second is not None
        assert second.modes[:3] != first.modes[:3]
        assert second.cost >= first.cost - 1e-6


def test_the_search_in_epanet_alone_agrees_and_finds_nothing_below_the_best(tmp_path: Path) -> None:
    task = PumpTask(town(tmp_path), PumpLimits(starts=1, pressure_m={"B": 28.0}))
    cost, _ = cheapest(task)
    found = proof.cheapest(task, dearest=cost * 1.001, cell_m=1e-4)
    assert found is not None
    assert found.cost == pytest.approx(cost, rel=1e-4)
    assert proof.cheapest(task, dearest=cost * 0.999, cell_m=1e-4) is None


def test_fire_reserve_and_turnover_cost_money_and_hold(tmp_path: Path) -> None:
    network, base = town(tmp_path), PumpLimits(starts=2)
    free = best(PumpTask(network, base), EFFORT).verdict
    fire = best(PumpTask(network, replace(base, reserve_m3={"T": 85.0})), EFFORT).verdict
    assert fire.level_m["T"].min() >= 0.5 + 85.0 / (np.pi / 4 * 81) - 1e-3
    assert fire.cost >= free.cost
    asked = float(free.turnover["T"]) + 0.2
    fresh = best(PumpTask(network, replace(base, turnover={"T": asked})), EFFORT).verdict
    assert fresh.turnover["T"] >= asked
    assert fresh.cost >= free.cost


def test_water_age_holds_when_asked(tmp_path: Path) -> None:
    network, base = town(tmp_path), PumpLimits(starts=2)
    free = best(PumpTask(network, replace(base, age_h={"T": 1000.0})), EFFORT).verdict
    asked = float(free.age_h["T"]) - 0.3
    fresh = best(PumpTask(network, replace(base, age_h={"T": asked})), EFFORT).verdict
    assert fresh.age_h["T"] <= asked
    assert fresh.cost >= free.cost


def test_a_limit_nobody_can_keep_is_told_with_the_nearest_miss(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="no schedule found"):
        best(PumpTask(town(tmp_path), PumpLimits(pressure_m={"B": 60.0})), EFFORT)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=9), st.integers(0, 2))
def test_switching_the_pump_with_most_switches_left_follows_whatever_can_be_followed(counts: list[int], starts: int) -> None:
    pumps: list[tuple[int, int]] | None = [(int(i < counts[0]), 2 * starts) for i in range(3)]
    reachable = {tuple(pumps or ())}
    for count in counts[1:]:
        pumps = None if pumps is None else switched(pumps, count)
        reachable = {
            tuple((on, left - (on != was)) for on, (was, left) in zip(run, state, strict=True))
            for state in reachable
            for run in itertools.product((0, 1), repeat=3)
            if sum(run) == count and all(left >= (on != was) for on, (was, left) in zip(run, state, strict=True))
        }
    assert (pumps is not None) == bool(reachable)


def test_states_of_switches_follow_the_assignment(tmp_path: Path) -> None:
    task = PumpTask(town(tmp_path), PumpLimits(starts=1))
    modes = [(0,), (1,), (2,)]
    switching = Switching(task, modes)
    for counts in itertools.product(range(3), repeat=6):
        state = switching.start[counts[0]]
        for count in counts[1:]:
            state = switching.after[state, count] if state >= 0 else -1
        assert (state >= 0) == (assigned(task, [(n,) for n in counts]) is not None)


@pytest.mark.slow
@pytest.mark.data
def test_anytown_with_one_start_is_within_a_thousandth_of_the_published_optimum() -> None:
    if not DATA.exists():
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    limits = PumpLimits(starts=1, pressure_m={"55": 42.0, "90": 51.0, "170": 30.0})
    found = best(PumpTask(Network.read(DATA / "anytown_modified.inp"), limits), Effort(days=200)).verdict
    assert found.feasible
    assert found.warning == 0
    assert found.cost / 100 <= 3900.25 * 1.001
