"""Faults put into L-TOWN-R's sensors are named, and calm days are left alone."""

from argparse import Namespace

import pytest

from benchmarks import data_folder, sensor_faults
from city.problems import PenstockError


@pytest.mark.slow
def test_faults_of_three_sensors_are_named_and_no_other_sensor_is_accused() -> None:
    try:
        data_folder("leak/ltown_r")
    except PenstockError as missing:
        pytest.skip(str(missing))
    found = sensor_faults.run(Namespace(quick=True, every=16, seed=1))
    assert found["quiet"]["faults_named"] == 0
    assert {kind: row["injected"] for kind, row in found["kinds"].items()} == {"datum": 6, "drift": 6, "clock": 6, "stuck": 3}
    for kind, row in found["kinds"].items():
        assert row["named_right"] >= row["injected"] - 2, kind
        assert row["others_accused"] == 0
