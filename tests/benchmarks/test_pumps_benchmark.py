"""The pump benchmark's quick run: its keys, and what must hold even with little effort."""

import argparse

import pytest

from benchmarks import data_folder, pumps
from city.problems import PenstockError


@pytest.mark.data
def test_quick_run_gives_its_keys_and_feasible_schedules() -> None:
    try:
        data_folder("pumps")
    except PenstockError as error:
        pytest.skip(str(error))
    figures = pumps.run(argparse.Namespace(quick=True, seed=1, safety=False, proof=False))
    row = figures["anytown"][0]
    assert {"na", "cost", "best_known", "gap_pct", "feasible", "cpu_s"} <= set(row)
    assert row["feasible"]
    assert row["gap_pct"] < 5
    van_zyl = figures["van_zyl"]
    assert van_zyl["feasible"]
    assert van_zyl["warning"] == 0
    assert all(last >= first for first, last in van_zyl["levels_m"].values())
