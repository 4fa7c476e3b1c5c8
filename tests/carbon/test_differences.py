"""Sums over homes that may be told side by side: no combination of them rests on fewer than k homes."""

import random
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.household.differences import tellable

HOMES = [f"h{i:02d}" for i in range(40)]
OF = {home: home for home in HOMES}
K = 10


def over(first: int, last: int, *more: str, sign: float = 1.0) -> dict[str, float]:
    """Homes first to last - 1, and some more."""
    return dict.fromkeys([*HOMES[first:last], *more], sign)


def test_of_a_sum_and_one_over_all_its_homes_but_one_the_larger_stays_open() -> None:
    assert tellable({"twelve": over(0, 12), "eleven": over(0, 11)}, OF, K) == {"twelve"}
    assert tellable({"twenty": over(0, 20), "ten": over(0, 10)}, OF, K) == {"twenty", "ten"}  # ten left
    assert tellable({"twenty": over(0, 20), "eleven": over(0, 11)}, OF, K) == {"twenty"}  # nine left
    assert tellable({"nine": over(0, 9)}, OF, K) == set()


def test_two_sums_that_exchange_a_home_tell_the_difference_of_two() -> None:
    assert tellable({"a": over(0, 12), "b": over(1, 12, "h20")}, OF, K) == {"a"}


def test_equal_sums_and_what_follows_from_open_ones_tell_nothing_new() -> None:
    assert tellable({"a": over(0, 12), "again": over(0, 12), "less": over(0, 12, sign=-1.0)}, OF, K) == {"a", "again", "less"}
    assert tellable({"both": over(0, 20), "west": over(0, 10), "east": over(10, 20)}, OF, K) == {"both", "west", "east"}


def test_a_city_less_all_its_districts_is_seen_however_many_they_are() -> None:
    """31 homes, three districts of ten: each difference of two sums has ten homes or more, all four together tell the last home."""
    sums = {"city": over(0, 31), "a": over(0, 10), "b": over(10, 20), "c": over(20, 30)}
    assert tellable(sums, OF, K) == {"city", "a", "b"}
    assert tellable(sums | {"city": over(0, 40)}, OF, K) == set(sums)


def test_the_remainder_of_a_feeder_counts_as_the_sum_that_it_takes_off() -> None:
    assert tellable({"feeder.remainder": over(0, 12, sign=-1.0), "eleven": over(0, 11)}, OF, K) == {"feeder.remainder"}


def test_what_a_meter_above_homes_shows_stands_beside_the_sums() -> None:
    sums = {"eleven": over(0, 11), "all": over(0, 40)}  # 29 homes are left
    assert tellable(sums, OF, K) == {"all", "eleven"}
    assert tellable(sums, OF, K, {"feeder": over(0, 12)}) == {"all"}


def test_a_home_counts_once_however_many_meters_it_has_and_each_of_them_is_guarded() -> None:
    two = {f"h{i:02d}.{name}": f"h{i:02d}" for i in range(12) for name in ("load", "pv")}
    load = {point: 1.0 for point in two if point.endswith("load")}
    net = load | {f"h{i:02d}.pv": -1.0 for i in range(3)}
    assert tellable({"net": net, "load": load}, two, K) == {"load"}  # or three roofs would be told
    assert tellable({"five": dict.fromkeys(list(two)[:10], 1.0)}, two, K) == set()


STANDS = st.lists(st.integers(0, 31), min_size=1, max_size=14)  # of each home: the bits are the sums it stands in


def sums_of(stands: list[int]) -> dict[str, dict[str, float]]:
    """At most five sums."""
    found = {f"s{bit}": {home: 1.0 for home, own in zip(HOMES, stands, strict=False) if own >> bit & 1} for bit in range(5)}
    return {name: given for name, given in found.items() if given}


def fewest(sums: list[dict[str, float]], homes: int) -> int:
    """Fewest homes, but one, that any combination with factors -3 to 3 rests on."""
    matrix = np.array([[row.get(home, 0) for home in HOMES[:homes]] for row in sums]).reshape(len(sums), homes)
    counts = np.count_nonzero(np.array(list(product(range(-3, 4), repeat=len(sums)))) @ matrix, axis=1)
    return int(counts[counts > 0].min(initial=99))


@settings(deadline=None)
@given(STANDS, st.integers(2, 5))
def test_no_two_open_sums_differ_by_one_to_k_less_one_homes_and_no_combination_rests_on_so_few(stands: list[int], k: int) -> None:
    sums = sums_of(stands)
    told = tellable(sums, OF, k)
    for a, b in product(told, repeat=2):
        assert not 1 <= len(sums[a].keys() ^ sums[b].keys()) < k
    assert fewest([sums[name] for name in sorted(told)], len(stands)) >= k
    for shut in sums.keys() - told:  # nothing is closed without need
        assert fewest([sums[name] for name in sorted({*told, shut})], len(stands)) < k


@settings(deadline=None)
@given(STANDS, st.integers(2, 5), st.randoms(use_true_random=False))
def test_the_order_in_which_sums_and_homes_are_given_changes_nothing(stands: list[int], k: int, chance: random.Random) -> None:
    sums = sums_of(stands)
    mixed = {name: dict(chance.sample(sorted(sums[name].items()), len(sums[name]))) for name in chance.sample(sorted(sums), len(sums))}
    assert tellable(mixed, OF, k) == tellable(sums, OF, k)


def test_where_too_many_combinations_would_have_to_be_looked_at_a_sum_stays_closed() -> None:
    chance = random.Random(5)  # noqa: S311 - a fixed source
    sums = {f"s{i:02d}": over(0, 0, *chance.sample(HOMES, 20)) for i in range(30)}
    told = sorted(tellable(sums, OF, K))
    assert 2 <= len(told) < 10
    for a, b in product(told, repeat=2):
        assert not 1 <= len(sums[a].keys() ^ sums[b].keys()) < K
