"""The leak watch on a small city: bursts, slow leaks, repairs, silence, and going on from a stored state."""

import json
from datetime import timedelta

import numpy as np
import pytest

from networks.leakage.watch import Watch
from networks.water import Burst
from tests.networks.leakage_city import SITES, START, network, readings

LEARN = 14
BURST_DAY = 16
pytestmark = pytest.mark.slow


def _step(day: float) -> int:
    return int(day * 48)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    burst = Burst.of_size("e21", _step(BURST_DAY), 8.0, 45.0)
    return network(folder), readings(folder, 20, (burst,))


@pytest.fixture(scope="module")
def learnt(city):
    net, told = city
    return Watch.calibrate(net, told.window(START, START + timedelta(days=LEARN)), SITES)


def _rest(told, first, last):
    return told.window(START + timedelta(days=first), START + timedelta(days=last))


def _again(net, watch):
    return Watch.restore(net, json.loads(json.dumps(watch.state(), allow_nan=False)))


def test_clean_weeks_hold_no_leak(learnt):
    assert learnt.active == []


def test_a_burst_is_found_soon_near_its_pipe_and_with_its_size(city, learnt):
    net, told = city
    watch = _again(net, learnt)
    reports = watch.read(_rest(told, LEARN, 20))
    assert len(reports) == 1
    late = reports[0].detected_utc - (START + timedelta(days=BURST_DAY))
    assert timedelta(0) < late <= timedelta(days=1)
    assert abs(reports[0].start_utc - (START + timedelta(days=BURST_DAY))) <= timedelta(hours=3)
    metres = watch.distances.of(np.array([watch.pipes.get_loc("e21")]))[0, watch.pipes.get_loc(reports[0].pipe)]
    assert metres <= 300
    assert reports[0].posterior.sum() == pytest.approx(1.0)
    assert watch.active[0].size_m3_per_h == pytest.approx(8.0, abs=1.5)


def test_reading_in_pieces_and_through_a_stored_state_reports_the_same(city, learnt):
    net, told = city
    whole = _again(net, learnt).read(_rest(told, LEARN, 18))
    watch, pieces = _again(net, learnt), []
    for day in range(LEARN, 18):
        pieces += watch.read(_rest(told, day, day + 1))
        watch = _again(net, watch)
    assert [(r.leak_id, r.pipe, r.detected_utc) for r in pieces] == [(r.leak_id, r.pipe, r.detected_utc) for r in whole]


def test_a_repair_told_by_the_crew_closes_the_entry(city, learnt):
    net, told = city
    watch = _again(net, learnt)
    found = watch.read(_rest(told, LEARN, 18))
    watch.repaired(found[0].leak_id, START + timedelta(days=18))
    assert watch.active == []


def test_a_repair_nobody_told_is_seen(tmp_path):
    told = readings(tmp_path, 20, (Burst.of_size("s21", 0, 0.0, 45.0), Burst.of_size("e21", _step(15), 8.0, 45.0)))
    after = readings(tmp_path, 20, (Burst.of_size("s21", 0, 0.0, 45.0),))
    net = network(tmp_path)
    watch = Watch.calibrate(net, told.window(START, START + timedelta(days=LEARN)), SITES)
    assert watch.read(_rest(told, LEARN, 18))
    watch.read(_rest(after, 18, 20))
    assert watch.active == []


def test_a_dig_that_finds_nothing_moves_the_posterior(city, learnt):
    net, told = city
    watch = _again(net, learnt)
    pipe = watch.read(_rest(told, LEARN, 18))[0].pipe
    before = watch.active[0].posterior[pipe]
    watch.dug(pipe, START + timedelta(days=18), found=False)
    assert watch.active[0].posterior[pipe] < before
    assert watch.active[0].posterior.sum() == pytest.approx(1.0)


def test_an_outage_is_missing_time_not_a_leak(city, learnt):
    net, told = city
    watch = _again(net, learnt)
    assert watch.read(_rest(told, 15, 16)) == []
    assert watch.end_utc == START + timedelta(days=16)
