from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from meters.planner import coalesce
from meters.registers import Register, load_model


def some(*places):
    return [Register(name=f"r{i}", address=address, type=kind) for i, (address, kind) in enumerate(places)]


def test_neighbours_are_asked_together_and_a_hole_splits_where_holes_are_refused():
    registers = some((0, "f32"), (2, "u64"), (10, "u16"))
    assert [(r.address, r.count) for r in coalesce(registers)] == [(0, 6), (10, 1)]
    assert [(r.address, r.count) for r in coalesce(registers, max_gap=4)] == [(0, 11)]


def test_no_read_is_longer_than_the_device_answers():
    panel = load_model("valve-panel").points
    assert [(r.address, r.count) for r in coalesce(panel, max_words=125)] == [(0, 125), (125, 35)]
    assert [r.count for r in coalesce(some((0, "u64"), (4, "u64")), max_words=7)] == [4, 4]


def test_tables_are_never_mixed():
    registers = [*some((0, "u16")), Register(name="x", address=1, type="u16", table="input")]
    assert [r.table for r in coalesce(registers)] == ["holding", "input"]


def fewest(registers, max_words, max_gap):
    """By trying every way to cut the sorted list."""
    n = len(registers)
    for cuts in range(n):
        for where in combinations(range(1, n), cuts):
            edges = [0, *where, n]
            groups = [registers[a:b] for a, b in pairwise(edges)]
            spans = all(g[-1].end - g[0].address <= max_words for g in groups)
            if spans and all(b.address - a.end <= max_gap for g in groups for a, b in pairwise(g)):
                return cuts + 1
    return 0


@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["u16", "u32", "u64"])), min_size=1, max_size=7),
    st.integers(4, 12),
    st.integers(0, 4),
)
def test_coalescing_is_optimal_and_covers_every_register_once(steps, max_words, max_gap):
    places, address = [], 0
    for gap, kind in steps:
        places.append((address + gap, kind))
        address += gap + int(kind[1:]) // 16
    registers = some(*places)
    requests = coalesce(registers, max_words, max_gap)
    assert sorted(r.name for q in requests for r in q.registers) == sorted(r.name for r in registers)
    assert all(q.count <= max_words for q in requests)
    assert len(requests) == fewest(registers, max_words, max_gap)
    memory = list(range(100))
    assert all(q.words(r, memory[q.address : q.address + q.count])[0] == r.address for q in requests for r in q.registers)
