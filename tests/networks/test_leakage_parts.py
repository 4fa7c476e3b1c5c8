"""Parts of the leak watch, with numbers one can check by hand."""

import numpy as np
import pytest

from networks.leakage.areas import Areas
from networks.leakage.calibration import window_means
from networks.leakage.filters import Filters
from networks.leakage.place import Distances, posterior, worth
from networks.leakage.settings import LeakSettings
from networks.leakage.tracks import Track
from tests.networks.leakage_city import SITES, network

PATTERN = np.array([[1.0, 0.0], [0.0, 2.0]])


def test_a_filter_gives_size_and_standard_deviations():
    filters = Filters.of(np.diag([4.0, 1.0]), PATTERN)
    assert filters.sizes(np.array([6.0, 3.0])) == pytest.approx([6.0, 1.5])
    assert filters.sigmas(np.array([6.0, 3.0])) == pytest.approx([3.0, 3.0])


def test_likeness_of_patterns_is_their_whitened_correlation():
    filters = Filters.of(np.eye(2), np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 3.0]]))
    assert filters.likeness(0, [1, 2]) == pytest.approx([np.sqrt(0.5), 0.0])


def test_a_window_with_half_of_its_values_missing_is_unknown():
    values = np.array([[1.0], [3.0], [np.nan], [np.nan], [5.0]])
    assert window_means(values, 2)[:, 0] == pytest.approx([2.0, np.nan, np.nan, np.nan], nan_ok=True)
    assert window_means(values, 3)[:, 0] == pytest.approx([2.0, np.nan, np.nan], nan_ok=True)


def test_a_track_has_its_sizes_from_start_to_end():
    track = Track("leak-1", "slow", start=10, seen_step=20, pipe=0, size=2.0, sd=0.1, sizes=[(10, 1.0)], end=30)
    track.grow(20, 2.0, 0.1)
    assert track.at(np.array([9, 10, 19, 20, 29, 30])).tolist() == [0, 1, 1, 2, 2, 0]
    assert Track.restore(track.state()) == track


def test_the_posterior_prefers_the_pipe_that_explains_the_drop_and_ignores_silent_channels():
    settings = LeakSettings(pattern_error=0.0)
    length = np.array([100.0, 100.0])
    told, size = posterior(np.array([4.0, 0.0]), np.eye(2), PATTERN, length, settings)
    assert told[0] == pytest.approx(1 / (1 + np.exp(-8.0)))
    assert size[0] == pytest.approx(4.0)
    blind, _ = posterior(np.array([4.0, np.nan]), np.eye(2), np.array([[1.0, 0.0], [1.0, 2.0]]), length, settings)
    assert blind == pytest.approx([0.5, 0.5])


def test_distances_run_from_middle_to_middle(tmp_path):
    net = network(tmp_path)
    pipes = list(net.pipes["id"])
    found = Distances(net).of(np.array([pipes.index("e00")]))[0]
    assert found[pipes.index("e00")] == 0
    assert found[pipes.index("e10")] == pytest.approx(200)
    assert found[pipes.index("main")] == pytest.approx(250)
    assert found[pipes.index("e20")] == pytest.approx(400)


def test_a_report_is_put_where_it_costs_least(tmp_path):
    net = network(tmp_path)
    pipes = list(net.pipes["id"])
    probability = np.zeros(len(pipes))
    probability[[pipes.index("e00"), pipes.index("e10"), pipes.index("e20")]] = 0.4, 0.3, 0.3
    found = worth(probability, 1.0, Distances(net), LeakSettings(lifetime_days=50, price_per_m3=1.0, crew_call_cost=300.0))
    assert pipes[found.pipe] == "e10"  # both others lie 200 m away; from e00 the third would be out of reach
    assert found.near == pytest.approx(1.0)
    assert found.search == pytest.approx(0.7 * 200)
    assert found.expected == pytest.approx(1200 - 140)


def test_a_supply_meter_stays_in_the_model_and_counts_the_area(tmp_path):
    areas = Areas.of(network(tmp_path), SITES)
    assert areas.names == ("area-1",)
    assert areas.kept == ("main",)
    assert areas.cut == ()
    assert areas.flow_sign.tolist() == [[1.0]]
