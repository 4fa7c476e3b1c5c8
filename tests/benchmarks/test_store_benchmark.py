"""The benchmark of the store runs small: its figures mean little then, but it checks what was stored on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import data_folder
from city.problems import PenstockError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.data
def test_the_store_is_measured_on_sqlite_with_every_key() -> None:
    try:
        data_folder("grid/simbench")
    except PenstockError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "benchmarks", "store", "--quick", "--only", "sqlite", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])["sqlite"]
    keys = {
        "rows_per_s",
        "ratio_to_bare",
        "cold_bytes_per_reading",
        "meter_day_ms",
        "rollup_100k_s",
        "latest_100k_s",
        "overlapping_rows_per_s",
    }
    assert keys <= set(found)
    assert all(found[key] > 0 for key in keys - {"latest_100k_s"})
