"""The smoke run of the grid benchmark: published losses hold, and planted outages are found."""

import json
import subprocess
import sys

import pytest

from benchmarks import data_folder
from city.problems import PenstockError


@pytest.mark.data
@pytest.mark.slow
def test_published_losses_hold_and_planted_outages_are_found() -> None:
    try:
        data_folder("grid")
    except PenstockError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-m", "benchmarks", "grid", "--json", "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert [one["buses"] for one in figures["networks"]] == [33, 69, 118, 136]
    assert figures["worst_error"] < 1e-3
    assert max(one["best_error"] for one in figures["networks"]) < 1e-3
    assert figures["simbench"]["flows_per_s"] > 100
    assert figures["outage"]["recall"] > 0.9
    assert figures["outage"]["precision"] > 0.9
