"""Parts of the leak watch, with numbers one can check by hand."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from city.causes import Cause
from city.frames import Block
from city.quality import VALID, missing
from city.quantities import Quantity
from networks.leakage.areas import Areas
from networks.leakage.calibration import window_means
from networks.leakage.filters import Filters
from networks.leakage.intake import intake
from networks.leakage.place import Distances, posterior, worth
from networks.leakage.scada import Scada
from networks.leakage.settings import LeakSettings
from networks.leakage.tracks import Track
from tests.networks.leakage_city import SITES, START, network

METERS = tuple(f"n{x}{y}" for x in range(5) for y in range(4))

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


def _metered(silent_from: int, days: int, step0: int = 0) -> Scada:
    """Twenty customers of 2 m3/h by day and 1 by night, n41 one of 20 m3/h by day only; n41 is silent from a step on."""
    steps = np.arange(step0, step0 + days * 48)
    day = (steps % 48 >= 16) & (steps % 48 < 40)
    used = np.where(day, 2.0, 1.0)[None] * np.ones((20, 1))
    used[-1] = np.where(day, 20.0, 0.0)
    quality = np.full(used.shape, VALID, np.uint16)
    quality[-1, steps >= silent_from] = missing(Cause.GAP)
    begin, step = START + step0 * timedelta(minutes=30), timedelta(minutes=30)
    pressure, flow = np.full((len(SITES.pressure), len(steps)), 30.0, np.float32), used.sum(axis=0, keepdims=True)
    return Scada(
        pressure=block(tuple(SITES.pressure), pressure, Quantity.PRESSURE_M, begin=begin, step=step),
        flow=block(("main",), flow, Quantity.FLOW_M3_PER_H, begin=begin, step=step),
        level=block((), np.zeros((0, len(steps))), Quantity.LEVEL_M, begin=begin, step=step),
        consumption=block(METERS, used / 2, Quantity.VOLUME_M3, quality, begin, step),
    )


def block(ids, values, quantity, quality=None, begin=START, step=timedelta(minutes=30)) -> Block:
    quality = np.full(values.shape, VALID, np.uint16) if quality is None else quality
    return Block(ids, begin, step, quantity, values.astype(np.float32), quality)


@pytest.mark.parametrize("pieces", [1, 48])
def test_a_silent_meter_takes_what_it_used_to_read_however_readings_are_handed_over(tmp_path, pieces):
    sites = replace(SITES, consumption={name: name for name in METERS})
    areas, step = Areas.of(network(tmp_path), sites), timedelta(minutes=30)
    history = intake(_metered(10_000, 14), sites, areas, step)
    silent = _metered(14 * 48, 1, 14 * 48)
    told = [
        intake(silent.window(at, at + 48 // pieces * step), sites, areas, step, usual=history.usual)
        for at in [silent.start_utc + i * (48 // pieces) * step for i in range(pieces)]
    ]
    used = np.concatenate([one.used[:, 0] for one in told])
    assert used == pytest.approx(history.used[:48, 0], rel=1e-5)  # 58 m3/h by day, 19 by night: no leak of 20 m3/h appears
