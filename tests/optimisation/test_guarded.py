"""A solver in a process of its own: what is left of a plan when that process hangs, dies, or is stopped."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import scipy.sparse as sp

from benchmarks._cities import demo_like, span
from city.problems import PenstockError
from optimisation import solve
from optimisation.arrays import Arrays
from optimisation.guarded import Guarded
from optimisation.program import plan


def split(items: int, markets: int) -> Arrays:
    """Market split: halve `markets` sums of whole weights at once, each unit off costs 1. Tiny ones are easy, 50 items hopeless."""
    weights = sp.csc_array(np.random.default_rng(items).integers(0, 100, (markets, items)).astype(float))
    half = np.floor(weights.sum(axis=1) / 2)
    matrix = sp.hstack([weights, sp.eye_array(markets), -sp.eye_array(markets)], format="csc")
    return Arrays(
        cost=np.concatenate([np.zeros(items), np.ones(2 * markets)]),
        offset=0.0,
        start=matrix.indptr.astype(np.int32),
        index=matrix.indices.astype(np.int32),
        value=matrix.data,
        row_lower=half,
        row_upper=half,
        col_lower=np.zeros(items + 2 * markets),
        col_upper=np.concatenate([np.ones(items), np.full(2 * markets, np.inf)]),
        integer=np.arange(items + 2 * markets) < items,
    )


EASY, HOPELESS = split(8, 2), split(50, 10)


@pytest.fixture(scope="module")
def kept():
    with Guarded() as solver:
        yield solver


@pytest.fixture
def guarded(kept):
    """The one solver of these tests; what one of them does to its process must not matter to the next."""
    kept.limit_s = 60.0
    return kept


def test_answer_is_that_of_a_solve_without_a_guard_and_the_process_stays(guarded):
    plain, first = solve.solved(EASY), guarded(EASY)
    process = guarded._child[0].pid
    second = guarded(EASY)
    assert guarded._child[0].pid == process
    for answer in (first, second):
        assert answer.ended == plain.ended == "gap"
        assert answer.objective == plain.objective
        assert np.array_equal(answer.x, plain.x)
        assert np.array_equal(answer.row_dual, plain.row_dual)


def test_solver_at_its_limit_leaves_the_last_plan_it_found_and_says_so(guarded):
    guarded(EASY)
    guarded.limit_s = 1.0
    answer = guarded(HOPELESS, 1e-6, 10**9)
    assert answer.ended == "limit"
    activity = sp.csc_array((HOPELESS.value, HOPELESS.index, HOPELESS.start)) @ answer.x
    assert activity == pytest.approx(HOPELESS.row_lower, abs=1e-5)
    whole = answer.x[HOPELESS.integer]
    assert np.array_equal(whole, np.rint(whole))
    assert answer.objective == pytest.approx(float(HOPELESS.cost @ answer.x))
    assert len(answer.row_dual) == len(HOPELESS.row_lower)
    assert 0 < answer.gap <= 1
    assert answer.notes[0].startswith(
        "The solver was stopped after 1 s; this is the last plan it had found, and the cheapest costs at most "
    )


def test_process_that_dies_is_a_sentence_and_the_next_solve_gets_a_new_one(guarded):
    guarded(EASY)
    process = guarded._child[0].pid
    os.kill(process, signal.SIGSTOP)  # it can take no work, so no plan is left behind
    killer = threading.Timer(0.2, os.kill, (process, signal.SIGKILL))
    killer.start()
    with pytest.raises(PenstockError, match=r"The solver's process died \(exit code -9\) and had found no plan"):
        guarded(EASY)
    assert guarded(EASY).objective == solve.solved(EASY).objective
    assert guarded._child[0].pid != process


def test_process_that_hangs_is_stopped_at_the_limit(guarded):
    guarded(EASY)
    os.kill(guarded._child[0].pid, signal.SIGSTOP)
    guarded.limit_s = 0.3
    with pytest.raises(PenstockError, match=r"stopped after 0\.3 s and had found no plan"):
        guarded(split(300, 200))


def test_fault_of_the_problem_comes_through_and_the_process_stays(guarded):
    unbounded = replace(EASY, cost=-EASY.cost, row_lower=np.full(2, -np.inf), integer=np.zeros_like(EASY.integer))
    with pytest.raises(PenstockError, match="a cost with a floor"):
        guarded(unbounded)
    assert guarded._child[0].is_alive()


@pytest.mark.slow
def test_solve_left_in_the_middle_does_not_answer_the_next_question(guarded):
    class Left(Exception):
        pass

    def leave(*_: object) -> None:
        raise Left

    before = signal.signal(signal.SIGALRM, leave)
    try:
        guarded(EASY)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(Left):
            guarded(HOPELESS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert guarded(EASY).objective == solve.solved(EASY).objective


def test_process_leaves_with_its_parent_in_the_middle_of_a_solve():
    code = (
        "from optimisation.guarded import Guarded\n"
        "from tests.optimisation.test_guarded import EASY, HOPELESS\n"
        "solver = Guarded(limit_s=600.0)\n"
        "solver(EASY)\n"
        "print(solver._child[0].pid, flush=True)\n"
        "solver(HOPELESS, 1e-6, 10**9)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    ends = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < ends:
        time.sleep(0.1)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_limit_must_be_above_zero():
    with pytest.raises(PenstockError, match="above 0 s"):
        Guarded(limit_s=0.0)


@pytest.mark.slow
def test_stopped_plan_of_a_city_is_told_as_time_limited(monkeypatch):
    """Stopped at its first plan: time-limited, with a gap, prices and the sentence, and within the city's limits."""
    inputs, assets = demo_like(steps=96)
    full = plan(inputs, assets)

    def stopped(arrays, rel_gap, max_nodes, start=None):
        found = []
        solve.solved(arrays, rel_gap, max_nodes, start, seen=lambda x, bound: found.append((x, bound)))
        first = next(x for x, _ in found if x is not None)
        with Guarded(limit_s=60.0) as solver:
            return solver._left(arrays, first, found[0][1], "The solver was stopped after 60 s")

    early = plan(inputs, assets, solver=stopped)
    assert early.status == "time-limited"
    assert early.cost.total >= full.cost.total * (1 - 2e-3)
    least = re.search(r"stopped after 60 s.* the cheapest costs at most ([0-9,.]+) less", " ".join(early.notes))
    assert early.cost.total - float(least[1].replace(",", "")) <= full.cost.total * (1 + 1e-9)
    assert len(early.price) == len(full.price)


@pytest.mark.slow
def test_plan_a_quarter_later_goes_on_from_the_plan_before():
    inputs, assets = demo_like(steps=97)
    first, later = span(inputs, 0, 96), span(inputs, 1, 97)
    before = plan(first, assets)
    cold, warm = plan(later, assets), plan(later, assets, start=before)
    assert warm.cost.total == pytest.approx(cold.cost.total, rel=2.5e-3)
    assert warm.iterations < cold.iterations


def test_the_solver_s_process_loads_neither_pyomo_nor_pandas_nor_scipy() -> None:
    words = [sys.executable, "-c", "import sys, optimisation.guarded\nprint(*sys.modules)"]
    loaded = set(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
    assert "highspy" in loaded
    assert loaded & {"pyomo", "pandas", "scipy", "pydantic"} == set()
