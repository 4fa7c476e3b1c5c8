import json
import subprocess
import sys

import pytest

from benchmarks import data_folder
from city.problems import PenstockError


@pytest.mark.data
@pytest.mark.slow
def test_the_balance_benchmark_tells_monthly_losses_of_both_areas_within_three_points():
    try:
        data_folder("leak/ltown_r")
    except PenstockError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-m", "benchmarks", "balance", "--json", "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    (truth,) = figures["truths"]
    assert set(truth["areas"]) == {"PUMP_1", "p227+p235-PUMP_1"}
    assert truth["mean_error_points"] < 3
    assert truth["cover90"] > 0.8
