from argparse import Namespace

from benchmarks import slot


def test_the_slot_benchmark_reads_every_point_it_counts():
    (scale,) = slot.run(Namespace(quick=True, meters=[], slots=1))["scales"]
    assert (scale["meters"], scale["points"], scale["without_value"]) == (20, 32, 0)
    assert scale["meters_per_quarter_hour"] > 1000
