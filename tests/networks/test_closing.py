"""What a burst loses while its valves close: against EPANET run through files, by hand, and by the graph where nothing can flow."""

from math import pi
from pathlib import Path

import pandas as pd
import pytest
import wntr

from networks import valves
from networks.closing import Closing
from networks.surge import closing_time_s, rise_m, source_distance_m
from networks.water import Network

# Two reservoirs feed C from both sides: R1 - p1 - A - p2 - C - p3 - B - p4 - R2; D hangs on C and needs 36 m3/h.
TWO_FEEDS = """
[JUNCTIONS]
 A 0 0
 B 0 0
 C 0 0
 D 0 36
[RESERVOIRS]
 R1 60
 R2 60
[PIPES]
 p1 R1 A 500 300 100 0 Open
 p2 A C 400 250 100 0 Open
 p3 C B 400 200 100 0 Open
 p4 B R2 500 300 100 0 Open
 p5 C D 100 200 100 0 Open
[OPTIONS]
 Units CMH
 Headloss H-W
[END]
"""
VALVES = [("a", "p2", "A", "open"), ("b", "p3", "B", "open"), ("d", "p5", "C", "open")]
CUSTOMERS = {"D": 300.0}
SIZE = 120.0


@pytest.fixture
def town(tmp_path: Path) -> Network:
    path = tmp_path / "two_feeds.inp"
    path.write_text(TWO_FEEDS)
    return Network.read(path)


@pytest.fixture
def closing(town: Network):
    table = pd.DataFrame(VALVES, columns=["valve", "link", "node", "state"])
    with Closing(town, table, "p2", SIZE, ("a", "b"), {"D": 36.0}, customers_per_node=CUSTOMERS) as made:
        yield made


def test_all_open_the_burst_loses_its_measured_size_and_all_closed_nothing(closing: Closing) -> None:
    assert closing.at(frozenset()).outflow_m3_per_h == pytest.approx(SIZE, abs=0.01)
    shut = frozenset("ab")
    assert closing.at(shut).outflow_m3_per_h == 0
    assert closing.computed_outflow_m3_per_h(shut) < 0.1  # EPANET, which knows nothing of the graph, lets nothing out either
    assert closing.at(shut).customers == 300


def test_feed_is_counted_towards_the_burst(closing: Closing) -> None:
    """Both reservoirs feed: what comes in by the two valves leaves by the hole and at D."""
    state = closing.at(frozenset())
    assert state.feed_m3_per_h["a"] > state.feed_m3_per_h["b"] > 0
    assert sum(state.feed_m3_per_h.values()) == pytest.approx(SIZE + 36.0, rel=1e-3)


@pytest.mark.parametrize("closed", ["a", "b"])
def test_outflow_with_one_valve_closed_is_that_of_epanet_through_files(
    town: Network, closing: Closing, closed: str, tmp_path: Path
) -> None:
    """The same hole as an emitter in a network written out, run by EPANET's own file interface with that valve's pipe closed."""
    emitter = SIZE / _pressure(town, tmp_path) ** 0.5
    assert closing.at(frozenset(closed)).outflow_m3_per_h == pytest.approx(_outflow(town, emitter, closed, tmp_path), rel=0.01)


def _halved(town: Network) -> wntr.network.WaterNetworkModel:
    return wntr.morph.split_pipe(town.prepared(), "p2", "other_half", "hole", return_copy=True)


def _run(model: wntr.network.WaterNetworkModel, folder: Path) -> wntr.sim.results.SimulationResults:
    model.options.time.duration = 0
    model.options.hydraulic.demand_model = "PDA"
    model.options.hydraulic.required_pressure = 20.0
    return wntr.sim.EpanetSimulator(model).run_sim(version=2.2, file_prefix=str(folder / "run"))


def _pressure(town: Network, folder: Path) -> float:
    model = _halved(town)
    model.get_node("hole").add_demand(SIZE / 3600, None)
    return float(_run(model, folder).node["pressure"].loc[0, "hole"])


def _outflow(town: Network, emitter: float, closed: str, folder: Path) -> float:
    model = _halved(town)
    model.get_node("hole").emitter_coefficient = emitter / 3600
    link = {"a": "p2", "b": "p3"}[closed]
    model.get_link(link).initial_status = wntr.network.LinkStatus.Closed
    return float(_run(model, folder).node["demand"].loc[0, "hole"] * 3600)


def test_regulating_valves_and_pumps_are_as_before_after_every_state() -> None:
    """On Net3 the same state asked first and last is the same, whatever was closed in between."""
    net3 = Network.named("Net3")
    table = valves.strategic(net3)
    demand = net3.junctions.set_index("id")["base_demand_m3_per_h"].to_dict()
    names = ("v010", "v014")
    with Closing(net3, table, "123", 150.0, names, demand, pump_running={"10": 0, "335": 1}) as one:
        before = one.at(frozenset())
        for closed in (frozenset(names), frozenset({"v010"}), frozenset({"v014"})):
            one.at(closed)
        one._known.clear()
        again = one.at(frozenset())
    assert again.outflow_m3_per_h == pytest.approx(before.outflow_m3_per_h, rel=1e-6)


def test_water_to_fill_is_the_volume_of_the_dry_pipes(closing: Closing) -> None:
    """p2, p3 and p5 run dry: their volumes."""
    expected = pi / 4 * (0.25**2 * 400 + 0.2**2 * 400 + 0.2**2 * 100)
    assert closing.dry_volume_m3() == pytest.approx(expected)


def test_surge_by_hand() -> None:
    """1 m/s, 1,000 m of main, waves of 1,000 m/s: 101.9 m when shut within 2 s, 10.2 m in 20 s; 20 m need 10.2 s."""
    assert rise_m(1.0, 1000.0, 1.0) == pytest.approx(1000 / 9.81)
    assert rise_m(1.0, 1000.0, 20.0) == pytest.approx(2000 / (9.81 * 20))
    assert closing_time_s(1.0, 1000.0, 20.0) == pytest.approx(2000 / (9.81 * 20))
    assert rise_m(1.0, 1000.0, 2.0 + 1e-9) == pytest.approx(rise_m(1.0, 1000.0, 2.0))  # the two formulas meet
    assert closing_time_s(0.1, 1000.0, 20.0) == 0.0  # 10.2 m even when shut at once


def test_distance_to_the_next_source_takes_the_nearer_of_two(town: Network) -> None:
    distance = source_distance_m(town)
    assert distance[["A", "B", "C", "D", "R1"]].tolist() == pytest.approx([500, 500, 900, 1000, 0])


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_valve_on_a_check_valve_shuts_it(tmp_path: Path, state: str) -> None:
    """EPANET takes no status for a check valve: its bore is barred, for good where the valve is closed already, and opens again."""
    path = tmp_path / "check.inp"
    path.write_text(TWO_FEEDS.replace("p3 C B 400 200 100 0 Open", "p3 B C 400 200 100 0 CV"))
    table = pd.DataFrame([*VALVES[:1], ("b", "p3", "B", state)], columns=["valve", "link", "node", "state"])
    names = ("a", "b") if state == "open" else ("a",)
    with Closing(Network.read(path), table, "p2", SIZE, names, {"D": 36.0}) as made:
        assert made.computed_outflow_m3_per_h(frozenset(names)) < 0.1
        assert made.at(frozenset("a")).outflow_m3_per_h == (pytest.approx(92, abs=25) if state == "open" else 0)
        assert made.at(frozenset()).outflow_m3_per_h == pytest.approx(SIZE, abs=0.01)


def test_a_main_behind_a_stopped_pump_has_its_source_too(tmp_path: Path) -> None:
    path = tmp_path / "pump.inp"
    pump = "[PUMPS]\n u R1 A POWER 10\n[STATUS]\n u Closed\n[OPTIONS]"
    path.write_text(
        TWO_FEEDS.replace(" p1 R1 A 500 300 100 0 Open\n", "")
        .replace(" p4 B R2 500 300 100 0 Open\n", "")
        .replace(" R2 60\n", "")
        .replace("[OPTIONS]", pump)
    )
    assert source_distance_m(Network.read(path))[["A", "C"]].tolist() == pytest.approx([0, 400], abs=0.01)
