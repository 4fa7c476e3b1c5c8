"""The smoke run of the city benchmark."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_small_city_is_planned_within_its_gap_and_beside_its_optimum() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "city_dispatch", "--quick", "--json"], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["devices"] == figures["distinct"] == 80
    assert figures["gap_pct"] <= 0.5
    assert figures["worst_imbalance_kw"] < 1e-3
    assert figures["worst_above_rating_kw"] < 1e-3
    small = figures["small"]
    assert small["bound"] <= small["optimum"] * (1 + 1e-6) <= small["cost"] * (1 + 2e-6)
    assert {"wall_s", "cpu_s", "peak_rss_mb", "seed", "commit"} <= figures.keys()
