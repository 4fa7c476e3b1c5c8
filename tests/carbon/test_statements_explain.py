"""Every printed number is the sum of the entries at its address, found again from the batches and not from the sums."""

import time
from fractions import Fraction

import pytest

from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.statements.address import parse
from carbon.statements.by_account import by_account
from carbon.statements.community import community
from carbon.statements.document import Value
from carbon.statements.energy import balance
from carbon.statements.explain import explain
from carbon.statements.inventory import inventory
from city.problems import PenstockError
from tests.carbon import statement_city as city

_MG_PER_T = 10**9


@pytest.fixture(scope="module")
def made():
    return city.ledger()


@pytest.fixture(scope="module")
def source(made):
    return city.source(made)


def _explained(made, source, address, most=20):
    return explain(made, parse(address), city.ZONE, source.weights, source.coal, most)


@pytest.mark.parametrize("kind", [inventory, lambda s: community(s, {}, {}), balance, by_account])
def test_every_number_with_an_address_is_the_sum_of_its_entries(made, source, kind):
    cells = [cell for table in kind(source).tables for row in table.rows for cell in row.cells if isinstance(cell, Value) and cell.address]
    assert len(cells) > 20
    for cell in cells[:: max(1, len(cells) // 60)]:
        if cell.exact == 0:
            continue
        total = _explained(made, source, cell.address, 0).total
        assert Fraction(cell.exact) in {total / per for per in (1, 1000, 10**6, _MG_PER_T)}, cell.address


def test_an_explanation_names_meter_factor_fraction_and_adds_up(made, source):
    found = _explained(made, source, "2022-06/account_id=works-power/show=co2e:AR6")
    assert (found.rows, len(found.groups), len(found.entries)) == (720, 1, 20)
    group = found.groups[0]
    assert (group.line.point_id, group.rule.numerator, group.rule.denominator) == ("w.e", 5153, 10)  # 0.5153 kg/kWh in mg per Wh
    assert group.rule.parts[0][0] == "cn.mee.grid.average-provincial.CN-ZJ.2022"
    first = found.entries[0]
    assert (first.name, first.amount, first.mg) == ("0-" + first.name.split("-")[1], 2_345_678, round(Fraction(2_345_678 * 5153, 10)))
    assert found.total == sum(group.adds for group in found.groups) == sum(g.mg for g in found.groups)


def test_a_reversed_entry_and_its_successor_are_both_told(made, source):
    day = city.rows("w.e", [1000])
    first = Ledger.of([post(day, city.ACCOUNTS, city.SITES, city.FACTORS, city.KNOWN, zone=city.ZONE)])
    assert _explained(first, source, "2022-06-01/account_id=works-power/show=amount").total == 1000


def test_a_number_of_no_entry_is_a_sentence(made, source):
    with pytest.raises(PenstockError, match="no entry"):
        _explained(made, source, "2022-06/site=nowhere")
    with pytest.raises(PenstockError, match="no such day"):
        _explained(made, source, "2022-13")


@pytest.mark.slow
def test_a_number_of_a_year_of_hours_is_explained_in_under_a_second(source):
    large = Ledger.of([post(city.usage(days=300), city.ACCOUNTS, city.SITES, city.FACTORS, city.KNOWN, zone=city.ZONE)])
    begin = time.process_time()
    found = _explained(large, source, "2022/kind=posting/show=co2e:AR6")
    assert time.process_time() - begin < 1.0
    assert found.rows > 40_000
