from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import data_folder, isolation
from city.problems import PenstockError


def test_every_plan_of_a_quick_run_is_proved_and_the_valve_layer_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        data_folder("networks")
    except PenstockError as missing:
        pytest.skip(str(missing))
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    figures = isolation.run(Namespace(quick=True, pipes=5, seed=1, network=[]))
    assert [row["name"] for row in figures["networks"]] == ["Anytown", "Net3"]
    assert figures["unproved_plans"] == 0
    assert figures["segments_equal"]
    layer = tmp_path / "isolation" / "Net3.valves.csv"
    made = layer.stat().st_mtime_ns
    isolation.read(data_folder("networks") / "Net3.inp.gz")
    assert layer.stat().st_mtime_ns == made
