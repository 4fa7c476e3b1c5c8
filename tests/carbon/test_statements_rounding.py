"""Printed rows add up to printed totals, and no printed number is a unit or more from the exact one."""

from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from carbon.statements.rounding import controlled, largest_remainder

_VALUES = st.fractions(min_value=-50, max_value=50, max_denominator=1000)
_TABLES = st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(_VALUES, min_size=n, max_size=n), min_size=1, max_size=8))


def _near(printed: int, exact: Fraction) -> bool:
    return floor(exact) <= printed <= ceil(exact)


def test_three_thirds_print_as_one():
    assert largest_remainder([Fraction(1, 3)] * 3) == [1, 0, 0]


def test_the_largest_remainders_are_lifted():
    assert largest_remainder([Fraction(14, 10), Fraction(16, 10), Fraction(20, 10)]) == [1, 2, 2]


@given(st.lists(_VALUES, max_size=30))
def test_a_list_adds_up_to_its_rounded_total(values):
    printed = largest_remainder(values)
    assert sum(printed) == round(sum(values))
    assert all(_near(p, v) for p, v in zip(printed, values, strict=True))


@given(_TABLES)
def test_a_table_stays_within_a_unit_in_cells_rows_columns_and_grand_total(values):
    printed = controlled(values)
    for row, exact in zip(printed, values, strict=True):
        assert all(_near(p, v) for p, v in zip(row, exact, strict=True))
        assert _near(sum(row), sum(exact))
    for column, exact in zip(zip(*printed, strict=True), zip(*values, strict=True), strict=True):
        assert _near(sum(column), sum(exact))
    assert _near(sum(map(sum, printed)), sum(map(sum, values)))


@given(_TABLES)
def test_whole_numbers_stay_and_the_same_table_rounds_the_same(values):
    whole = [[v.numerator for v in row] for row in values]
    assert controlled(whole) == whole
    assert controlled(values) == controlled(values)


def test_a_table_without_lines_or_columns_is_no_fault():
    assert (controlled([]), controlled([[], []]), largest_remainder([])) == ([], [[], []], [])
