"""Chinese statements: sentences of other parts come in Chinese, official terms, and no line begins with a comma."""

import re
from dataclasses import replace
from datetime import date

import pytest

from carbon.accounts.gpc import SUBSECTORS, notation
from carbon.factors.choosing import choose
from carbon.instruments.residual import residual
from carbon.statements import chinese
from carbon.statements.by_account import by_account
from carbon.statements.community import community
from carbon.statements.energy import balance
from carbon.statements.inventory import inventory
from carbon.statements.measure_report import Judged, measure_report
from carbon.statements.pdf_table import paragraph, styles
from carbon.statements.target_report import target_report
from carbon.statements.typeface import Typeface
from carbon.statements.vocabulary import told
from carbon.targets.odds import CALIBRATION
from carbon.targets.standing import standing
from tests.carbon import statement_city as city
from tests.carbon.test_statements_reports import _enterprise, _savings
from tests.carbon.test_targets_standing import books, energy

_AS_PUBLISHED = {
    "name",
    "factor",
    "unit",
    "source",
    "uncertainty",
    "set",
    "publisher",
    "licence",
    "rule",
    "factors",
    "content",
    "account",
    "clause",
}
_KEPT = re.compile(r"penstock explain|python proof/verify.py proof ROOT|\(GPC\)|IPMVP|ASHRAE|proof|BASIC|tce/10k CNY|tCO2/10k CNY|Brier")


def _english(text):
    """Two English words side by side, once what stays English in Chinese text is taken out."""
    return re.search(r"[a-z]{2,} [a-z]{2,}", _KEPT.sub("", text))


def _sentences(document):
    for section in document.sections:
        yield from section.text
        for table in section.tables:
            yield from table.notes
            for c, column in enumerate(table.columns):
                if column.key not in _AS_PUBLISHED:
                    yield from (row.cells[c] for row in table.rows if isinstance(row.cells[c], str))


def _gpc(source):
    return community(source, SUBSECTORS, notation(city.ACCOUNTS, {}))


@pytest.fixture(scope="module")
def source():
    return city.source(language="zh")


@pytest.mark.parametrize("kind", [inventory, _gpc, balance, by_account])
def test_no_english_sentence_is_left_in_a_chinese_statement(source, kind):
    assert [text for text in _sentences(kind(source)) if _english(text)] == []


def test_target_and_measure_reports_speak_chinese(source, shipped):
    moved = {"published": date(2022, 1, 1), "base_value": energy().base_value * 2, "trigger": "error", "reason": "漏计"}
    targets = [standing(energy(), books(shipped)), standing(energy(restatements=(moved,)), books(shipped))]
    texts = [*_sentences(target_report(source, targets)), *_sentences(measure_report(source, [Judged("礼堂", _savings(), None)]))]
    assert [text for text in texts if _english(text)] == []


def test_an_enterprises_report_speaks_chinese_but_for_its_own_words(source):
    own = "parameter|electricity bought|DTSD341"
    assert [text for text in _sentences(_enterprise(source)[0]) if _english(re.sub(own, "", text))] == []
    stopped = "2 nights: +120 kWh saved (+80 to +160), +96 CNY (+64 to +128), +60 kg CO2e avoided (+40 to +80) by marginal, own file."
    assert told("zh", stopped).startswith(
        "2 个夜间：节约 +120 kWh（+80 至 +160），+96 CNY（+64 至 +128），避免 +60 kg CO2e（+40 至 +80，按"
    )


def test_a_target_in_chinese_has_the_numbers_of_the_english_sentence(shipped):
    for one in (standing(energy(), books(shipped)), standing(energy(red_above_pace=1), books(shipped))):
        numbers = set(re.findall(r"[-+]?\d+\.\d+", one.sentence))
        assert numbers <= set(re.findall(r"[-+]?\d+\.\d+", chinese.standing(one)))


def test_notes_as_the_ledger_has_them_are_translated():
    late = choose(city.FACTORS, activity=_grid().activity, region="CN-ZJ", on=date(2031, 1, 1), provisional="latest")
    none = residual([], "CN-ZJ", date(2022, 5, 1)).sentence
    odds = [chinese.calibration(one) for one in CALIBRATION.values()]
    for note in (late.note, f"N2O not posted: no verified factor; {late.note}", none, "CH4, N2O not posted: no verified factor"):
        assert not _english(told("zh", note)), note
        assert told("en", note) == note
    assert told("zh", "the hall burnt; nobody metered it") == "the hall burnt; nobody metered it"  # a city's own note stays
    assert not [text for text in odds if _english(text)]


def _grid():
    return next(f for f in city.FACTORS if f.id == "cn.mee.grid.average-provincial.CN-ZJ.2022")


@pytest.mark.parametrize("more", ["", "Ł"])  # in one font, and in two: reportlab breaks them by two ways
def test_no_line_begins_with_a_mark_that_may_not(more):
    text = f"标识：IE 列于他处，NE 未计算，NO 未发生，C 保密；分部门“明细（见表）”。{more}完"
    face = Typeface([text])
    for width in range(40, 300, 3):
        made = paragraph(face, styles("zh")["text"], text)
        made.wrap(width, 1000)
        lines = made.blPara.lines
        words = ["".join(line[1]) if isinstance(line, tuple) else "".join(w.text for w in line.words) for line in lines]
        assert not [line for line in words if line.strip()[:1] in "，；：。”" and line.strip()], (width, words)


def test_the_first_column_of_the_city_summary_names_sectors(source):
    table = next(table for table in _gpc(replace(source, language="en")).tables if table.key == "Summary")
    assert (table.columns[0].key, table.columns[0].title, table.columns[0].kind, table.columns[0].unit) == ("sector", "Sector", "label", "")
