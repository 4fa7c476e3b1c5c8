"""What the network map shows besides leaks: segments that cover every pipe, and night flows that rise."""

import numpy as np
import pandas as pd
import pytest

from networks.network import Network
from networks.segments import segments
from service.view.water_map import risen


def nights(*courses: list[float]) -> pd.DataFrame:
    return pd.DataFrame({f"dma-{i}": course for i, course in enumerate(courses)})


def test_a_district_that_takes_a_third_more_for_three_nights_is_told() -> None:
    steady = [10.0, 10.2, 9.8] * 10
    stepped = [*steady[:-3], 13.0, 13.3, 13.1]
    assert risen(nights(steady, stepped)) == ["dma-1"]


def test_a_slow_leak_that_grows_for_weeks_is_told_and_one_loud_night_is_not() -> None:
    growing = list(30 + 0.4 * np.arange(30))
    loud = [30.0] * 29 + [90.0]
    assert risen(nights(growing, loud)) == ["dma-0"]


def test_nights_too_few_to_know_what_is_usual_tell_nothing() -> None:
    assert risen(nights([1.0] * 10 + [9.0] * 3)) == []


def test_a_district_whose_last_nights_are_missing_is_not_told() -> None:
    assert risen(nights([10.0] * 27 + [np.nan] * 3)) == []


@pytest.mark.slow
def test_every_pipe_of_net3_stands_in_one_segment() -> None:
    network = Network.named("Net3")
    one_valve = pd.DataFrame({"valve": ["v"], "link": ["20"], "node": ["20"], "state": ["open"]})
    parted = segments(network, one_valve)
    assert set(parted.link.index) == set(network.links["id"])
