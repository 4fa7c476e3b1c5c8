"""Isolation plans: exact on a network one can draw, proved by an independent search on all pipes of Net3."""

from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from networks import valves
from networks.proof import prove_dry
from networks.segments import segments
from networks.water import Network
from optimisation.isolation import plan_isolation

# R --p0-- A --p1-- B --p2-- C, and D hangs on B by p3; valves at both ends of p1, on p2 at B and on p3 at B
LINE = """
[JUNCTIONS]
 A 10 1
 B 10 2
 C 10 4
 D 10 8
[RESERVOIRS]
 R 50
[PIPES]
 p0 R A 100 200 100 0 Open
 p1 A B 200 200 100 0 Open
 p2 B C 300 200 100 0 Open
 p3 B D 400 200 100 0 Open
[OPTIONS]
 Units CMH
[END]
"""
VALVES = [("a", "p1", "A", "open"), ("b", "p1", "B", "open"), ("c", "p2", "B", "open"), ("d", "p3", "B", "open")]
CUSTOMERS = {"A": 10, "B": 20, "C": 40, "D": 80}


@pytest.fixture(scope="module")
def net3() -> Network:
    return Network.named("Net3")


@pytest.fixture
def line(tmp_path: Path) -> Network:
    path = tmp_path / "line.inp"
    path.write_text(LINE)
    return Network.read(path)


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(VALVES, columns=valves.COLUMNS[:4])


def test_burst_on_the_feeding_pipe_needs_one_valve_and_cuts_everything_behind(line: Network, table: pd.DataFrame) -> None:
    plan = plan_isolation(line, table, "p1", customers_per_node=CUSTOMERS, critical={"D": "hospital", "A": "school"})
    assert plan.valves_to_close == ("a",)
    assert plan.valves_to_spare == ("b",)
    assert plan.nodes_cut == ()
    assert set(plan.unintended) == {"B", "C", "D"}
    assert plan.customers == 140
    assert plan.demand_m3_per_h == pytest.approx(14)
    assert plan.length_m == pytest.approx(900)
    assert plan.critical == {"D": "hospital"}
    assert "Close a to isolate pipe p1: 140 customers" in plan.sentence
    assert "hospital (D)" in plan.sentence


def test_burst_at_the_end_of_a_branch_cuts_only_the_branch(line: Network, table: pd.DataFrame) -> None:
    plan = plan_isolation(line, table, "p3", customers_per_node=CUSTOMERS)
    assert (plan.valves_to_close, plan.nodes_cut, plan.unintended) == (("d",), ("D",), ())
    assert plan.customers == 80


def test_stuck_valve_moves_the_plan_to_the_next_ring(line: Network, table: pd.DataFrame) -> None:
    easy = plan_isolation(line, table, "p3", customers_per_node=CUSTOMERS)
    assert easy.next_ring == {"d": ("b",)}
    stuck = plan_isolation(line, table, "p3", customers_per_node=CUSTOMERS, stuck={"d"})
    assert stuck.valves_to_close == ("b",)
    assert stuck.customers == 140
    state = table.assign(state=["open", "open", "open", "stuck"])
    assert plan_isolation(line, state, "p3").valves_to_close == ("b",)


def test_closed_valve_needs_no_closing(line: Network, table: pd.DataFrame) -> None:
    shut = table.assign(state=["open", "closed", "open", "open"])
    assert plan_isolation(line, shut, "p1").valves_to_close == ("a",)
    assert plan_isolation(line, shut, "p2").valves_to_close == ()


def test_burst_beside_a_source_says_it_cannot_be_isolated(line: Network, table: pd.DataFrame) -> None:
    plan = plan_isolation(line, table, "p0")
    assert not plan.isolates
    assert plan.sources_inside == ("R",)
    assert "cannot be isolated by valves: R" in plan.sentence


@pytest.mark.slow
def test_every_plan_of_net3_is_proved_by_the_search(net3: Network) -> None:
    table = valves.strategic(net3)
    parts = segments(net3, table)
    isolable = 0
    for pipe in net3.pipes["id"]:
        plan = plan_isolation(net3, table, pipe, parts=parts)
        proof = prove_dry(net3, table, plan.valves_to_close, pipe)
        assert proof.dry == plan.isolates, pipe
        if plan.isolates:
            isolable += 1
            assert set(proof.cut_off) == set(plan.nodes_cut) | set(plan.unintended), pipe
    assert isolable == 92


def test_no_smaller_set_of_the_same_valves_keeps_the_burst_dry(net3: Network) -> None:
    table = valves.strategic(net3)
    for pipe in ("151", "111", "215", "171"):
        plan = plan_isolation(net3, table, pipe)
        if not plan.isolates:
            continue
        for fewer in combinations(plan.valves_to_close, len(plan.valves_to_close) - 1):
            assert not prove_dry(net3, table, fewer, pipe).dry


@settings(max_examples=15, deadline=None)
@given(pipe=st.sampled_from(["151", "171", "215", "225", "257", "161"]), seed=st.integers(0, 10_000))
def test_plans_with_random_stuck_valves_stay_proved_and_never_name_a_stuck_one(net3: Network, pipe: str, seed: int) -> None:
    table = valves.strategic(net3)
    stuck = set(table["valve"].sample(frac=0.1, random_state=seed))
    plan = plan_isolation(net3, table, pipe, stuck=stuck)
    assert not stuck & set(plan.valves_to_close)
    assert prove_dry(net3, table, plan.valves_to_close, pipe).dry == plan.isolates


def test_unknown_pipe_and_customers_are_told(line: Network, table: pd.DataFrame) -> None:
    with pytest.raises(PenstockError, match="pipe p9"):
        plan_isolation(line, table, "p9")
    with pytest.raises(PenstockError, match="junction Z"):
        plan_isolation(line, table, "p1", customers_per_node={"Z": 1})
