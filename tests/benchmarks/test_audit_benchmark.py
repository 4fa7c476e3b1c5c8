"""The benchmarks of the audit's chain and of validation's queue run small."""

import argparse

from benchmarks import audit, queue


def test_a_chained_line_costs_little_more_than_a_plain_one_and_all_are_checked() -> None:
    figures = audit.run(argparse.Namespace(quick=True, seed=1))
    assert figures["lines"] == 4_200
    assert figures["chained_line_us"] < 3 * figures["plain_line_us"]
    assert figures["checked_lines_per_cpu_s"] > 10_000
    assert 128 <= figures["chained_line_bytes"] - figures["plain_line_bytes"] < 200


def test_the_queue_shows_every_stretch_of_the_days_that_ask() -> None:
    figures = queue.run(argparse.Namespace(quick=True, seed=1))
    assert (figures["days_that_ask"], figures["stretches_shown"]) == (40, 40)
