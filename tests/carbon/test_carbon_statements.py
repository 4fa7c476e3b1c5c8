"""Statements: the same bytes again, totals that are sums of printed lines, and no cell a spreadsheet would run."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from carbon.accounts import account_of
from carbon.ledger import old as ledger
from carbon.proof import seal
from carbon.statements import HEADER, statement, write_statement_csv, write_statement_xlsx, write_targets
from carbon.statements.sheets import Table, write_csv, write_xlsx
from carbon.targets.target import Target, progress
from city.problems import PenstockError

KNOWN = datetime(2022, 6, 16, tzinfo=UTC)
ROME = "Europe/Rome"
SUMS = HEADER[HEADER.index("electricity_kwh") : HEADER.index("usable_percent")]


@pytest.fixture
def made(day, usage, books, shipped):
    july = usage("industry.energy", [1001] * 3, start="2022-06-30T22:00Z")  # 1 July in Rome
    posted = ledger.post(pd.concat([day, july]), books, shipped, KNOWN, zone=ROME)
    return statement(posted, books, shipped, zone=ROME, root=seal(posted).root)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_writing_twice_gives_the_same_bytes(made, tmp_path):
    for folder in ("one", "two"):
        write_statement_csv(made, tmp_path / folder)
        write_statement_xlsx(made, tmp_path / folder / "statement.xlsx")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["entries.csv", "factors.csv", "statement.csv", "statement.xlsx"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_line_tells_amount_mass_coverage_factor_source_and_root(made, tmp_path):
    rows = _read(write_statement_csv(made, tmp_path)[0])
    line = next(row for row in rows if row["account"] == "works-power" and row["month"] == "2022-06")
    assert (line["electricity_kwh"], line["t_co2e"], line["measured"]) == ("40.000", "0.020612000", "4")  # 40 x 0.5153 kg
    assert line["factor"] == "cn.mee.grid.average-provincial.CN-ZJ.2022"
    assert "Announcement 2024 No.33" in line["source"]
    assert line["ledger_root"] == made.root
    july = next(row for row in rows if row["account"] == "works-power" and row["month"] == "2022-07")
    assert july["electricity_kwh"] == "3.003"


def test_printed_totals_are_sums_of_printed_lines(made, tmp_path):
    rows = _read(write_statement_csv(made, tmp_path)[0])
    entries = _read(tmp_path / "entries.csv")
    for name in SUMS:
        by_level = {
            level: sum(Decimal(row[name]) for row in rows if row["level"] == level) for level in ("account", "site", "sector", "city")
        }
        assert len({*by_level.values(), sum(Decimal(row[name]) for row in entries)}) == 1, name
    assert {row["level"] for row in rows if row["site"]} == {"account", "site"}


def test_an_account_without_entries_in_a_month_is_shown_as_silent(made, tmp_path):
    rows = _read(write_statement_csv(made, tmp_path)[0])
    silent = next(row for row in rows if row["account"] == "pumps" and row["month"] == "2022-07")
    assert (silent["note"], silent["usable_percent"]) == ("no entry in this month", "0.00")


def test_the_workbook_reads_back_what_the_csv_says(made, tmp_path):
    rows = _read(write_statement_csv(made, tmp_path)[0])
    book = openpyxl.load_workbook(write_statement_xlsx(made, tmp_path / "s.xlsx"), data_only=True)
    assert book.sheetnames == ["Statement", "Entries", "Factors"]
    lines = list(book["Statement"].iter_rows(min_row=5, values_only=True))
    assert lines[0] == HEADER
    assert len(lines) == len(rows) + 1
    for line, row in zip(lines[1:], rows, strict=True):
        for name, cell in zip(HEADER, line, strict=True):
            if name in SUMS:
                assert cell == pytest.approx(float(row[name]), rel=1e-14, abs=0)
            elif name == "scope" and row[name]:
                assert cell == int(row[name])
    assert made.root in book["Statement"]["A1"].value


def test_totals_of_the_workbook_are_formulas_over_the_account_lines(made, tmp_path):
    path = write_statement_xlsx(made, tmp_path / "s.xlsx")
    sheet = openpyxl.load_workbook(path)["Statement"]
    cached = openpyxl.load_workbook(path, data_only=True)["Statement"]
    lines = [row for row in range(6, sheet.max_row + 1) if sheet.cell(row, 1).value == "account"]
    top, bottom = lines[0], lines[-1]
    mass = HEADER.index("t_co2e") + 1
    for row in range(bottom + 1, sheet.max_row + 1):
        level, site, sector, month = (sheet.cell(row, column).value for column in (1, 2, 3, 7))
        formula = sheet.cell(row, mass).value
        assert formula.startswith("=SUMPRODUCT(EXACT(")
        assert formula.endswith(f"*M${top}:M${bottom})")
        if level == "city":
            kept = [r for r in lines if sheet.cell(r, 7).value == month]
        else:
            column, wanted = (2, site) if level == "site" else (3, sector)
            kept = [r for r in lines if sheet.cell(r, 7).value == month and sheet.cell(r, column).value == wanted]
        assert cached.cell(row, mass).value == pytest.approx(sum(sheet.cell(r, mass).value for r in kept), abs=1e-12)


def test_a_borrowed_water_factor_is_flagged_and_its_note_printed(day, shipped, tmp_path):
    note = "British factor of 2025, for consumers' books"
    home = account_of(
        id="home",
        kind="water-supply",
        point="source-lake.volume",
        site="h",
        sector="h",
        region="CN-ZJ",
        factor_id="uk.desnz.2025.ws",
        note=note,
    )
    posted = ledger.post(day, [home], shipped, KNOWN)
    rows = _read(write_statement_csv(statement(posted, [home], shipped, zone=ROME, root="0"), tmp_path)[0])
    assert rows[0]["note"] == f"OUTSIDE ITS REGION OR YEARS: uk.desnz.2025.ws. {note}"
    assert (rows[0]["t_co2e"], rows[0]["t_co2e_outside"], rows[-1]["t_co2e"]) == ("0.000000000", "0.076520000", "0.000000000")


def test_the_factor_sheet_cites_every_number_of_the_gas_rule(made, tmp_path):
    rows = _read(write_statement_csv(made, tmp_path)[2])
    gas = [row for row in rows if row["account"] == "works-gas"]
    assert [row["part"] for row in gas] == ["ipcc2006.v2.co2.natural_gas", "cn.gbt2589.natural_gas_mid", "cn.gbt2589.heat_equivalent"]
    assert {row["kg_per_unit"] for row in gas} == {"1.996548358734"}
    assert all(row["source"] and len(row["sha256"]) == 64 for row in rows)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_text_that_looks_like_a_formula_is_neutralised(text, tmp_path):
    table = Table("T", ("name", "n"), [[text, Decimal("-1.5")]])
    write_csv(tmp_path / "t.csv", table)
    assert _read(tmp_path / "t.csv") == [{"name": "'" + text, "n": "-1.5"}]
    cell = openpyxl.load_workbook(write_xlsx(tmp_path / "t.xlsx", [table]))["T"]["A2"]
    assert (cell.data_type, cell.value.strip()) == ("s", ("'" + text).strip())


def test_what_a_sheet_cannot_hold_is_refused_and_not_dropped(tmp_path):
    with pytest.raises(PenstockError, match="longest text 40000"):
        write_xlsx(tmp_path / "t.xlsx", [Table("T", ("n",), [["x" * 40_000]])])
    with pytest.raises(PenstockError, match="1048577 rows"):
        write_xlsx(tmp_path / "t.xlsx", [Table("T", ("n",), [[1]] * 1_048_576)])
    assert list(tmp_path.iterdir()) == []


def test_entries_of_an_unknown_account_are_refused(day, books, shipped):
    posted = ledger.post(day, books, shipped, KNOWN)
    with pytest.raises(PenstockError, match="works-gas"):
        statement(posted, [book for book in books if book.id != "works-gas"], shipped, zone=ROME, root="0")


def test_an_empty_ledger_gives_a_statement_without_lines(usage, books, shipped, tmp_path):
    posted = ledger.post(usage("x", []), books, shipped, KNOWN)
    made = statement(posted, books, shipped, zone=ROME, root=seal(posted).root)
    assert _read(write_statement_csv(made, tmp_path)[0]) == []
    write_statement_xlsx(made, tmp_path / "s.xlsx")


def test_the_target_report_is_the_same_bytes_again_and_reads_back(tmp_path):
    target = Target(id="energy", measure="energy_per_gdp", base_year=2021, base_value=0.5, milestones={2026: -0.1, 2031: -0.2})
    report = [(target, progress(target, Decimal("0.48"), date(2022, 6, 15)))]
    one, two = (write_targets(report, tmp_path / name, root="ab" * 32) for name in ("one", "two"))
    assert [path.name for path in one] == ["targets.csv", "target_paths.csv", "targets.xlsx"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    row = _read(one[0])[0]
    assert (row["required"], row["actual"], row["gap"], row["on_path"]) == ("0.489574", "0.480000", "-0.009574", "yes")
    assert row["ledger_root"] == "ab" * 32
    book = openpyxl.load_workbook(one[2])
    assert book["Targets"]["K4"].value == report[0][1].sentence
    assert [r["required"] for r in _read(one[1])][::5] == ["0.500000", "0.450000", "0.400000"]


def test_sums_that_could_pass_64_bits_are_refused(usage, books, shipped):
    posted = ledger.post(usage("industry.energy", [1, 1, 1]), books, shipped, KNOWN)
    with pytest.raises(PenstockError, match=r"sums below 2\^63"):
        statement(posted.assign(mg_by_gas=2**62), books, shipped, zone=ROME, root="0")
