"""No cell of a table that leaves the house runs in a spreadsheet: every writer of CSV and workbooks goes through one rule."""

import ast
import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.spreadsheets import STARTS, neutral
from console import downloads
from service import asked_files
from service.shifts import listing as shifts
from service.shifts.changes import Change
from service.store import open_store, operations, writing
from tests.town import NOW, Town, prepared

ROOT = Path(__file__).resolve().parents[2]
ATTACKS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0"]
WITHIN = ["pump;=1+1", "a\n=1+1", "a\t@x", "x|+1"]
# Files that Penstock reads again itself, whose cells are identifiers of the city's own files, and figures without text of anybody.
READ_AGAIN = {
    "networks/valves.py",
    "service/beginning/simulated_field.py",
    "service/exchange/foreign.py",
    "service/grid/side.py",
    "service/losses.py",
    "service/extras.py",
}


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_that_begins_a_formula_gets_an_apostrophe(text: str) -> None:
    assert neutral(text).startswith("'")
    assert neutral(text).replace("'", "") == text.replace("'", "").replace("\r", "\n")


@pytest.mark.parametrize("text", WITHIN)
def test_nor_does_one_begin_where_a_spreadsheet_splits_at_semicolons_or_lines(text: str) -> None:
    for mark in (";", "\t", "|"):
        for line in neutral(text).splitlines():
            assert not any(cell.startswith(STARTS) for cell in line.split(mark)), (line, mark)


@pytest.mark.parametrize("text", ["Hall 3", "a-b", "12", "3 + 4 = 7", "高新区", "", "x; -3 C", "mail@city.example"])
def test_plain_text_stays(text: str) -> None:
    assert neutral(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="=+-@\t\r\n;|'\"a1 ＝", max_size=12))
def test_neutral_text_is_neutral_and_only_apostrophes_are_added(text: str) -> None:
    made = neutral(text)
    assert not made.startswith(STARTS)
    assert made.replace("'", "") == text.replace("\r\n", "\n").replace("\r", "\n").replace("'", "")
    assert neutral(made) == made


def test_console_downloads_and_files_asked_for_hold_no_formula_in_cells_or_heads(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ATTACKS, "=head": range(len(ATTACKS)), "negative": -1.5})
    asked_files.write_table(tmp_path / "t.csv", frame)
    for text in (downloads.csv(frame).decode("utf-8-sig"), (tmp_path / "t.csv").read_text()):
        head, *rows = csv.reader(io.StringIO(text))
        assert head == ["name", "'=head", "negative"]
        assert [row[0][0] for row in rows] == ["'"] * len(ATTACKS)
        assert {row[2] for row in rows} == {"-1.5"}, "a number stays a number"
    assert list(frame["name"]) == ATTACKS, "the frame itself is not changed"


def test_a_shift_book_and_the_audit_hold_no_formula(tmp_path: Path) -> None:
    at = pd.Timestamp(NOW).to_pydatetime()
    rows = csv.reader(io.StringIO(shifts.table([Change(at, "alarms", "begun", attack, attack, "eve") for attack in ATTACKS])))
    assert [row for row in rows if any(cell.startswith(STARTS) for cell in row)] == []
    town = prepared(Town(tmp_path / "town", days=0))
    engine = open_store(town.database)
    with writing(engine) as connection:
        for attack in ATTACKS:
            operations.record(connection, at, attack[:40], "hold", attack, attack)
    assert town.penstock("audit", "export", str(tmp_path / "audit.csv")).code == 0
    told = list(csv.reader((tmp_path / "audit.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert sum(row[0] != "" for row in told) > len(ATTACKS)
    assert [row for row in told if any(cell.startswith(STARTS) for cell in row)] == []


def _writers(tree: ast.AST) -> list[ast.Call]:
    names = {"to_csv", "to_excel", "DictWriter", "writer"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [
        node
        for node in calls
        if node.func.attr in names and (node.func.attr != "writer" or ast.unparse(node.func.value) in ("csv", "comma"))
    ]


def test_every_writer_of_csv_in_the_product_uses_the_rule() -> None:
    """Found in the source, so that a new export cannot forget it."""
    forgot = []
    for folder in ("carbon", "console", "forecasting", "meters", "networks", "optimisation", "service"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
            if name not in READ_AGAIN and _writers(ast.parse(text)) and "city.spreadsheets import" not in text:
                forgot.append(name)
    assert forgot == [], "these write tables without city.spreadsheets"
