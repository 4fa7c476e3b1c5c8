"""Every printed number is the sum of the entries at its address, found again from the batches and not from the sums."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import restate
from carbon.statements.address import parse
from carbon.statements.by_account import by_account
from carbon.statements.community import community
from carbon.statements.document import Value
from carbon.statements.energy import balance
from carbon.statements.explain import explain, one_entry
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


def test_a_restated_entry_is_told_with_what_took_it_back_and_the_sum_is_of_now(source):
    day = city.rows("w.e", [1000, 2000])
    first = post(day, city.ACCOUNTS, city.SITES, city.FACTORS, city.KNOWN, zone=city.ZONE)
    span = {"start": datetime(2022, 5, 31, 16, tzinfo=UTC), "end": datetime(2022, 6, 1, 16, tzinfo=UTC)}
    later = datetime(2022, 7, 2, tzinfo=UTC)
    edited = day.assign(amount=[1000, 2500], version=[1, 2])
    more = restate(
        Ledger.of([first]), edited, city.ACCOUNTS, city.SITES, city.FACTORS, later, zone=city.ZONE, reason="meter read again", **span
    )
    restated = Ledger.of([first, more])
    found = _explained(restated, source, "2022-06-01/account_id=works-power/show=amount")
    assert found.total == 3500
    assert [(entry.amount, entry.reverses, entry.reason) for entry in found.entries] == [
        (1000, "", ""), (2000, "", ""), (-2000, "0-1", "meter read again"), (2500, "", "meter read again"),
    ]  # fmt: skip
    assert _explained(restated, source, "2022-06-01/account_id=works-power/show=entries").total == 2
    assert _explained(Ledger.of([first]), source, "2022-06-01/account_id=works-power/show=amount").total == 3000


def test_one_entry_is_explained_by_its_name(made):
    found = one_entry(made, "1-3")
    assert (found.rows, found.entries[0].name, found.groups[0].mg) == (1, "1-3", found.entries[0].mg)
    with pytest.raises(PenstockError, match="not in the ledger"):
        one_entry(made, "7-0")


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


def test_explaining_loads_no_pandas():
    """A second for an answer is not enough for that import on a busy machine."""
    code = "import sys, service.statements.explaining; print({'pandas', 'pyarrow', 'pandera'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
