"""Twenty real kills, a locked database, a full disk: what the full benchmark claims, in small."""

import json
import subprocess
import sys

import pytest

from tests.commands import ROOT


@pytest.mark.slow
def test_what_was_produced_is_stored_once_after_twenty_kills() -> None:
    words = [sys.executable, "-m", "benchmarks", "spool", "--quick", "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["produced"] > 96 * 100  # a day of slots alone
    assert told["stored"] == told["produced"] + told["in_flight"]
    assert (told["lost"], told["duplicated"], told["never_begun"], told["out_of_order"]) == (0, 0, 0, 0)
    assert (told["kills"], told["outage_h"]) == (20, 24.0)
    assert told["drain_readings_per_cpu_s"] > 30_000  # far below what it is, far above row by row
