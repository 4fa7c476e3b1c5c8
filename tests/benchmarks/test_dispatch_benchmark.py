"""The benchmark of dispatch: a smoke run prints its keys, and what it claims of small cases holds."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_quick_run_prints_its_keys_and_small_cases_hold():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "dispatch", "--quick", "--json"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert {"cases", "worst_objective_gap", "coupled_1000x192", "contradictions", "replans", "seed", "commit", "cpu_s"} <= told.keys()
    for case in told["cases"]:
        assert {"n", "t", "objective", "raw_objective", "build_cpu_s", "solve_cpu_s", "total_cpu_s", "raw_total_cpu_s"} <= case.keys()
    assert told["worst_objective_gap"] < 1e-6
    count = told["contradictions"]
    assert count["explained"] == count["minimal"] == count["repaired"] == count["cities"] == 3
    assert told["replans"]["warm_cost_to_cold"] == pytest.approx(1.0, abs=2e-3)
