"""Restoration followed by hand on five buses: isolate, reclose, transfer; what binds; hand switches; loads after an outage."""

import json

import pytest

from city.problems import PenstockError
from optimisation.restoration import Crews, Proposal, Setting, Worth, restore
from tests.optimisation.grid_cases import LINES, LOADS, SWITCHES, network_of, small


def work(proposal: Proposal) -> list[tuple[str, str]]:
    return [(step.action, step.switch) for step in proposal.steps]


def test_the_fault_is_parted_from_both_sides_and_everybody_else_has_supply() -> None:
    found = restore(small(), None, None, ["ab"])
    assert found.tripped == ("s1",)
    assert found.lost_customers == 25
    assert (found.restored_customers, found.restored_kw) == (25, pytest.approx(250))
    assert set(work(found)) == {("open", "s2"), ("close", "s1"), ("open", "s2b"), ("close", "t")}
    order = [switch for _, switch in work(found)]
    assert order.index("s2") < order.index("s1"), "closing the breaker first would feed the fault"
    assert order.index("s2b") < order.index("t")
    assert found.proved
    assert found.best
    assert found.left == ()


def test_steps_tell_what_each_gives_back_and_when() -> None:
    found = restore(small(), None, None, ["ab"], setting=Setting(crews=Crews(remote_min=2)))
    gained = {step.switch: (step.customers, step.kw) for step in found.steps}
    assert gained == {"s2": (0, 0), "s1": (10, 100), "s2b": (0, 0), "t": (15, 150)}
    assert [step.at_min for step in found.steps] == [2, 4, 6, 8]


def test_a_full_line_leaves_the_rest_dark_and_is_named() -> None:
    """10 kV, 12 A: 208 kVA. D and C are 200 kW, B would make it 250 kW: 120 % of 208 kVA."""
    found = restore(small(rating_a=12.0), None, None, ["ab"])
    assert found.restored_customers == 20
    assert ("open", "s3") in work(found)
    (dark,) = found.left
    assert (dark.buses, dark.customers, dark.why, dark.at, dark.switch) == (("B",), 5, "overload", "td", "s3")
    assert dark.value == pytest.approx(1.2, abs=0.02)
    assert "120 % of its rating" in found.sentence


def test_the_critical_load_is_taken_before_more_customers() -> None:
    """13 A or 225 kVA at T: D (100 kW) with C (100) or with B (50) and C is too much; B cannot be reached without C."""
    more = {"B": (120.0, 90), "C": (100.0, 1)}
    plain = restore(small(rating_a=13.0, **more), None, None, ["ab"])
    assert plain.restored_customers == 11
    assert plain.left[0].buses == ("B",)
    lost = restore(small(rating_a=13.0, **more), None, None, ["ab"], setting=Setting(critical={"C": "hospital"}))
    assert lost.critical_restored == ("hospital",)


def test_a_fault_without_a_switch_takes_the_bus_with_it() -> None:
    found = restore(small(), None, None, ["bc"])
    (dark,) = found.left
    assert (dark.why, dark.buses) == ("fault", ("C",)), "bc has its one switch at B"
    assert found.restored_customers == 15
    assert "t" not in [step.switch for step in found.steps]


def test_a_fault_at_a_substation_is_taken_over_by_the_other() -> None:
    """td has its one switch at T: with the fault at bus S nothing parts it from its source."""
    found = restore(small(), None, None, [], faulted_buses=["S"])
    assert found.lost_customers == 25
    assert work(found)[-1] == ("close", "t")
    assert found.restored_customers == 25
    assert found.proved


def test_hand_switches_come_after_remote_ones_and_say_what_they_add() -> None:
    setting = Setting(remote=["s1", "s2", "s4", "t"], crews=Crews(remote_min=1, drive_min=20, turn_min=5))
    found = restore(small(), None, None, ["ab"], setting=setting)
    assert [step.by for step in found.steps] == ["remote", "remote", "hand", "remote"]
    assert found.remote_steps == 2
    assert [step.at_min for step in found.steps] == [1, 2, 25, 26]
    assert "s2b turned by hand: 15 of them, after 26 min." in found.sentence


def test_two_faults_leave_nothing_between_them() -> None:
    found = restore(small(), None, None, ["ab", "cd"])
    assert found.restored_customers == 10
    assert {one.why for one in found.left} == {"no way", "fault"}


def test_loads_after_an_outage_count_more() -> None:
    """230 kVA at T carry D, C as they were (200 kW), but not C at half as much again (250 kW)."""
    cold = restore(small(rating_a=13.3), None, None, ["ab"], setting=Setting(cold_load=1.5))
    assert cold.lost_kw == pytest.approx(375)
    assert cold.restored_customers == 10
    assert restore(small(rating_a=13.3), None, None, ["ab"]).restored_customers == 20


def test_generation_is_not_an_island_and_not_counted() -> None:
    """A plant of 500 kW at C neither feeds B and C by itself nor makes room on the way."""
    network = small(rating_a=12.0)
    loads = network.loads["p_kw"].where(network.loads["bus"] != "C", -500.0).to_numpy()
    found = restore(network, loads, loads * 0, ["ab", "cd"])
    assert found.restored_customers == 10


def test_what_to_do_when_a_switch_does_not_turn() -> None:
    found = restore(small(), None, None, ["ab"])
    assert {one.without: one.customers for one in found.alternatives} == {"s1": 15, "t": 10}


def test_back_to_normal_opens_the_tie_before_it_closes_the_feeder() -> None:
    found = restore(small(), None, None, ["ab"])
    order = [(step.action, step.switch) for step in found.back]
    assert set(order) == {("open", "t"), ("close", "s2b"), ("close", "s2")}
    assert order[-1] != ("open", "t"), "two feeders would have been joined"
    assert all(step.proved for step in found.back)


def test_the_record_is_plain_json() -> None:
    record = restore(small(rating_a=12.0), None, None, ["ab"]).record()
    assert json.loads(json.dumps(record, allow_nan=False)) == json.loads(json.dumps(record))
    assert record["left_customers"] == 5


def test_a_fault_that_takes_supply_from_nobody_and_one_that_takes_it_from_all() -> None:
    parted = network_of(LINES, [*SWITCHES, ("t2", "cd", "D", False, "load-break")], LOADS, ["S", "T"])
    nobody = restore(parted, None, None, ["cd"])
    assert (nobody.steps, nobody.sentence) == ((), "Nobody has lost supply: nothing is to be switched back.")
    every = restore(small(), None, None, [], faulted_buses=["S", "T"])
    assert (every.lost_customers, every.restored_customers, every.steps) == (45, 0, ())
    assert "Nothing can be switched back: 45 customers" in every.sentence


def test_a_rating_of_the_setting_is_proved_where_the_line_has_none() -> None:
    """200 of 208 kVA: the proof says 96 %, not 0 %."""
    found = restore(small(), None, None, ["ab"], setting=Setting(rating_kva={"td": 208.0}))
    assert found.restored_customers == 20
    assert (found.steps[-1].loaded_branch, found.steps[-1].loading) == ("td", pytest.approx(0.96, abs=0.01))


def test_what_the_remote_stage_took_from_the_hands_is_not_called_the_best() -> None:
    """208 kVA at T carry D and one of C (10 customers, remote) and E (30 customers, its tie by hand): C has it first."""
    lines = [("sa", "S", "A"), ("ac", "A", "C"), ("ae", "A", "E"), ("cd", "C", "D"), ("ed", "E", "D"), ("td", "T", "D", 12.0)]
    switches = [
        ("s1", "sa", "S", True, "breaker"),
        ("c", "ac", "C", True, "load-break"),
        ("e", "ae", "E", True, "load-break"),
        ("t1", "cd", "C", False, "load-break"),
        ("t2", "ed", "E", False, "load-break"),
        ("s4", "td", "T", True, "breaker"),
    ]
    network = network_of(lines, switches, {"C": (100.0, 10), "D": (100.0, 20), "E": (100.0, 30)}, ["S", "T"])
    found = restore(network, None, None, ["sa"], setting=Setting(remote={"s1", "c", "e", "t1", "s4"}))
    assert (found.restored_customers, found.best) == (10, False)
    whole = restore(network, None, None, ["sa"])
    assert (whole.restored_customers, whole.best) == (30, True)


def test_what_is_not_worth_a_switching_says_so() -> None:
    found = restore(small(), None, None, ["ab"], setting=Setting(worth=Worth(remote=500.0)))
    assert found.steps == ()
    assert "too little to be worth a switching" in found.sentence


def test_an_unknown_branch_is_refused() -> None:
    with pytest.raises(PenstockError, match="faulted branch"):
        restore(small(), None, None, ["nowhere"])
