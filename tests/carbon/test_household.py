"""What is published of homes: groups of k, no difference that gives one away, noise with the stated distribution."""

import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from math import exp

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.household.book import in_units, months, of_buildings
from carbon.household.noise import discrete_laplace
from carbon.household.release import Release, release, shown
from carbon.household.rules import Building, HouseholdRules
from city.problems import PenstockError


def seeded(seed: int):
    return random.Random(seed).randrange  # noqa: S311 - a fixed source, so that the bounds below are fixed


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), min_size=1), st.integers(3, 15))
def test_neither_a_group_nor_a_difference_hides_fewer_than_k(members: dict[str, int], k: int) -> None:
    names, together = shown(members, k)
    assert all(members[name] >= k for name in names)
    hidden = [count for name, count in members.items() if name not in names and count]
    if together:
        assert sum(members.values()) >= k
        assert not hidden or sum(hidden) >= k
        # One group alone would be the total minus the others.
        assert len(hidden) != 1
    # Every withheld group that is large enough protects a small one.
    assert not hidden or any(count < k for count in hidden)


def test_the_smallest_shown_group_goes_with_a_single_small_one() -> None:
    assert shown({"north": 30, "south": 12, "west": 4}, 10) == (["north"], True)
    assert shown({"north": 30, "south": 12}, 10) == (["north", "south"], True)
    assert shown({"north": 30, "empty": 0}, 10) == (["north"], True)  # nobody is in it
    assert shown({"north": 9, "south": 8}, 10) == ([], True)  # 17 together
    assert shown({"north": 5, "south": 4}, 10) == ([], False)
    assert shown({"north": 12, "west": 4}, 10) == ([], True)  # 16 together, neither alone


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(5, 2), Fraction(40, 3)])
def test_noise_has_the_stated_distribution(scale: Fraction) -> None:
    draws = 40_000
    below = seeded(7)
    found = Counter(discrete_laplace(scale, below) for _ in range(draws))
    p = exp(-1 / float(scale))
    chi = cells = 0
    for z in range(-200, 201):
        expected = draws * (1 - p) / (1 + p) * p ** abs(z)
        if expected >= 20:
            chi, cells = chi + (found[z] - expected) ** 2 / expected, cells + 1
    # Chi-square with `cells` degrees of freedom: mean cells, standard deviation root of twice that; 5 of them.
    assert chi < cells + 5 * (2 * cells) ** 0.5
    assert abs(sum(z * n for z, n in found.items()) / draws) < 5 * float(scale) * 2**0.5 / draws**0.5


def test_with_or_without_one_household_a_table_is_nearly_as_likely() -> None:
    # epsilon 1, at most 3 units a household: the sums 30 and 33 differ by one household.
    draws, epsilon = 60_000, Fraction(1)
    below = seeded(11)
    with_one = Counter(33 + discrete_laplace(3 / epsilon, below) for _ in range(draws))
    without = Counter(30 + discrete_laplace(3 / epsilon, below) for _ in range(draws))
    for total in range(24, 40):
        pair = sorted((with_one[total], without[total]))
        assert pair[0] > 300  # enough for the bound
        assert pair[1] / pair[0] < exp(float(epsilon)) * 1.2  # five standard deviations of a ratio of such counts
    assert with_one[36] / without[36] > 2  # and no more noise than was promised: e at every point outside


def homes(counts: dict[str, int], amount: int = 100) -> list[tuple[str, str, int]]:
    return [(f"{group}-{i}", group, amount) for group, count in counts.items() for i in range(count)]


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 20), min_size=1), st.integers(0, 2**32))
def test_printed_parts_add_up_to_the_printed_total(members: dict[str, int], seed: int) -> None:
    made = release(homes(members), sorted(members), 5, Fraction(1, 2), 100, seeded(seed))
    assert set(made.withheld) | {name for name, _ in made.totals} == set(members)
    if not made.withheld:
        assert sum(total for _, total in made.totals) == made.together
    assert Release.read(made.detail()) == made


def test_one_home_counts_for_at_most_the_limit() -> None:
    many = [*homes({"north": 10}), ("palace", "north", 10**9)]
    noise = discrete_laplace(Fraction(300), seeded(3))
    assert release(many, ["north"], 3, Fraction(1), 300, seeded(3)).totals == (("north", 10 * 100 + 300 + noise),)


def test_the_same_question_draws_from_a_cryptographic_source_by_default() -> None:
    drawn = {release(homes({"north": 20}), ["north"], 3, Fraction(1, 10), 10**9).together for _ in range(20)}
    assert len(drawn) == 20


@pytest.mark.parametrize(
    "values", [[("a", "north", 1), ("a", "north", 1)], [("a", "nowhere", 1)], [("a", "north", -1)]], ids=["twice", "unknown", "negative"]
)
def test_what_cannot_be_published_is_a_sentence(values: list[tuple[str, str, int]]) -> None:
    with pytest.raises(PenstockError, match="publication over households"):
        release(values, ["north"], 3, Fraction(1), 100)


@pytest.mark.parametrize("wrong", [{"k": 2}, {"epsilon": "0.1234567"}, {"epsilon": 2}, {"largest_per_month": {"energy_kwh": "0.0001"}}])
def test_rules_that_promise_nothing_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        HouseholdRules(**wrong)


def rows(*told: dict) -> pd.DataFrame:
    base = {"site": "flat-1", "period": "2023-01", "kind": "posting", "gas": "CO2", "missing": 0}
    return pd.DataFrame([base | row for row in told])


BOOK = rows(
    {"quantity": "energy_kwh", "amount": 90_000, "mg": 50_000_001, "missing": 2},
    {"quantity": "energy_kwh", "amount": 10_000, "mg": 0},  # own supply
    {"quantity": "gas_m3", "amount": 5_000_000, "mg": 10_000_000},
    {"quantity": "gas_m3", "amount": 0, "mg": 1_000, "gas": "CH4"},
    {"quantity": "volume_m3", "amount": 8_000_000, "mg": 1_500_000, "gas": "CO2e", "kind": "outside"},
    {"quantity": "energy_kwh", "amount": 70_000, "mg": 0, "gas": "-", "kind": "memo"},  # what its roof made
    {"quantity": "energy_kwh", "amount": 3_000, "mg": 2_000, "kind": "outside"},  # told a second time
)


def test_a_household_book_holds_its_energy_gas_water_and_their_mass() -> None:
    use = months(BOOK, {"CO2": Decimal(1), "CH4": Decimal("29.8"), "CO2e": Decimal(1)}).set_index("measure")
    assert use["amount"].to_dict() == {
        "energy_kwh": 100_000,
        "gas_m3": 5_000_000,
        "volume_m3": 8_000_000,
        "co2e_kg": 50_000_001 + 10_000_000 + 29_800 + 1_500_000,
    }
    assert use["missing"]["energy_kwh"] == 2
    assert in_units(8_000_000, "volume_m3") == 8


def test_a_building_is_told_per_square_metre_and_per_person() -> None:
    use = months(BOOK, {"CO2": Decimal(1), "CH4": Decimal(28), "CO2e": Decimal(1)})
    house = Building(id="house", sites=("flat-1",), floor_area_m2=Decimal(80), people=4)
    told = of_buildings(use, [house, house.model_copy(update={"id": "b", "people": None})]).set_index(["building", "measure"])
    assert told.loc[("house", "energy_kwh"), ["amount", "per_m2", "per_person"]].tolist() == [100, Decimal("1.25"), 25]
    assert told.loc[("b", "volume_m3"), "per_person"] is None
    assert of_buildings(use, [house.model_copy(update={"sites": ("flat-9",)})]).empty
