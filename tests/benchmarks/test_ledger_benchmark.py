"""The smoke run of the ledger's benchmark: its keys, nothing missed, the same to the bit."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_small_ledger_is_the_same_to_the_bit_and_no_forgery_is_missed() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "ledger", "--quick", "--json"], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["entries"], figures["bit_identical"]) == (2000, True)
    assert (figures["mutations"], figures["missed"], figures["misplaced"]) == (308, 0, 0)
    assert {"post_and_group_s", "verify_s", "recompute_s", "peak_rss_mb", "seed", "commit", "cpu_s", "wall_s"} <= figures.keys()
