"""Operating points: close to EPANET along schedules, one group for pumps that nothing tells apart."""

from pathlib import Path

import numpy as np

from networks.network import Network
from networks.pumping import OperatingPoints, PumpDay, PumpTask
from tests.networks.pump_town import TOWN, town


def test_quadratics_meet_epanet_within_two_centimetres_along_schedules_they_were_not_taken_from(tmp_path: Path) -> None:
    task, rng, met = PumpTask(town(tmp_path)), np.random.default_rng(7), 0
    with PumpDay(task) as day:
        points = OperatingPoints(day)
        points.explore(40, np.random.default_rng(1))
        points.fit()
        for _ in range(30):
            level = task.initial_level_m
            for step in range(task.steps):
                mode = int(rng.integers(3))
                found = day.step(step, level, [int(mode > 0), int(mode > 1)])
                if not 0.6 < found.end_level_m[0] < 3.9:
                    break
                after, cost, _ = points.after(step, mode, level[None], points.terms(level[None]))
                assert abs(after[0, 0] - found.end_level_m[0]) < 0.02
                assert abs(cost[0] - found.cost) <= 0.005 * max(found.cost, 0.1)
                level, met = found.end_level_m, met + 1
    assert met > 60


def test_pumps_with_the_same_curve_price_and_ends_are_one_group(tmp_path: Path) -> None:
    assert PumpTask(town(tmp_path)).groups == ((0, 1),)
    path = tmp_path / "other.inp"
    path.write_text(TOWN.replace(" Pump Y Price 1\n", " Pump Y Price 2\n"))
    assert PumpTask(Network.read(path)).groups == ((0,), (1,))
