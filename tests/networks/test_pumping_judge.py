"""The judge of pump schedules: EPANET's own energy report, limits that a hand can check, water that is not lost."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wntr
from wntr.epanet.toolkit import ENepanet

from city.problems import PenstockError
from networks.network import Network
from networks.pumping import PumpDay, PumpLimits, PumpTask, Verdict, judge, judged
from networks.pumping.model import pattern_of, scheduled
from tests.networks.pump_town import TOWN, town

RUNNING = np.array([[1, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0]], dtype=np.int8)
AREA_M2 = np.pi / 4 * 9.0**2


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return town(tmp_path)


def verdict(network: Network, limits: PumpLimits, running: np.ndarray = RUNNING) -> Verdict:
    return judge(network, pd.DataFrame(running.T, columns=["X", "Y"]), limits)


def test_cost_and_energy_are_those_of_epanets_energy_report(network: Network, tmp_path: Path) -> None:
    model = scheduled(PumpTask(network))
    for pump, row in zip(("X", "Y"), RUNNING, strict=True):
        model.get_pattern(pattern_of(pump)).multipliers = row.astype(float)
    inp, report = tmp_path / "day.inp", tmp_path / "day.rpt"
    wntr.network.write_inpfile(model, str(inp), units="CMH", version=2.2)
    inp.write_text(inp.read_text().replace("[REPORT]", "[REPORT]\nENERGY YES"))
    epanet = ENepanet(version=2.2)
    epanet.ENopen(str(inp), str(report), str(tmp_path / "day.bin"))
    epanet.ENsolveH()
    epanet.ENsaveH()
    epanet.ENreport()
    epanet.ENclose()
    rows = dict(re.findall(r"^\s+(X|Y)\s+(.*)$", report.read_text(), re.MULTILINE))
    per_day = sum(float(row.split()[-1]) for row in rows.values())  # EPANET prints cost per day
    found = verdict(network, PumpLimits())
    assert found.cost == pytest.approx(per_day * 6 / 24, abs=0.006)
    for pump, row in rows.items():
        share, average_kw = float(row.split()[0]) / 100, float(row.split()[3])
        assert found.energy_kwh[pump] == pytest.approx(average_kw * share * 6, rel=2e-3)


def test_levels_are_those_of_the_file_run_with_controls_also_once_a_tank_is_full(network: Network, tmp_path: Path) -> None:
    running = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 1]], dtype=np.int8)
    lines = [
        f"LINK {pump} {'OPEN' if on else 'CLOSED'} AT TIME {hour}"
        for pump, row in zip(("X", "Y"), running, strict=True)
        for hour, on in enumerate(row)
    ]
    inp = tmp_path / "controls.inp"
    inp.write_text(TOWN.replace("[TIMES]", "[CONTROLS]\n" + "\n".join(lines) + "\n[TIMES]"))
    epanet, levels, now = ENepanet(version=2.2), {}, 0
    epanet.ENopen(str(inp), str(tmp_path / "c.rpt"), str(tmp_path / "c.bin"))
    epanet.ENopenH()
    epanet.ENinitH(0)
    passed = 1
    while passed:
        epanet.ENrunH()
        levels[now] = epanet.ENgetnodevalue(epanet.ENgetnodeindex("T"), 11)
        passed = epanet.ENnextH()
        now += passed
    epanet.ENclose()
    found = verdict(network, PumpLimits(may_fill=True), running).level_m["T"]
    assert found.max() == pytest.approx(4.0)  # full, at a moment between the regular steps
    assert any(second % 1800 for second in levels)
    assert found.to_dict() == pytest.approx(levels, abs=1e-3)


def test_what_flows_into_the_tank_stays_in_it(network: Network) -> None:
    with PumpDay(PumpTask(network)) as day:
        found = day.run(RUNNING)
    into = float(found.inflow_m3_per_h[:, 0] @ found.hours)
    assert (found.level_m[-1, 0] - found.level_m[0, 0]) * AREA_M2 == pytest.approx(into, abs=0.01)


def test_a_step_alone_is_the_same_step_of_the_day(network: Network) -> None:
    with PumpDay(PumpTask(network)) as day:
        whole = day.run(RUNNING)
        at = {int(seconds): level for seconds, level in zip(whole.time_s, whole.level_m, strict=True)}
        for step in range(6):
            alone = day.step(step, at[step * 3600], RUNNING[:, step])
            assert alone.end_level_m == pytest.approx(at[(step + 1) * 3600], abs=1e-3)


@pytest.mark.parametrize("beyond", [-1e-9, 1e-9])
def test_a_step_can_start_from_a_tank_that_rounding_put_beyond_its_limit(network: Network, beyond: float) -> None:
    limit = 4.0 if beyond > 0 else 0.5
    with PumpDay(PumpTask(network)) as day:
        from_limit, from_beyond = (day.step(0, [level], [0, 0]) for level in (limit, limit + beyond))
    assert from_beyond.end_level_m == pytest.approx(from_limit.end_level_m, abs=1e-4)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (PumpLimits(starts=0), "pump X has 1 starts; at most 0"),
        (PumpLimits(pressure_m={"B": 33.0}), "junction B falls to"),
        (PumpLimits(reserve_m3={"T": 1.5 * AREA_M2}), "tank T falls to"),
        (PumpLimits(end_level_m={"T": 3.9}), "tank T ends at"),
        (PumpLimits(level_m={"T": (0.5, 3.0)}), "tank T rises to"),
        (PumpLimits(turnover={"T": 5.0}), "tank T turns over"),
        (PumpLimits(age_h={"T": 1.0}), "water at T is"),
    ],
)
def test_every_limit_that_is_missed_is_told(network: Network, limits: PumpLimits, said: str) -> None:
    assert verdict(network, PumpLimits()).feasible
    found = verdict(network, limits)
    assert not found.feasible
    assert found.excess > 0
    assert len(found.violations) == (4 if limits.starts == 0 else 1)  # both pumps, starts and stops
    assert found.violations[0].startswith(said)


def test_a_full_tank_spills_unless_it_has_an_altitude_valve(network: Network) -> None:
    both = np.ones((2, 6), dtype=np.int8)
    assert any("runs full" in sentence for sentence in verdict(network, PumpLimits(), both).violations)
    assert verdict(network, PumpLimits(may_fill=True), both).feasible


def test_reserve_counts_above_the_lowest_usable_level(network: Network) -> None:
    task = PumpTask(network, PumpLimits(reserve_m3={"T": AREA_M2}))
    assert task.level_limits_m[0, 0] == pytest.approx(1.5, abs=1e-3)  # 0.5 m and one metre of reserve


def test_water_in_a_tank_that_turns_over_stays_younger_than_in_one_that_rests(network: Network) -> None:
    limits = PumpLimits(age_h={"T": 500.0})
    busy = verdict(network, limits)
    with PumpDay(PumpTask(network, limits)) as day:
        resting = judged(day, np.array([[1] * 6, [0] * 6], dtype=np.int8))
    assert busy.turnover["T"] > resting.turnover["T"]
    assert busy.age_h["T"] < resting.age_h["T"]


def test_given_demand_price_and_levels_replace_the_files(network: Network) -> None:
    demand = pd.DataFrame({"B": 60.0 * np.array([0.8, 1.2, 1.4, 1.0, 0.9, 0.7])})
    price = np.array([0.1, 0.1, 0.1, 0.2, 0.2, 0.2])
    same = PumpTask(network, demand_m3_per_h=demand, price_per_kwh=price, level_now_m={"T": 2.0})
    with PumpDay(PumpTask(network)) as first, PumpDay(same) as second:
        assert judged(second, RUNNING).cost == pytest.approx(judged(first, RUNNING).cost, rel=1e-5)
        with PumpDay(replace(same, price_per_kwh=2 * price)) as dear:
            assert judged(dear, RUNNING).cost == pytest.approx(2 * judged(first, RUNNING).cost, rel=1e-5)


@pytest.mark.parametrize(
    "limits",
    [
        {"reserve_m3": {"T": -1.0}},
        {"pressure_m": {"B": float("nan")}},
        {"turnover": {"T": float("inf")}},
        {"age_h": {"T": -1.0}},
    ],
)
def test_a_limit_that_cannot_be_meant_is_told(limits: dict[str, dict[str, float]]) -> None:
    with pytest.raises(PenstockError, match=r"of [TB]: "):
        PumpLimits(**limits)  # type: ignore[arg-type]


def test_a_reserve_larger_than_its_tank_is_told_not_cut_down(network: Network) -> None:
    with pytest.raises(PenstockError, match="at most the 223 m3 it holds"):  # 9 m wide, 3.5 m usable
        verdict(network, PumpLimits(reserve_m3={"T": 224.0}))


def test_unknown_ids_and_incomplete_schedules_are_told(network: Network) -> None:
    with pytest.raises(PenstockError, match="Z is not in network"):
        PumpTask(network, PumpLimits(pressure_m={"Z": 1.0}))
    with pytest.raises(PenstockError, match="no column for pump Y"):
        judge(network, pd.DataFrame({"X": [1] * 6}))
