"""The restoration benchmark's quick run: its keys, the best known losses on 33 buses, and proofs that hold."""

import argparse

import pytest

from benchmarks import data_folder, restoration
from city.problems import PenstockError


@pytest.mark.data
def test_quick_run_gives_its_keys_the_best_known_losses_and_proved_orders() -> None:
    try:
        data_folder("grid")
    except PenstockError as error:
        pytest.skip(str(error))
    figures = restoration.run(argparse.Namespace(quick=True, seed=1, faults=2, network=[], bound=False, trial=0))
    row = figures["networks"][0]
    assert {"name", "loss_kw", "best_known_kw", "gap_pct", "cpu_s", "feasible"} <= set(row)
    assert row["feasible"]
    assert row["gap_pct"] < 0.01
    stages = [stage["loss_kw"] for stage in row["stages"]]
    assert stages == sorted(stages, reverse=True), "no stage may lose what the one before found"
    restored = figures["restorations"][0]
    assert restored["proved"] == restored["cases"] == 3
    assert restored["restored_share_pct"] <= restored["best_share_pct"]
