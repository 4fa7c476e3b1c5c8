"""Files of a statement: the same bytes again, numbers that read back equal, and nothing a spreadsheet would run."""

import csv
import json
import re
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from pypdf import PdfReader

from carbon.statements.by_account import by_account
from carbon.statements.document import Column, Document, Row, Seal, Section, Table, Value, rounded
from carbon.statements.fonts import make
from carbon.statements.inventory import inventory
from carbon.statements.pdf import pdf_of, write_pdf
from carbon.statements.pdf_table import spaced
from carbon.statements.tidy import csv_of, stated, write_csv, write_json
from carbon.statements.typeface import Typeface, clean
from carbon.statements.xlsx import FIRST_ROW, column_letters, write_xlsx
from city.problems import PenstockError
from city.spreadsheets import neutral
from tests.carbon import statement_city as city


@pytest.fixture(scope="module")
def document():
    return inventory(city.source())


_COLUMNS = (Column("name", "Name"), Column("n", "N", "number", "t", 1))


def _small(*rows, columns=_COLUMNS, notes=(), language="en"):
    table = rounded(Table("T", "Table", tuple(columns), tuple(Row(tuple(row)) for row in rows), notes))
    return Document("accounts", "Title", "Town", "2022-06", language, (Section("s", "Section", (), (table,)),), Seal("ab" * 32))


def _write(document, folder: Path):
    return [
        *write_csv(document, folder / "a"),
        write_json(document, folder / "a.json"),
        write_xlsx(document, folder / "a.xlsx"),
        write_pdf(document, folder / "a.pdf"),
    ]


def test_writing_twice_gives_the_same_bytes(document, tmp_path):
    one, two = (_write(document, tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    for first, second in zip(one, two, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_csv_and_json_give_exact_decimals(document, tmp_path):
    paths = write_csv(document, tmp_path)
    with next(path for path in paths if path.name == "sources.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    lines = [row for row in rows if row["row"] == "line"]
    total = next(row for row in rows if row["row"] == "total")
    assert sum(Decimal(row["all_tCO2e"]) for row in lines) == Decimal(total["all_tCO2e"])
    made = json.loads(write_json(document, tmp_path / "a.json").read_text(encoding="utf-8"))
    cells = [cell for s in made["sections"] for t in s["tables"] for row in t["rows"] for cell in row["cells"] if isinstance(cell, dict)]
    assert any(cell["exact"] != cell["printed"] for cell in cells if "printed" in cell)
    assert made["seal"]["root"] == document.seal.root


def test_the_workbook_reads_back_what_is_printed_and_totals_are_live(document, tmp_path):
    path = write_xlsx(document, tmp_path / "a.xlsx")
    cached, live = openpyxl.load_workbook(path, data_only=True), openpyxl.load_workbook(path)
    formulas = 0
    for table in document.tables:
        for r, row in enumerate(table.rows):
            for c, cell in enumerate(row.cells):
                place = f"{column_letters(c)}{FIRST_ROW + r}"
                if isinstance(cell, Value):
                    assert cached[table.key][place].value == pytest.approx(
                        float(cell.exact if cell.printed is None else cell.printed), rel=1e-15, abs=0
                    ), (table.key, place)
                    if row.of or table.columns[c].adds:
                        formula = live[table.key][place].value
                        assert formula.startswith("=SUM("), formula
                        formulas += 1
                        assert _summed(cached[table.key], formula) == pytest.approx(float(cell.printed), abs=1e-9), (table.key, place)
    assert formulas > 50
    assert cached["Inventory"]["A3"].value == document.seal.root


def _summed(sheet, formula: str) -> float:
    """What a spreadsheet would make of =SUM(B6:B9) or =SUM(B6,C6)."""
    inside = re.fullmatch(r"=SUM\((.*)\)", formula)[1]
    cells = [cell for part in inside.split(",") for row in (sheet[part] if ":" in part else ((sheet[part],),)) for cell in row]
    return sum(cell.value for cell in cells if isinstance(cell.value, int | float))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_looks_like_a_formula_is_neutralised_everywhere(text, tmp_path):
    document = _small((text, Value(Decimal("-1.5"))), notes=(text,))
    assert list(csv.reader(csv_of(document.tables[0]).splitlines(keepends=True)))[1][1:] == [neutral(text), "-1.5"]
    sheet = openpyxl.load_workbook(write_xlsx(document, tmp_path / "t.xlsx"))["T"]
    cell = sheet[f"A{FIRST_ROW}"]
    assert (cell.data_type, cell.value.replace("_x000D_", "\r").strip()[:1]) == ("s", "'")
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_what_a_sheet_cannot_hold_is_refused_and_not_dropped(tmp_path):
    with pytest.raises(PenstockError, match="longest text 40000"):
        write_xlsx(_small(("x" * 40_000, None)), tmp_path / "t.xlsx")
    table = Table("T", "T", (Column("n", "N"),), (Row(("x",)),) * 1_048_576)
    long = Document("accounts", "T", "Town", "2022", "en", (Section("s", "S", (), (table,)),), Seal("0"))
    with pytest.raises(PenstockError, match="1048582 rows"):
        write_xlsx(long, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_ratio_without_decimals_is_stated_to_twelve_places_and_others_exactly():
    from fractions import Fraction

    assert (stated(Fraction(1, 3)), stated(Fraction(1, 8)), stated(Fraction(12)), stated(7)) == ("0.333333333333", "0.125", "12", "7")
    assert stated(Fraction(-1, 10**9)) == "-0.000000001"
    assert spaced("-1234567.891") == "−1\u202f234\u202f567.891"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_character_of_a_pdf_has_a_glyph_and_its_text_can_be_read(language):
    document = by_account(city.source(language=language))
    made = pdf_of(document)
    reader = PdfReader(_stream(made))
    text = "".join(page.extract_text() for page in reader.pages)
    assert document.title in text
    assert document.seal.root in text
    assert f"1 / {len(reader.pages)}" in text
    face = Typeface([text])
    assert {font for font, _ in face.runs(text)} == {"PenstockSans"}
    fonts = {font["/BaseFont"] for page in reader.pages for font in (f.get_object() for f in page["/Resources"]["/Font"].values())}
    embedded = {name for name in fonts if "PenstockSans" in name}
    assert embedded
    assert all("+" in name for name in embedded)  # a subset is embedded, nothing is left to the reader's fonts


def _stream(content: bytes):
    from io import BytesIO

    return BytesIO(content)


@pytest.mark.parametrize("wide", [6, 10])
def test_a_wide_table_keeps_its_heads_on_every_page_and_nothing_overflows(wide):
    columns = (Column("name", "Name"), *(Column(f"n{i}", f"Column {i}", "number", "kWh", 3) for i in range(wide)))
    rows = [(f"row-{i}-" + "x" * 30, *[Value(Decimal(10**9 + i))] * wide) for i in range(120)]
    reader = PdfReader(_stream(pdf_of(_small(*rows, columns=columns))))
    assert len(reader.pages) > 2
    for page in reader.pages:
        assert "Column 5" in page.extract_text()
        width = float(page.mediabox.width)
        assert (width > 600) == (wide > 6)
        places = []
        page.extract_text(
            visitor_text=lambda text, cm, tm, font, size, seen=places: seen.append(tm[4] * cm[0] + cm[4]) if text.strip() else None
        )
        assert max(places) < width - 40


def test_a_very_long_table_is_left_to_the_workbook_and_the_page_says_so():
    text = PdfReader(_stream(pdf_of(_small(*[("x", Value(1))] * 501)))).pages[0].extract_text()
    assert "501 rows: too long for print" in text


def test_a_table_too_wide_for_a_page_is_a_sentence():
    columns = tuple(Column(f"n{i}", f"Column{i}", "number", "kWh", 3) for i in range(60))
    with pytest.raises(PenstockError, match="table 'T' as PDF"):
        pdf_of(_small(tuple(Value(Decimal(10**9)) for _ in columns), columns=columns))


def test_markup_and_control_characters_of_hostile_ids_are_printed_as_they_are():
    name = '<b>x</b> & <script>alert("1")</script>\u200b\x07'
    text = PdfReader(_stream(pdf_of(_small((name, None))))).pages[0].extract_text().replace("\n", "")
    assert '<b>x</b>&<script>alert("1")</script>[U+200B][U+0007]'.replace(" ", "") in text.replace(" ", "")
    assert clean("a\tb\nc") == "a b c"


def test_a_glyph_the_font_lacks_comes_from_the_system_or_is_a_sentence():
    rare = "\u4e02"  # 丂: in Noto Sans CJK, not in GB 2312
    system = [path for path in make.SYSTEM_FONTS if path.exists()]
    with pytest.raises(PenstockError, match=r"no glyph for '丂' \(U\+4E02\)"):
        Typeface([rare], system=(), latin=())
    if not system:
        pytest.skip("fonts-noto-cjk is not installed")
    face = Typeface([rare + "中"])
    assert [font for font, _ in face.runs(rare + "中")][1] == "PenstockSans"
    assert face.runs(rare)[0][0].startswith("PenstockSansMore")
    assert face.width(rare, 10) == pytest.approx(10)
    assert rare in PdfReader(_stream(pdf_of(_small((rare + " 中文", None))))).pages[0].extract_text()


def test_the_shipped_font_covers_gb2312_under_its_own_name_and_licence():
    from fontTools.ttLib import TTFont

    font = TTFont(make.SHIPPED)
    assert {ord(letter) for letter in make.characters()} <= set(font.getBestCmap())
    assert sum("\u4e00" <= letter <= "\u9fff" for letter in make.gb2312()) == 6763
    names = " ".join(str(record) for record in font["name"].names if record.nameID in (1, 3, 4, 6))
    assert "Penstock Sans SC" in names
    assert "Noto" not in names
    assert "Source" not in names
    assert "SIL OPEN FONT LICENSE Version 1.1" in make.SHIPPED.with_name("OFL.txt").read_text(encoding="utf-8")
    assert make.SHIPPED.stat().st_size < 4_000_000
