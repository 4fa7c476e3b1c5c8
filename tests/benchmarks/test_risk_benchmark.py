import json
import subprocess
import sys

import pytest

from benchmarks import data_folder
from city.problems import PenstockError


@pytest.mark.data
@pytest.mark.slow
def test_the_risk_benchmark_replays_its_promises():
    try:
        data_folder("load")
    except PenstockError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-m", "benchmarks", "risk", "--json", "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    cases = {(case["eps"], case["by"]): case for case in figures["cases"]}
    assert set(cases) == {(None, "paths"), (0.05, "paths"), (0.1, "paths"), (0.2, "paths"), (0.1, "bands")}
    assert {"promised", "violated_steps", "violated_days", "cost"} <= cases[None, "paths"].keys()
    reserve = [cases[share, "paths"]["reserve_kw"] for share in (0.2, 0.1, 0.05)]
    assert reserve == sorted(reserve)
    assert cases[0.1, "bands"]["reserve_kw"] > cases[0.1, "paths"]["reserve_kw"]  # feeders do not err all together
    plans = {row["planned_on"]: row for row in figures["cvar"]["plans"]}
    assert plans["tail"]["told_tail"] <= plans["medians"]["told_tail"]
    assert plans["mean"]["told_mean"] <= plans["medians"]["told_mean"]
    assert {row["store"].split()[0] for row in figures["stores"]} == {"battery", "tank"}
