"""Printed rows and columns of a statement's tables add up, and an address reads back as it was written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.statements.address import FIELDS, Address, at, parse
from carbon.statements.document import Column, Row, Table, Value, rounded
from city.problems import PenstockError

_COLUMNS = (
    Column("site", "Site"),
    Column("co2", "CO2", "number", "t", 1),
    Column("ch4", "CH4", "number", "t", 1),
    Column("all", "All", "number", "t", 1, adds=("co2", "ch4")),
    Column("kwh", "Electricity", "number", "kWh", 0),
)


def _table(numbers):
    lines = [Row(("s", Value(a), Value(b), Value(a + b), Value(c))) for a, b, c in numbers]
    sums = [sum(n) for n in zip(*numbers, strict=True)] or [0, 0, 0]
    total = Row(("all", Value(sums[0]), Value(sums[1]), Value(sums[0] + sums[1]), Value(sums[2])), tuple(range(len(lines))))
    return rounded(Table("t", "T", _COLUMNS, (*lines, total)))


def test_three_lines_of_a_third_print_a_total_that_is_their_sum():
    table = _table([(Fraction(1, 30), Fraction(1, 30), Fraction(1, 3))] * 3)
    assert [[c.printed for c in row.cells[1:]] for row in table.rows][-1] == [Decimal("0.1"), Decimal("0.1"), Decimal("0.2"), 1]


@given(st.lists(st.tuples(*[st.fractions(-100, 100, max_denominator=999)] * 3), min_size=1, max_size=12))
def test_every_printed_row_and_column_adds_up_and_is_within_a_unit(numbers):
    table = _table(numbers)
    for row in table.rows:
        co2, ch4, both, _ = (cell.printed for cell in row.cells[1:])
        assert co2 + ch4 == both
    for place in range(1, 5):
        assert sum(row.cells[place].printed for row in table.rows[:-1]) == table.rows[-1].cells[place].printed
    for row in table.rows:
        for column, cell in zip(table.columns[1:], row.cells[1:], strict=True):
            assert abs(Fraction(cell.printed) - cell.exact) < Fraction(1, 10**column.places)


def test_notation_keys_and_empty_cells_stay_and_weigh_nothing():
    rows = (
        Row(("a", Value(Decimal("0.26")), "NE", Value(Decimal("0.26")), None)),
        Row(("all", Value(Decimal("0.26")), None, None, None), (0,)),
    )
    table = rounded(Table("t", "T", _COLUMNS, rows))
    assert (table.rows[0].cells[2], table.rows[0].cells[4]) == ("NE", None)
    assert table.rows[0].cells[1].printed == table.rows[0].cells[3].printed == table.rows[1].cells[1].printed
    assert table.rows[0].cells[1].printed in (Decimal("0.2"), Decimal("0.3"))


@given(st.dictionaries(st.sampled_from(FIELDS), st.tuples(st.text(min_size=1, max_size=8)), max_size=5))
def test_an_address_reads_back_whatever_the_ids_are(where):
    address = Address("2022-06", where, "co2e:AR6")
    assert parse(str(address)) == address


def test_an_address_leaves_out_what_is_not_asked():
    assert at("2022-06", site="centre", gas="CO2", sector="") == "2022-06/site=centre/gas=CO2"
    assert at("2022", "amount", gas=("CH4", "N2O")) == "2022/gas=CH4|N2O/show=amount"


@pytest.mark.parametrize("text", ["2022/site=a/site=b", "", "june/site=a", "2022-06/colour=red", "2022-06/site=", "2022-06/show=kg"])
def test_a_wrong_address_is_a_sentence(text):
    with pytest.raises(PenstockError, match="address"):
        parse(text)
