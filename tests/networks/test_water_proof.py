"""Proofs of isolation: the search finds water where there is some, and EPANET says who is short of pressure."""

import pytest

from city.problems import PenstockError
from networks import engine as en
from networks import valves
from networks.proof import Search, Trial, prove_dry
from networks.water import Network

RUNNING = {"10": 1, "335": 0}
REST = {"10": 0, "335": 0}


@pytest.fixture(scope="module")
def net3() -> Network:
    return Network.named("Net3")


def test_pipe_151_is_dry_behind_its_two_valves(net3: Network) -> None:
    table = valves.strategic(net3)
    proof = prove_dry(net3, table, ["v018", "v019"], "151")
    assert proof.dry
    assert set(proof.cut_off) == {"15", "139", "141", "143"}
    assert "no path to any source" in proof.sentence


def test_one_open_valve_is_shown_as_a_path_from_a_source(net3: Network) -> None:
    table = valves.strategic(net3)
    proof = prove_dry(net3, table, ["v018"], "151")
    assert not proof.dry
    assert proof.path[0] in net3.sources
    assert proof.path[-1] == "151"


def test_isolated_nodes_are_masked_by_the_search_and_not_by_pressure(net3: Network) -> None:
    table = valves.strategic(net3)
    proof = prove_dry(net3, table, ["v018", "v019"], "151")
    with Trial(net3, table, base_demand(net3), pump_running=RUNNING) as trial:
        found = trial.shut(["v018", "v019"], proof).nodes.set_index("node")
    cut = found[found["state"] == "cut_off"]
    assert set(cut.index) == set(proof.cut_off)
    assert cut["pressure_m"].isna().all()
    assert (cut["served_m3_per_h"] == 0).all()
    served = found[found["state"] == "served"]
    assert (served["pressure_m"] >= 20).all()
    assert served["served_m3_per_h"].to_numpy() == pytest.approx(served["demand_m3_per_h"].to_numpy(), abs=1e-3)


def test_pumps_at_rest_leave_nodes_below_a_high_service_pressure(net3: Network) -> None:
    table = valves.strategic(net3)
    proof = prove_dry(net3, table, ["v018", "v019"], "151")
    with Trial(net3, table, base_demand(net3), pump_running=REST, service_m=40.0) as trial:
        found = trial.shut(["v018", "v019"], proof).nodes
    short = found[found["state"] == "below_service"]
    assert len(short) > 0
    assert (short["pressure_m"] < 40).all()
    assert (short["served_m3_per_h"] < short["demand_m3_per_h"]).all()


def test_unknown_valve_and_pipe_are_told(net3: Network) -> None:
    table = valves.strategic(net3)
    with pytest.raises(PenstockError, match="no valve v999"):
        prove_dry(net3, table, ["v999"], "151")
    with pytest.raises(PenstockError, match="pipe 9999"):
        prove_dry(net3, table, [], "9999")


def test_epanet_lets_nothing_out_of_an_isolated_burst_and_plenty_when_one_valve_stays_open(net3: Network) -> None:
    table = valves.strategic(net3)
    search, close = Search(net3, table), ["v019", "v020"]  # around pipe 153
    with Trial(net3, table, base_demand(net3), pump_running={"10": 1, "335": 1}) as trial:

        def left(closed: list[str]) -> float:
            return trial.shut(closed, search.prove(closed, "153"), 85.0).burst_m3_per_h

        assert left([]) == pytest.approx(85.0, rel=1e-3)
        assert abs(left(close)) < 0.01
        assert all(left([valve]) > 10 for valve in close)


def test_pumps_stand_or_run_as_told(net3: Network) -> None:
    table = valves.strategic(net3)
    flow = {}
    for running in (REST, RUNNING):
        with Trial(net3, table, base_demand(net3), pump_running=running) as trial:
            flow[running["10"]] = abs(trial.engine.links(trial.engine.link_index(["10"]), en.FLOW)[0])
    assert flow[0] == 0
    assert flow[1] > 100


def base_demand(network: Network) -> dict[str, float]:
    return dict(zip(network.junctions["id"], network.junctions["base_demand_m3_per_h"], strict=True))
