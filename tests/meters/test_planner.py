from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from meters.maps.registers import load_model
from meters.polling.planner import Reach, Request, Span, coalesce


def some(*places, table="holding"):
    return [Span(table, start, start + words) for start, words in places]


def extents(requests):
    return [(request.span.start, request.count) for request in requests]


def test_neighbours_are_asked_together_and_a_hole_splits_where_holes_are_refused():
    spans = some((0, 2), (2, 4), (10, 1))
    assert extents(coalesce(spans)) == [(0, 6), (10, 1)]
    assert extents(coalesce(spans, Reach(gap=4))) == [(0, 11)]


def test_no_read_is_longer_than_the_device_answers_and_of_coils_sixteen_times_as_many():
    panel = some(*((register.address, register.words) for register in load_model("valve-panel").points))
    assert extents(coalesce(panel)) == [(0, 125), (125, 35)]
    assert extents(coalesce(some((0, 4), (4, 4)), Reach(words=7))) == [(0, 4), (4, 4)]
    coils = some(*((i, 1) for i in range(2001)), table="coil")
    assert sorted(request.count for request in coalesce(coils)) == [1, 2000]
    assert len(coalesce(coils, Reach(words=10))) == 13  # 160 coils are as many bytes as 10 registers


def test_a_value_longer_than_the_limit_is_asked_by_itself_and_never_split():
    assert extents(coalesce(some((0, 1), (1, 20), (21, 1)), Reach(words=8))) == [(0, 1), (1, 20), (21, 1)]


def test_tables_are_never_mixed():
    spans = [*some((0, 1)), *some((1, 1), table="input"), *some((0, 1), table="coil"), *some((1, 1), table="discrete")]
    assert [request.span.table for request in coalesce(spans)] == ["coil", "discrete", "holding", "input"]


def test_a_scale_factor_comes_with_its_value_where_that_costs_no_read():
    spans = some(*((i, 1) for i in range(12)))
    apart = coalesce(spans, Reach(words=8))
    assert len(apart) == 2
    for value, factor in ((4, 9), (3, 4), (5, 11)):
        (read,) = [r for r in coalesce(spans, Reach(words=8), [(spans[value], spans[factor])]) if spans[value] in r.spans]
        assert spans[factor] in read.spans
        assert len(coalesce(spans, Reach(words=8), [(spans[value], spans[factor])])) == 2


def test_among_equal_plans_the_one_that_reads_fewer_registers_is_taken():
    assert extents(coalesce(some((0, 1), (4, 1), (5, 1)), Reach(words=5, gap=4))) == [(0, 1), (4, 2)]


def test_what_a_device_refuses_is_neither_asked_nor_read_across():
    spans = some((0, 1), (1, 1), (3, 1))
    assert extents(coalesce(spans, Reach(gap=2), barriers=some((2, 1)))) == [(0, 2), (3, 1)]
    assert extents(coalesce(spans[::2], Reach(gap=5), barriers=[spans[1]])) == [(0, 1), (3, 1)]
    border = [Span("holding", 1, 1)]  # it answers both sides of it, but not together
    assert extents(coalesce(spans, Reach(gap=2), barriers=border)) == [(0, 1), (1, 3)]


def test_halves_of_a_read_hold_all_its_spans_once():
    whole = Request.of(tuple(some((0, 1), (1, 2), (3, 4))))
    left, right = whole.halves()
    assert left.spans + right.spans == whole.spans
    assert (left.count, right.count) == (1, 6)


def fewest(spans, reach):
    """By trying every set of windows that begin with a wanted register."""
    windows = []
    for first in spans:
        for end in range(first.end, first.start + max(reach.words, first.end - first.start) + 1):
            inside = [s for s in spans if first.start <= s.start and s.end <= end]
            covered = {a for s in inside for a in range(s.start, s.end)}
            holes = "".join("x" if a in covered else " " for a in range(first.start, end)).split("x")
            if max((s.end for s in inside), default=0) == end and all(len(hole) <= reach.gap for hole in holes):
                windows.append(frozenset(inside))
    windows = list(set(windows))
    return next(n for n in range(1, len(spans) + 1) if any(frozenset().union(*some) == set(spans) for some in combinations(windows, n)))


PLACES = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([1, 2, 4])), min_size=1, max_size=7, unique=True)


@given(PLACES, st.integers(4, 12), st.integers(0, 4))
def test_coalescing_is_optimal_even_where_registers_overlap_and_splits_none(places, words, gap):
    spans, reach = some(*places), Reach(words, gap)
    requests = coalesce(spans, reach)
    assert sorted(span for request in requests for span in request.spans) == sorted(spans)
    for request in requests:
        assert request.count <= reach.words
        assert all(request.span.start <= span.start and span.end <= request.span.end for span in request.spans)
        reach_to = [max(s.end for s in request.spans[: i + 1]) for i in range(len(request.spans))]
        assert all(later.start - end <= gap for end, (_, later) in zip(reach_to, pairwise(request.spans), strict=False))
    assert len(requests) == fewest(spans, reach)


@given(PLACES, st.lists(st.integers(0, 6), max_size=6), st.integers(4, 12), st.integers(0, 4))
def test_pairs_and_refusals_never_cost_a_read_that_the_limits_do_not_ask_for(places, picks, words, gap):
    spans, reach = sorted(some(*places)), Reach(words, gap)
    pairs = [(spans[a % len(spans)], spans[b % len(spans)]) for a, b in pairwise(picks)]
    assert len(coalesce(spans, reach, pairs)) == len(coalesce(spans, reach))
    for wall in spans:
        left = [span for span in spans if not span.holds(wall)]
        assert all(not request.span.holds(wall) for request in coalesce(left, reach, barriers=[wall]))
