"""The scrape's benchmark, small: the store is not walked through, so that its cost does not grow with the points."""

import argparse

import pytest

pytest.importorskip("prometheus_client")

from benchmarks import metrics


def test_a_scrape_costs_milliseconds() -> None:
    figures = metrics.run(argparse.Namespace(quick=True, seed=1))
    assert figures["series"] > 50
    assert figures["told_again_ms"] <= 5
    assert figures["after_batch_ms"] <= 50
