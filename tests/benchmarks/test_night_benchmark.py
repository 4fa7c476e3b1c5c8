"""The benchmark of the night runs small: its figures mean little then, but a night that fails has none, and every key is there."""

import argparse
import os
import sys
from pathlib import Path

import pytest

from benchmarks import _process_tree, night
from service.cli import DONE, PROBLEMS


@pytest.mark.slow
def test_a_small_night_is_measured_with_every_key(tmp_path: Path) -> None:
    asked = argparse.Namespace(quick=True, points=[], workers=[1], database=["sqlite"], folder=tmp_path, keep=False, seed=1)
    made = night.run(asked)
    (one,) = made["scales"]
    assert (one["points"], one["workers"], one["database"], made["failed"]) == (20, 1, "sqlite", 0)
    assert one["exit_code"] in night.DONE
    assert set(one["steps"]) >= {"validate", "forecast", "plan", "ledger"}
    assert 50 < one["peak_rss_mb"] <= one["peak_tree_mb"] < 2_000
    assert one["cpu_s"] > 0
    assert one["disk"]["entry_bytes"] > 10
    assert not any(tmp_path.iterdir()), "what was prepared is gone unless it is to be kept"


def test_the_codes_of_a_night_that_counts_are_those_of_the_command() -> None:
    assert night.DONE == (DONE, PROBLEMS)


def test_growth_is_told_for_each_database_and_number_of_workers() -> None:
    scales = [
        {"points": points, "workers": workers, "database": "sqlite", "cpu_s": cpu_s}
        for workers, costs in ((1, (10.0, 20.0, 200.0)), (2, (10.0, 10.0, 100.0)))
        for points, cpu_s in zip((100, 1_000, 10_000), costs, strict=True)
    ]
    scales.append({"points": 100_000, "workers": 2, "database": "sqlite", "exit_code": 1, "failed": ["plan: hung"]})
    told = [(one["workers"], one["all"], one["largest"]) for one in night.growth(scales)]
    assert told == [(1, 0.651, 1.0), (2, 0.5, 1.0)]


def test_memory_is_that_of_a_process_and_all_below_it(tmp_path: Path) -> None:
    below = "x = bytearray(90_000_000); import time; time.sleep(2)"
    above = f"import subprocess, sys; x = bytearray(60_000_000); subprocess.run([sys.executable, '-c', {below!r}])"
    watched = _process_tree.Watched([sys.executable, "-c", above], dict(os.environ), tmp_path / "log")
    code, _ = watched.wait()
    assert code == 0
    assert 90 <= watched.largest_mb < 130
    assert 150 <= watched.tree_mb < 200
