"""Isolation where it is hard: one-way links, sources inside, islands, other ways of supply, doubtful valves, hydrants; proved twice."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks import valves
from networks.network import Network
from networks.proof import Search, Trial, fire_flow
from optimisation.isolation import IsolationPlan, Planner, verified

# R feeds A; the ring A B C D; E behind a check valve from C to E; F joined to D by a pipe closed in the INP and to E by p7;
# T is a tank at the end of a pipe without a valve; X-Y is an island; R2 behind a boundary valve at E
CITY = """
[JUNCTIONS]
 A 10 1
 B 10 2
 C 10 4
 D 10 0
 E 10 8
 F 10 16
 G 10 32
 X 10 1
 Y 10 1
[RESERVOIRS]
 R 50
 R2 45
[TANKS]
 T 40 3 0 5 10 0
[PIPES]
 p0 R A 100 300 100 0 Open
 p1 A B 100 300 100 0 Open
 p2 B C 100 300 100 0 Open
 p3 C D 100 300 100 0 Open
 p4 D A 100 300 100 0 Open
 p5 C E 100 200 100 0 CV
 p6 D F 100 200 100 0 Closed
 p7 E F 100 200 100 0 Open
 p8 B G 100 200 100 0 Open
 p9 G T 100 200 100 0 Open
 pa R2 E 100 200 100 0 Open
 px X Y 100 200 100 0 Open
[OPTIONS]
 Units CMH
[END]
"""
PLACES = [
    ("a", "p1", "A"),
    ("b", "p1", "B"),
    ("c", "p2", "C"),
    ("d", "p3", "C"),
    ("e", "p4", "A"),
    ("f", "p5", "C"),
    ("g", "p8", "B"),
    ("h", "p6", "D"),
]
STATES = ["open"] * 8
BEHIND = [(valve, link, "E" if valve == "f" else node) for valve, link, node in PLACES]  # the valve of p5 at its other end


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("city") / "city.inp"
    path.write_text(CITY)
    return Network.read(path)


def table_of(city: Network, boundary: str = "closed", places: list[tuple[str, str, str]] = PLACES) -> pd.DataFrame:
    rows = [*places, ("z", "pa", "R2")]
    return valves.checked(pd.DataFrame(rows, columns=valves.PLACE).assign(state=[*STATES, boundary]), city)


def prove(city: Network, table: pd.DataFrame, plan: IsolationPlan, size: float = 20.0) -> bool:
    base = dict(zip(city.junctions["id"], city.junctions["base_demand_m3_per_h"], strict=True))
    with Trial(city, table, base) as trial:
        return verified(plan, Search(city, table), trial, size).proved


def test_node_behind_a_check_valve_is_lost_with_its_only_feed(city: Network) -> None:
    table = table_of(city)
    plan = Planner(city, table).plan("p5")
    assert set(plan.valves_to_close) == {"f", "h"}  # a closed pipe is no isolation: water may come through p6
    assert plan.nodes_cut == ("E", "F")
    assert plan.demand_m3_per_h == pytest.approx(24)
    assert prove(city, table, plan)


def test_check_valve_conducts_backwards_for_the_burst_and_not_for_supply(city: Network) -> None:
    table = table_of(city, "open", BEHIND)  # R2 feeds E, and could feed C only against the check valve
    plan = Planner(city, table).plan("p5")
    assert set(plan.valves_to_close) == {"c", "d", "f"}
    assert (plan.nodes_cut, plan.unintended) == (("C",), ())
    assert prove(city, table, plan)
    table.loc[table["valve"] == "d", "state"] = "closed"  # now p2 is C's only feed; E has water and cannot give it
    lost = Planner(city, table).plan("p2")
    assert lost.unintended == ("C",)
    assert prove(city, table, lost)


def test_other_ways_of_supply_are_found_and_shown_to_work(city: Network) -> None:
    table = table_of(city, places=BEHIND)
    plan = Planner(city, table, customers_per_node={"E": 5, "F": 7}).plan("p5")  # E and F lose their feed with C
    assert set(plan.unintended) == {"E", "F"}
    assert [(way.kind, way.open, way.nodes, way.customers) for way in plan.alternatives] == [
        ("link", "p6", ("E", "F"), 12.0),
        ("valve", "z", ("E", "F"), 12.0),
    ]
    assert "opening valve z gives 2 of them water again" in plan.sentence
    base = dict(zip(city.junctions["id"], city.junctions["base_demand_m3_per_h"], strict=True))
    search = Search(city, table)
    with Trial(city, table, base) as trial:
        found = [verified(plan, search, trial, 20.0, way) for way in (None, *plan.alternatives)]
    assert all(one.proved for one in found)
    state = [one.shut.nodes.set_index("node")["state"][["E", "F"]].tolist() for one in found]
    assert state == [["cut_off", "cut_off"], ["served", "served"], ["served", "served"]]


def test_tank_inside_the_segment_is_named_and_the_plan_is_dry_once_it_is_shut(city: Network) -> None:
    table = table_of(city)
    plan = Planner(city, table).plan("p9")
    assert plan.sources_inside == ("T",)
    assert not plan.isolates
    assert plan.valves_to_close == ("g",)
    search = Search(city, table)
    assert not search.prove(search.valves, "p9").dry
    assert prove(city, table, plan)


def test_burst_on_an_island_closes_nothing_and_takes_water_from_nobody(city: Network) -> None:
    table = table_of(city)
    plan = Planner(city, table).plan("px")
    assert (plan.valves_to_close, plan.nodes_cut, plan.unintended, plan.demand_m3_per_h) == ((), (), (), 0.0)
    assert prove(city, table, plan)


def test_doubtful_valves_are_named(city: Network) -> None:
    table = table_of(city)
    table.loc[table["valve"] == "a", "state"] = "unknown"
    table.loc[table["valve"] == "e", "exercised"] = pd.Timestamp("2011-04-01")
    planner = Planner(city, table, turned_since=pd.Timestamp("2016-01-01").date())
    assert planner.plan("p8").unsure == {}
    assert planner.plan("p4").unsure == {"e": "last turned 2011-04-01"}
    assert planner.plan("p1").unsure == {"a": "its state is unknown"}
    assert "look at a before you rely on it: its state is unknown" in planner.plan("p1").sentence


def test_hydrants_lost_and_hydrants_that_still_give_the_fire_flow(city: Network) -> None:
    table = table_of(city)
    plan = Planner(city, table, hydrants=["B", "E", "F", "X"]).plan("p5")
    assert plan.hydrants_lost == ("E", "F")
    base = dict(zip(city.junctions["id"], city.junctions["base_demand_m3_per_h"], strict=True))
    with Trial(city, table, base) as trial:
        dry = Search(city, table).prove(plan.valves_to_close, "p5")
        easy, hard = (
            fire_flow(trial, plan.valves_to_close, dry, ["B", "E", "X"], flow_m3_per_h=q).set_index("hydrant") for q in (54, 5000)
        )
    assert easy["state"].to_dict() == {"E": "lost", "B": "enough"}  # X has no way to the burst at all
    assert easy.loc["E", "distance_m"] == pytest.approx(50)
    assert easy.loc["B", "distance_m"] == pytest.approx(150)
    assert hard.loc["B", "state"] == "short"
    assert 54 < hard.loc["B", "flow_m3_per_h"] < 5000
    assert easy.loc["B", "flow_m3_per_h"] == pytest.approx(54 * (easy.loc["B", "pressure_m"] / 10) ** 0.5)


# R feeds A; a pressure reducing valve lets water from A down to B, and a pump lifts it from B to C; S could feed B from below
ZONES = """
[JUNCTIONS]
 A 10 5
 B 5 6
 C 30 7
[RESERVOIRS]
 R 50
 S 20
[PIPES]
 p0 R A 100 300 100 0 Open
 p1 S B 100 300 100 0 Open
[VALVES]
 prv A B 200 PRV 12 0
[PUMPS]
 lift B C POWER 2
[OPTIONS]
 Units CMH
[END]
"""


def test_reducing_valve_and_pump_carry_supply_one_way_and_bursts_both(tmp_path: Path) -> None:
    path = tmp_path / "zones.inp"
    path.write_text(ZONES)
    network = Network.read(path)
    rows = [("r", "p0", "R"), ("a", "p0", "A"), ("b", "p1", "B"), ("s", "p1", "S"), ("u", "prv", "A")]
    table = valves.checked(pd.DataFrame(rows, columns=valves.PLACE), network)
    planner = Planner(network, table)
    upper = planner.plan("p0")
    assert set(upper.valves_to_close) == {"r", "a"}  # S could come back through the valve if that does not hold
    assert upper.unintended == ("A",)  # for supply the valve holds: S does not feed A
    lower = planner.plan("p1")
    assert set(lower.valves_to_close) == {"b", "s"}
    assert (lower.nodes_cut, lower.unintended) == ((), ())  # R feeds B through the valve and C by the pump
    everything = planner.plan("p1", stuck=["b"])
    assert set(everything.valves_to_close) == {"s", "u"}
    assert set(everything.nodes_cut) == {"B", "C"}
    assert everything.pumps_inside == ("lift",)
    assert all(prove(network, table, plan) for plan in (upper, lower, everything))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_plan_and_search_agree_on_any_valves_and_states(city: Network, data: st.DataObject) -> None:
    places = [
        (link, node) for link, start, end in zip(*(city.links[c] for c in ("id", "start", "end")), strict=True) for node in (start, end)
    ]
    chosen = data.draw(st.lists(st.sampled_from(places), unique=True, min_size=1, max_size=14))
    state = [data.draw(st.sampled_from(valves.STATES)) for _ in chosen]
    rows = [(f"v{i}", link, node, now) for i, ((link, node), now) in enumerate(zip(chosen, state, strict=True))]
    table = valves.checked(pd.DataFrame(rows, columns=valves.COLUMNS[:4]), city)
    planner, search = Planner(city, table), Search(city, table)
    for pipe in city.pipes["id"]:
        plan = planner.plan(pipe)
        proof = search.prove(plan.valves_to_close, pipe, without=plan.sources_inside)
        assert proof.dry
        assert {*plan.nodes_cut, *plan.unintended} == set(proof.cut_off)
        turned = table.loc[table["state"] != "stuck", "valve"]
        assert plan.isolates == search.prove(turned, pipe).dry
        for way in plan.alternatives:
            changed = {"reopened" if way.kind == "valve" else "opened": [way.open]}
            again = search.prove((*plan.valves_to_close, *way.close), pipe, without=plan.sources_inside, **changed)
            assert again.dry
            assert set(proof.cut_off) - set(again.cut_off) == set(way.nodes)


# R feeds A; at C water comes in from a town next door
INFLOW = """
[JUNCTIONS]
 A 0 0
 B 0 10
 C 0 -40
 D 0 10
[RESERVOIRS]
 R 60
[PIPES]
 p0 R A 500 300 100 0 Open
 p1 A B 400 250 100 0 Open
 p2 B C 400 200 100 0 Open
 p3 B D 400 200 100 0 Open
[OPTIONS]
 Units CMH
 Headloss H-W
[END]
"""
AT_BOTH_SIDES = [("v1", "p1", "A", "open"), ("v2", "p2", "B", "open"), ("v3", "p3", "B", "open")]


@pytest.fixture
def supplied_next_door(tmp_path: Path) -> Network:
    path = tmp_path / "inflow.inp"
    path.write_text(INFLOW)
    return Network.read(path)


def test_a_demand_below_zero_is_a_source(supplied_next_door: Network) -> None:
    """A burst at B is shut off towards R and towards C; in C's own segment it is not shut off by valves at all."""
    table = pd.DataFrame(AT_BOTH_SIDES, columns=["valve", "link", "node", "state"])
    planner, demand = Planner(supplied_next_door, table), {"B": 10.0, "C": -40.0, "D": 10.0}
    with Trial(supplied_next_door, table, demand) as trial:
        search = Search(supplied_next_door, table)
        beside, inside = planner.plan("p1"), planner.plan("p2")
        assert beside.valves_to_close == ("v1", "v2")
        assert inside.sources_inside == ("C",)
        assert (beside.demand_m3_per_h, inside.demand_m3_per_h) == (20.0, 0.0)
        assert all(verified(plan, search, trial, 50.0).proved for plan in (beside, inside))


def test_epanet_sees_an_inflow_that_plan_and_search_overlook(supplied_next_door: Network) -> None:
    """The second proof leans on nothing that the first one knows: told that only R feeds, it finds C's water at the burst."""
    table = pd.DataFrame(AT_BOTH_SIDES, columns=["valve", "link", "node", "state"])
    supplied_next_door.__dict__["inlets"] = supplied_next_door.sources
    plan, search = Planner(supplied_next_door, table).plan("p1"), Search(supplied_next_door, table)
    with Trial(supplied_next_door, table, {"B": 10.0, "C": -40.0, "D": 10.0}) as trial:
        found = verified(plan, search, trial, 50.0)
    assert plan.valves_to_close == ("v1",)
    assert found.dry.dry
    assert found.shut.burst_m3_per_h > 5
    assert not found.proved
