"""The linter finds what goes wrong in factor tables and is silent on the shipped ones."""

from decimal import Decimal

import pytest

from carbon import factors
from carbon.lint import lint, lint_folders, thousand_slips


@pytest.fixture(scope="module")
def rows():
    return tuple(factors.read_rows(factors.SHIPPED))


def _with(rows, factor_id: str, **cells: str):
    return [(place, {**row, **cells} if row["id"] == factor_id else row) for place, row in rows]


def test_shipped_sets_raise_no_alarm():
    assert lint_folders() == ()


@pytest.mark.parametrize("slip", ["1000", "0.001"])
def test_a_thousandfold_slip_of_any_shipped_row_but_one_without_neighbours_is_found(rows, slip):
    missed = []
    for place, row in rows:
        table = [(at, other) for at, other in rows if at.split(":")[0] == place.split(":")[0] and at != place]
        slipped = (place, {**row, "value": format(Decimal(row["value"]) * Decimal(slip), "f")})
        if not any(f"'{row['id']}'" in problem.subject for problem in thousand_slips([*table, slipped])):
            missed.append(row["id"])
    assert missed == ["ipcc2006.v2.n2o.diesel"]


def test_grams_sold_as_kilograms_are_found(rows):
    found = lint(_with(rows, "cn.mee.grid.average-provincial.CN-ZJ.2022", value="515.3"))
    assert [problem.observed for problem in found] == ["515.3 kg/kWh"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"unit": "kg/KWH"}, "unit 'kg/KWH'"),
        ({"value": "0.3-0.4"}, "value '0.3-0.4'"),
        ({"source": ""}, "no source"),
        ({"status": "verified?"}, "status 'verified?'"),
        ({"valid_from": "2023-01-01", "valid_to": "2023-12-31"}, "valid in 2023"),
        ({"valid_from": "2022-12-31", "valid_to": "2022-01-01"}, "valid from 2022-12-31 to 2022-01-01"),
        ({"valid_from": "1/1/2022"}, "validity '1/1/2022'"),
        ({"id": "cn.mee.grid.average-provincial.CN-SD.2022"}, "another number"),
    ],
)
def test_each_fault_is_told_once(rows, cells, words):
    found = lint(_with(rows, "cn.mee.grid.average-provincial.CN-ZJ.2022", **cells))
    assert [words in problem.observed for problem in found] == [True], [str(problem) for problem in found]
