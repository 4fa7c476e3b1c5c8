"""Why a city cannot be planned: the named limits are few, are the right ones, and changing them is enough."""

import numpy as np
import pytest

from benchmarks import _contradictions as made
from benchmarks.dispatch import contradictions
from optimisation import conflict, explain, matrix
from optimisation.program import formulate, plan


def _city(*contradictions_, seed=3):
    city = made.plain(np.random.default_rng(seed))
    for contradict in contradictions_:
        contradict(city)
    return made.stated(city)


def test_a_city_without_a_contradiction_is_planned():
    for seed in range(8):
        assert plan(*_city(seed=seed)).status in ("optimal", "relaxed")


@pytest.mark.parametrize(
    ("contradict", "named"),
    [
        (made.half_a_pump, {"tank"}),
        (made.half_a_boiler, {"boiler"}),
        (made.half_a_generator, {"generator"}),
        (made.too_few_starts, {"tank", "pump"}),
    ],
)
def test_conflict_that_only_integers_have_is_named(contradict, named):
    inputs, assets = _city(contradict)
    model = formulate(inputs, assets)
    found = matrix.compiled(model)
    assert conflict.relaxation_conflict(found.arrays, explain.facts(model, found)) == {}
    done = plan(inputs, assets)
    assert done.status == "impossible"
    assert {reason.split(":")[0] for reason in done.reasons[1:]} <= named


def test_two_conflicts_that_have_nothing_to_do_with_each_other_are_both_named():
    done = plan(*_city(made.station_held_off, made.boiler_too_small))
    heads = [reason for reason in done.reasons if "impossible" in reason]
    assert len(heads) == 2
    assert heads[0].startswith("The plan is impossible: ")
    assert heads[1].startswith("Even without these it is impossible: ")
    named = {reason.split(":")[0] for reason in done.reasons} - {head.split(":")[0] for head in heads}
    assert {"pump", "tank", "boiler"} <= named
    clashes = explain.clashes(done.reasons, ["pump", "tank", "boiler", "boil"])
    assert [{"boiler"} <= set(one) for one in clashes].count(True) == [{"pump", "tank"} <= set(one) for one in clashes].count(True) == 1
    assert not [one for one in clashes if {"tank", "boiler"} <= set(one) or "boil" in one]
    assert sum(len(said) for one in clashes for said in one.values()) == len(done.reasons) - len(heads)


def test_limits_of_which_one_is_enough_to_change_are_marked():
    """Import and the battery fall short of the load every hour: more import alone mends it, more battery power alone does not."""
    inputs, assets = _city(made.connection_too_small)
    model = formulate(inputs, assets)
    found = matrix.compiled(model)
    told = explain.facts(model, found)
    [clash] = conflict.conflicts(found.arrays, told)
    for i in clash.facts:
        assert (i in clash.alone) == bool(conflict.feasible(conflict.without(found.arrays, [told[i]])))
    marked = [reason for reason in plan(inputs, assets).reasons if reason.endswith("(enough)")]
    assert any(reason.startswith("grid:") for reason in marked) or len(clash.alone) == len(clash.facts)


def test_quickxplain_finds_the_only_clash_with_few_questions_and_prefers_what_comes_first():
    asked = []

    def clash(kept):
        asked.append(kept)
        return {3, 40} <= set(kept) or {50, 60} <= set(kept)

    assert sorted(conflict._minimal(clash, [], False, list(range(64)))) == [3, 40]
    assert len(asked) < 40


@pytest.mark.slow
def test_named_limits_are_minimal_and_enough_in_two_dozen_contradictory_cities():
    counted = contradictions(24, seed=11)
    assert counted["explained"] == counted["minimal"] == counted["repaired"] == counted["cities"] == 24
    assert counted["milp_only"] >= 5
