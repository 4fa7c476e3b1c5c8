"""The benchmarks of the links run, print their keys, and find nothing."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from benchmarks import hostile, poll
from benchmarks._fuzz import fuzz
from meters.links import strict_engine

QUICK = argparse.Namespace(quick=True, seed=1, frames=0)


@pytest.mark.slow
def test_the_hostile_benchmark_finds_nothing():
    figures = hostile.run(QUICK)
    assert figures["next_good_ok"] == figures["modes"] > 50
    assert figures["fuzzed_frames"] == 5_000
    assert figures["valid_mutations"] > 300  # mutated values do pass: the frames are not refused for being odd
    assert {key: figures[key] for key in ("accepted_invalid", "escaped_exceptions", "leaked_sockets", "refused_valid")} == {
        "accepted_invalid": 0,
        "escaped_exceptions": 0,
        "leaked_sockets": 0,
        "refused_valid": 0,
    }


def test_the_fuzzing_sees_an_engine_that_looks_at_the_length_only(monkeypatch):
    def careless(engine, data):
        if len(data) == engine._length:
            engine._finish(data)

    monkeypatch.setattr(strict_engine.StrictEngine, "data_received", careless)
    assert fuzz(2_000, seed=1)[0].accepted_invalid > 20


def test_the_reads_of_random_maps_are_the_fewest_possible():
    figures = poll.coalescing(40, seed=3)
    assert figures["requests"] == figures["optimum"] > 40


@pytest.mark.slow
def test_the_poll_benchmark_prints_its_keys_or_says_what_is_missing():
    command = [sys.executable, "-m", "benchmarks", "poll", "--json", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        assert "Install gcc and libmodbus-dev." in done.stderr
        pytest.skip(done.stderr)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["ratio_to_libmodbus"] > 0.25
    assert figures["coalescing"]["requests"] == figures["coalescing"]["optimum"]
    without = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": "/nowhere"})
    assert without.returncode == 2
    assert without.stderr.splitlines()[-1] == "gcc: not found; allowed: a C compiler. Install gcc and libmodbus-dev."
