"""Orders of turning valves: one account for all of them, checked by hand, against every order there is, and by laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from optimisation.isolation import quickest as quickest_module
from optimisation.isolation.greedy import greedy
from optimisation.isolation.job import Job, Rate, Team, cost, finish_s, timed
from optimisation.isolation.quickest import quickest
from tests.optimisation.valve_jobs import WEIGHT, best_of_all, broken_rules, random_job

# One crew, ready after 600 s, 300 s from a and 600 s from b, 400 s between them; 200 s to turn each.
OUTFLOW = {"": 100.0, "a": 40.0, "b": 70.0, "ab": 0.0}


def two_valves(until_s: float = np.inf, **more) -> Job:
    return Job(
        ("a", "b"),
        (Team("crew", 600.0, until_s, {"a": 300.0, "b": 600.0}),),
        {("a", "b"): 400.0, ("b", "a"): 400.0},
        lambda _done, _valve: 200.0,
        lambda done: Rate(OUTFLOW["".join(sorted(done))], 0.0),
        WEIGHT,
        **more,
    )


def feed(job: Job):
    """Outflow that closing a valve alone takes away: what stands for its feed."""
    return lambda done, valve: job.rate(done).water_m3_per_h - job.rate(done | {valve}).water_m3_per_h


@pytest.mark.parametrize(
    ("order", "ends_s", "water_m3"),
    [("ab", (1100, 1700), (100 * 1100 + 40 * 600) / 3600), ("ba", (1400, 2000), (100 * 1400 + 70 * 600) / 3600)],
)
def test_one_crew_and_two_valves_by_hand(order: str, ends_s: tuple[int, int], water_m3: float) -> None:
    job = two_valves()
    turned = timed(job, [(valve, "crew") for valve in order])
    assert tuple(part.end_s for part in turned) == ends_s
    assert cost(job, turned).water_m3 == pytest.approx(water_m3)
    assert finish_s(job, turned) == ends_s[1]


def test_rule_and_program_make_the_same_schedule_and_agree_on_the_water_lost() -> None:
    job = two_valves()
    thumb = greedy(job, feed(job))
    best = quickest(job, thumb)
    assert best.turned == thumb
    assert best.objective_m3 == pytest.approx(cost(job, thumb).water_m3)
    assert best.objective_m3 == pytest.approx(134_000 / 3600)
    assert best.optimal


def test_customers_are_cut_off_last_when_that_costs_no_time() -> None:
    """Two motors, equal ways; b cuts off 900 customers. It waits until a, which takes longer, is shut."""
    teams = tuple(Team(f"motor:{v}", 0.0, np.inf, {v: 0.0}) for v in "ab")
    ways = {(p, q): 0.0 for p in "ab" for q in "ab"}
    job = Job(("a", "b"), teams, ways, lambda _, v: 1800.0 if v == "a" else 600.0, lambda done: Rate(0.0, 900.0 * ("b" in done)), WEIGHT)
    best = quickest(job, timed(job, [("b", "motor:b"), ("a", "motor:a")]))
    assert {part.valve: round(part.end_s) for part in best.turned} == {"a": 1800, "b": 1800}
    assert best.objective_m3 == pytest.approx(0.0, abs=1e-6)


def test_after_the_first_valve_all_others_wait_for_filling_and_flushing() -> None:
    """Opening a takes 1100 s, filling 3600 s, the way from the hydrant 60 s: b is begun at 4760 s, although the crew is there at 1500 s."""
    job = two_valves(hold_s={"a": 3600.0, "b": 36_000.0}, after_s=60.0)
    turned = quickest(job, greedy(job, lambda _done, valve: -job.hold_s[valve])).turned
    assert [(part.valve, part.start_s, part.end_s) for part in turned] == [("a", 900.0, 1100.0), ("b", 4760.0, 4960.0)]


def test_who_would_work_after_the_shift_is_told() -> None:
    with pytest.raises(PenstockError, match=r"valve b: crew would be done 5 min after its shift; allowed: a valve turned within a shift"):
        timed(two_valves(until_s=1400.0), [("a", "crew"), ("b", "crew")])
    with pytest.raises(PenstockError, match="valve b: no crew can turn it within its shift"):
        greedy(two_valves(until_s=1400.0), lambda _done, valve: -ord(valve))


def test_a_crew_whose_shift_ends_leaves_the_rest_to_another() -> None:
    late = Team("late", 1200.0, np.inf, {"a": 300.0, "b": 300.0})
    job = two_valves(until_s=1400.0)
    job = Job(job.valves, (*job.teams, late), job.between_s, job.seconds, job.rate, WEIGHT)
    best = quickest(job, greedy(job, feed(job)))
    assert [(part.valve, part.team, part.end_s) for part in best.turned] == [("a", "crew", 1100.0), ("b", "late", 1700.0)]


@pytest.mark.parametrize("opening", [False, True])
@pytest.mark.parametrize(("valves", "crews", "motors"), [(2, 1, 0), (3, 1, 1), (3, 2, 0), (4, 2, 1)])
def test_program_finds_what_trying_every_order_and_every_crew_finds(valves: int, crews: int, motors: int, opening: bool) -> None:
    job = random_job(valves, crews, seed=7 * valves + crews, motors=motors, opening=opening)
    best = quickest(job, greedy(job, feed(job) if not opening else lambda done, v: -job.rate(done | {v}).customers))
    assert best.optimal
    assert best.objective_m3 == pytest.approx(best_of_all(job), rel=1e-3)
    assert best.objective_m3 == pytest.approx(cost(job, best.turned).weighed(WEIGHT))


@pytest.mark.slow
@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    valves=st.integers(1, 4),
    crews=st.integers(1, 2),
    motors=st.integers(0, 1),
    opening=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_never_worse_than_the_rule_and_no_crew_is_in_two_places(valves, crews, motors, opening, seed) -> None:
    job = random_job(valves, crews, seed, motors=min(motors, valves), opening=opening)
    thumb = greedy(job, feed(job) if not opening else lambda done, v: -job.rate(done | {v}).customers)
    best = quickest(job, thumb)
    assert best.objective_m3 <= cost(job, thumb).weighed(WEIGHT) + 1e-9
    assert best.objective_m3 == pytest.approx(cost(job, best.turned).weighed(WEIGHT))
    for turned in (thumb, best.turned):
        assert broken_rules(job, turned) == []


def test_more_valves_than_are_searched_whole_keep_the_rules_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five valves, searched as if only two could be searched whole: no valve leaves its place by more than two."""
    monkeypatch.setattr(quickest_module, "WHOLE", 2)
    monkeypatch.setattr(quickest_module, "WINDOW", 2)
    job = random_job(5, 2, seed=3, motors=2)
    thumb = greedy(job, feed(job))
    best = quickest(job, thumb)
    assert broken_rules(job, best.turned) == []
    assert best.objective_m3 < cost(job, thumb).weighed(WEIGHT)
    before = [part.valve for part in thumb]
    assert all(abs(before.index(part.valve) - at) <= 2 for at, part in enumerate(best.turned))


def test_an_order_found_among_some_of_the_sets_is_not_called_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer sets than all the search closes its gap, and still cannot say that no order is better."""
    job = random_job(4, 1, seed=3)
    start = greedy(job, lambda _, valve: -job.valves.index(valve))
    assert quickest(job, start).optimal
    monkeypatch.setattr("optimisation.isolation.quickest.WHOLE", 3)
    monkeypatch.setattr("optimisation.isolation.quickest.WINDOW", 1)
    assert not quickest(job, start).optimal
