"""Names that attack: a formula, markup, separators of addresses and paths. They are printed, never run, and every number is found again."""

from datetime import UTC, datetime
from fractions import Fraction

import openpyxl
import pandas as pd
import pytest

from carbon.accounts import account_of
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.statements.address import parse
from carbon.statements.by_account import by_account
from carbon.statements.document import Value
from carbon.statements.explain import explain
from carbon.statements.inventory import inventory
from carbon.statements.locating import locate
from carbon.statements.pdf import write_pdf
from carbon.statements.tidy import write_csv, write_json
from carbon.statements.totals import addressed
from carbon.statements.xlsx import FIRST_ROW, column_letters, write_xlsx
from city.places import Site
from city.problems import PenstockError
from tests.carbon import statement_city as city

NAMES = ("=HYPERLINK(1)", "<script>x</script>", "a/b=c|d", "../../etc", "100%25", "+SUM(A1)", " 中文 空格", "'; drop table")
ACCOUNTS = tuple(
    account_of(id=name, kind="grid-electricity", point=f"p{i}", site=name, sector=name, region="CN-ZJ") for i, name in enumerate(NAMES)
)


@pytest.fixture(scope="module")
def made():
    frames = [city.rows(f"p{i}", [1001 + i, 2003]) for i in range(len(NAMES))]
    sites = [Site(id=name, sector=name) for name in NAMES]
    known = datetime(2022, 7, 1, tzinfo=UTC)
    return Ledger.of([post(pd.concat(frames, ignore_index=True), ACCOUNTS, sites, city.FACTORS, known, zone=city.ZONE)])


@pytest.mark.parametrize("kind", [inventory, by_account])
def test_every_number_of_hostile_names_is_found_again_from_workbook_and_csv(made, kind, tmp_path):
    source = city.source(made, names={}, usable={})
    document = addressed(kind(source), source)
    write_json(document, tmp_path / "s.json")
    write_csv(document, tmp_path / "s")
    book = openpyxl.load_workbook(write_xlsx(document, tmp_path / "s.xlsx"))
    write_pdf(document, tmp_path / "s.pdf")
    asked = 0
    for table in document.tables:
        for r, row in enumerate(table.rows):
            for c, cell in enumerate(row.cells):
                place = f"{column_letters(c)}{FIRST_ROW + r}"
                if isinstance(cell, str) and cell:
                    assert book[table.key][place].data_type == "s", cell
                if isinstance(cell, Value) and cell.address and cell.exact:
                    found = locate(f"{tmp_path}/s.xlsx#{table.key}!{place}")
                    assert found.address == cell.address
                    total = explain(made, parse(found.address), city.ZONE, source.weights, source.coal).total
                    assert Fraction(cell.exact) in {total / per for per in (1, 1000, 10**9)}
                    asked += 1
    assert asked > 30
    files = {path.resolve() for path in tmp_path.rglob("*")}
    assert all(path.is_relative_to(tmp_path) for path in files)


_WRONG = (
    "s.xlsx#Nowhere!A1", "s.xlsx#Inventory!A6", "s.xlsx#Inventory!B99", "s.xlsx#", "s/inventory.csv#2:none", "s/none.csv#2:co2", "s.pdf#1",
)  # fmt: skip


@pytest.mark.parametrize("place", _WRONG)
def test_a_wrong_place_is_a_sentence(made, tmp_path, place):
    source = city.source(made, names={}, usable={})
    write_json(inventory(source), tmp_path / "s.json")
    with pytest.raises(PenstockError, match=r"^cell"):
        locate(f"{tmp_path}/{place}")


def test_a_json_that_is_none_of_ours_is_a_sentence(tmp_path):
    for content in ("", "[]", "{", "{}"):
        (tmp_path / "s.json").write_text(content, encoding="utf-8")
        with pytest.raises(PenstockError, match="no statement"):
            locate(f"{tmp_path}/s.xlsx#A!A1")
    for nowhere in ("#", ".#A!A1", "/#A!A1"):
        with pytest.raises(PenstockError, match="no file"):
            locate(nowhere)
