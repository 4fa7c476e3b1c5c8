"""Fewest valves for the least water lost: the program equals trying every set of valves, and every answer is dry."""

from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.problems import PenstockError
from networks import valves
from networks.network import Network
from networks.proof import Search
from optimisation.isolation import Planner, fewest

# R --p0-- A --p1-- B --p2-- C --p3-- D --p4-- R2 with short stubs at C; cutting out B and C takes one valve less than B alone
GRID = """
[JUNCTIONS]
 A 10 1
 B 10 2
 C 10 0
 D 10 8
 E 10 4
[RESERVOIRS]
 R 50
 R2 50
[PIPES]
 p0 R A 100 200 100 0 Open
 p1 A B 100 200 100 0 Open
 p2 B C 100 200 100 0 Open
 p3 B C 100 200 100 0 Open
 p4 C D 100 200 100 0 Open
 p5 D R2 100 200 100 0 Open
 p6 C E 100 200 100 0 CV
[OPTIONS]
 Units CMH
[END]
"""


def network_of(text: str, folder: Path) -> Network:
    path = folder / "small.inp"
    path.write_text(text)
    return Network.read(path)


def least_by_trial(network: Network, planner: Planner, search: Search, pipe: str, stuck: set[str], worth: float) -> float:
    """Least water lost plus worth per valve over every set of valves that can be turned and leaves the pipe dry."""
    demand = network.junctions.set_index("id")["base_demand_m3_per_h"]
    free = [valve for valve in planner.names if valve not in stuck]
    best = np.inf
    for closed in chain.from_iterable(combinations(free, n) for n in range(len(free) + 1)):
        proof = search.prove(closed, pipe)
        if proof.dry:
            best = min(best, float(demand.reindex(proof.cut_off).sum()) + worth * len(closed))
    return best


@pytest.mark.parametrize("worth", [0.001, 0.6, 5.0, 100.0])
def test_program_equals_trying_all_sets_of_valves(tmp_path: Path, worth: float) -> None:
    network = network_of(GRID, tmp_path)
    table = valves.strategic(network, free=1)
    planner, search = Planner(network, table), Search(network, table)
    for stuck in (set(), {"v000"}, {"v002", "v003"}):
        for pipe in network.pipes["id"]:
            if not planner.plan(pipe, stuck).isolates:
                continue
            best = fewest(planner, pipe, stuck, valve_m3_per_h=worth)
            value = best.demand_m3_per_h + worth * len(best.valves_to_close)
            assert search.prove(best.valves_to_close, pipe).dry
            assert not stuck & set(best.valves_to_close)
            assert value == pytest.approx(least_by_trial(network, planner, search, pipe, stuck, worth)), (pipe, stuck)


def test_two_valves_more_save_a_few_customers_only_where_they_are_worth_it(tmp_path: Path) -> None:
    network = network_of(GRID, tmp_path)
    rows = [("a", "p1", "A"), ("b", "p2", "B"), ("c", "p3", "B"), ("d", "p4", "C")]
    table = valves.checked(placed(rows), network)
    planner = Planner(network, table)
    careful, quick = (fewest(planner, "p1", valve_m3_per_h=worth) for worth in (0.1, 10.0))
    assert (set(careful.valves_to_close), careful.demand_m3_per_h) == ({"a", "b", "c"}, pytest.approx(2.0))
    assert (set(quick.valves_to_close), quick.demand_m3_per_h) == ({"a", "d"}, pytest.approx(6.0))
    assert set(fewest(planner, "p1", valve_m3_per_h=0.1, most_valves=2).valves_to_close) == {"a", "d"}
    with pytest.raises(PenstockError, match="not isolated by 1 valves"):
        fewest(planner, "p1", most_valves=1)


def placed(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=valves.PLACE)


def test_customers_can_be_what_counts(tmp_path: Path) -> None:
    network = network_of(GRID, tmp_path)
    table = valves.checked(placed([("a", "p1", "A"), ("b", "p2", "B"), ("c", "p3", "B"), ("d", "p4", "C")]), network)
    planner = Planner(network, table, customers_per_node={"E": 50})
    assert set(fewest(planner, "p1", valve_m3_per_h=10, customer_m3_per_h=1).valves_to_close) == {"a", "b", "c"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_net3_with_a_tenth_of_the_valves_stuck_it_never_loses_more_than_the_plan(seed: int) -> None:
    network = Network.named("Net3")
    table = valves.strategic(network)
    planner, search = Planner(network, table), Search(network, table)
    random = np.random.default_rng(seed)
    stuck = random.choice(planner.names, 6, replace=False).tolist()
    for pipe in random.choice(network.pipes["id"], 12, replace=False):
        plan, best = planner.plan(pipe, stuck), fewest(planner, pipe, stuck, valve_m3_per_h=0.01)
        assert best.demand_m3_per_h == pytest.approx(plan.demand_m3_per_h, abs=1e-6)
        assert len(best.valves_to_close) <= len(plan.valves_to_close)
        assert search.prove(best.valves_to_close, pipe, without=best.sources_inside).dry
