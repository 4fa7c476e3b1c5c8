"""`penstock report` and `penstock explain` on a real store: from a printed cell back to the readings, and tampering is seen."""

import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction

import openpyxl
import pytest

from carbon.statements.address import parse
from carbon.statements.xlsx import FIRST_ROW, column_letters
from service.environment import Environment
from service.statements.explaining import _whole, explain
from tests.town import Town

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reported(one_night: Town, tmp_path_factory) -> Town:
    folder = tmp_path_factory.mktemp("reported") / "town"
    shutil.copytree(one_night.folder, folder)
    town = Town(folder)
    said = town.penstock("report")
    assert said.code == 0, said.all
    return town


def _env(town: Town) -> Environment:
    return Environment(city=town.file, home=town.folder)


def test_a_report_writes_every_kind_in_every_format_and_the_same_bytes_again(reported: Town):
    folder = reported.folder / "reports" / "2022-06"
    first = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    for kind in ("inventory", "gpc", "energy", "accounts", "targets"):
        assert {f"{kind}.pdf", f"{kind}.xlsx", f"{kind}.json"} <= set(first)
        assert {"quality.csv", "factors.csv", "proof.csv"} < {path.name for path in (folder / kind).iterdir()}
    assert reported.penstock("report").code == 0
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()} == first


def test_kind_format_language_and_period_are_chosen_and_wrong_ones_told(reported: Town):
    said = reported.penstock("report", "--kind", "gpc", "--format", "pdf", "--language", "zh", "--period", "2022")
    assert said.code == 0, said.all
    assert [line.rsplit("/")[-1] for line in said.out.split()] == ["gpc-zh.json", "gpc-zh.pdf"]
    for words in (["--kind", "poem"], ["--format", "doc"], ["--language", "fr"], ["--period", "2021-01"], ["--period", "June"]):
        wrong = reported.penstock("report", *words)
        assert wrong.code != 0
        assert wrong.foreseen, wrong.all


def test_every_printed_mass_of_the_inventory_is_explained_and_adds_up(reported: Town):
    folder = reported.folder / "reports" / "2022-06"
    book = openpyxl.load_workbook(folder / "inventory.xlsx", data_only=True)
    document = json.loads((folder / "inventory.json").read_text(encoding="utf-8"))
    asked = 0
    for table in (table for section in document["sections"][:2] for table in section["tables"]):
        for r, row in enumerate(table["rows"]):
            for c, cell in enumerate(row["cells"]):
                if isinstance(cell, dict) and cell.get("address") and Fraction(cell["exact"]):
                    place = f"{column_letters(c)}{FIRST_ROW + r}"
                    lines = list(explain(_env(reported), f"reports/2022-06/inventory.xlsx#{table['key']}!{place}", 2))
                    assert cell["exact"] in lines[-1]
                    assert Decimal(str(book[table["key"]][place].value)) == Decimal(cell["printed"])
                    asked += 1
        if asked > 25:
            break
    assert asked > 10


def test_an_explanation_names_readings_factor_rule_and_comes_in_under_a_second(reported: Town):
    begin = time.process_time()
    lines = list(explain(_env(reported), "2022-06/site=here"))
    spent = time.process_time() - begin
    text = "\n".join(lines)
    assert spent < 1.0
    assert "account el-hall (point hall.energy, site here)" in text
    assert "factor cn.mee.grid.average-provincial.CN-ZJ.2022 = 0.5153 kgCO2/kWh" in text
    assert "mg of CO2 = amount x 5153/10" in text
    assert "readings of hall.energy from" in text
    assert "version 1, known" in text


def test_a_csv_line_a_plain_key_and_an_entry_are_explained_too(reported: Town):
    by_csv = reported.penstock("explain", "reports/2022-06/inventory/by-site.csv#2:scope2")
    assert by_csv.code == 0, by_csv.all
    assert "sum of the accounts" in by_csv.out
    entry = reported.penstock("explain", "0-0")
    assert entry.code == 0, entry.all
    assert "  0-0 " in entry.out
    for wrong in (
        "reports/2022-06/inventory.xlsx#Inventory!A6",
        "reports/none.xlsx#A1",
        "2022-06/colour=red",
        "2022-13",
        "9999",
        "999-1",
        "=cmd",
    ):
        said = reported.penstock("explain", wrong)
        assert said.code != 0, wrong
        assert said.foreseen, said.all


def test_a_statement_that_no_longer_fits_its_ledger_is_refused(reported: Town, tmp_path):
    folder = tmp_path / "edited"
    shutil.copytree(reported.folder / "reports" / "2022-06", folder)
    path = folder / "inventory.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    table = next(table for table in document["sections"][0]["tables"] if table["key"] == "Inventory")
    table["rows"][1]["cells"][1]["exact"] = "1.5"
    path.write_text(json.dumps(document), encoding="utf-8")
    said = reported.penstock("explain", f"{folder}/inventory.xlsx#Inventory!B{FIRST_ROW + 1}")
    assert said.code != 0
    assert "1.5 in the file" in said.all


def test_the_proof_beside_a_statement_is_checked_by_its_own_verifier(reported: Town):
    folder = reported.folder / "reports" / "2022-06"
    root = json.loads((folder / "inventory.json").read_text(encoding="utf-8"))["seal"]["root"]
    words = [sys.executable, "-I", str(folder / "proof" / "verify.py"), str(folder / "proof")]
    assert subprocess.run([*words, root], check=False, capture_output=True).returncode == 0
    assert subprocess.run([*words, "0" * 64], check=False, capture_output=True).returncode != 0


def test_a_report_of_an_edited_ledger_is_refused(reported: Town, tmp_path):
    folder = tmp_path / "town"
    shutil.copytree(reported.folder, folder)
    batch = next((folder / "ledger").glob("*.zip"))
    content = bytearray(batch.read_bytes())
    content[len(content) // 2] ^= 1
    batch.chmod(0o644)
    batch.write_bytes(content)
    said = Town(folder).penstock("report")
    assert said.code != 0
    assert "ledger batch 0" in said.all


@pytest.mark.parametrize("show", ["", "/show=co2e:AR4", "/show=coal:equivalent", "/gas=CO2"])
def test_a_typed_key_of_masses_means_the_citys_sum_whatever_weighs_them(show):
    """Masses outside the sum are told in it once already."""
    assert _whole(parse(f"2022-06{show}"), "AR6").where["kind"] == ("posting",)
    assert _whole(parse(f"2022-06/kind=outside{show}"), "AR6").where["kind"] == ("outside",)
