"""The decode benchmark runs, and decoding many devices at once is worth its name."""

import argparse

from benchmarks import decode


def test_a_thousand_devices_at_once_cost_a_small_part_of_value_by_value() -> None:
    figures = decode.run(argparse.Namespace(quick=True, seed=1))
    assert [row["model"] for row in figures["models"]] == list(decode.MODELS)
    assert all(row["ratio"] > 20 for row in figures["models"])
