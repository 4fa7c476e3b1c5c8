"""The validation benchmark runs on real weeks, finds what it put there, and leaves clean weeks alone."""

import argparse

import pytest

from benchmarks import vee
from city.problems import PenstockError


@pytest.mark.data
@pytest.mark.slow
def test_seeded_faults_are_found_and_clean_weeks_are_not_accused() -> None:
    try:
        figures = vee.run(argparse.Namespace(quick=True, seed=7, data="", windows=1, points=200))
    except PenstockError as error:
        pytest.skip(str(error))
    assert figures["recall"] >= 0.99
    assert figures["faults"] > 5_000
    assert set(figures["recall_by_rule_and_size"]["SPIKE, usage"]) == {"1.5", "2", "3", "5"}
    assert len(figures["recall_by_rule_and_size"]) == 15
    assert figures["false_alarm_rate"] <= 0.005  # one week of each source: a wind park's calm shows
