"""The leak benchmark's smoke run and its keys."""

import argparse

import pytest

from benchmarks import data_folder, leaks
from city.problems import PenstockError

KEYS = {"eur", "found", "found_30d", "false", "repeats", "median_hours_abrupt", "median_days_incipient", "median_metres", "control_eur"}


@pytest.mark.slow
def test_a_quick_run_has_the_keys_of_the_benchmark():
    try:
        data_folder("leak/ltown_r")
    except PenstockError as error:
        pytest.skip(str(error))
    figures = leaks.run(argparse.Namespace(data=None, truths=None, quick=True, seed=1))
    assert set(figures) >= KEYS
    assert figures["found"] <= figures["leaks"] == 23
    assert figures["eur"] <= figures["ceiling_eur"]
