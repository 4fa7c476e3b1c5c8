"""Each kind of statement: what is printed adds up, is told with its factors and proof, and says what it does not know."""

from dataclasses import replace
from fractions import Fraction

import pandas as pd
import pytest

from carbon.accounts.gpc import SUBSECTORS, notation
from carbon.statements.back import completeness, quality_text
from carbon.statements.by_account import by_account
from carbon.statements.community import community, part
from carbon.statements.document import Value
from carbon.statements.energy import balance
from carbon.statements.inventory import inventory
from carbon.statements.source import Comparative
from carbon.statements.tidy import json_of
from carbon.statements.totals import addressed
from carbon.statements.words import LANGUAGES, say
from tests.carbon import statement_city as city

_G = 10**9


@pytest.fixture(scope="module")
def source():
    return city.source()


def _gpc(source):
    return community(source, SUBSECTORS, notation(city.ACCOUNTS, {}))


_KINDS = [inventory, _gpc, balance, by_account]


def _tables(document):
    return {table.key: table for table in document.tables}


def _numbers(row):
    return [cell.exact for cell in row.cells if isinstance(cell, Value)]


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_printed_rows_add_up_to_printed_totals_in_every_table(source, kind, language):
    for table in kind(replace(source, language=language)).tables:
        for row in table.rows:
            for c, column in enumerate(table.columns):
                if not isinstance(row.cells[c], Value):
                    continue
                if column.adds:
                    parts = [row.cells[table.place(key)] for key in column.adds]
                    assert sum(cell.printed for cell in parts) == row.cells[c].printed
                if row.of:
                    lines = [table.rows[line].cells[c] for line in row.of]
                    assert sum(cell.printed for cell in lines if isinstance(cell, Value)) == row.cells[c].printed, (table.key, column.key)


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_ends_with_quality_method_factors_and_proof(source, kind):
    document = kind(source)
    assert [section.key for section in document.sections][-4:] == ["quality", "method", "factors", "proof"]
    tables = _tables(document)
    assert any(source.seal.root in row.cells for row in tables["Proof"].rows)
    hashes = {row.cells[-1] for row in tables["Factors"].rows}
    assert {digest for rule in source.rules.values() for _, digest in rule.parts} <= hashes


def test_the_inventory_is_the_ledgers_sum_on_every_way(source):
    document = inventory(source)
    tables = _tables(document)
    posted = source.book[source.book["kind"] == "posting"]
    expected = Fraction(source.mass(kind="posting").exact)
    assert expected == sum(Fraction(source.weights[g]) * int(m) for g, m in zip(posted["gas"], posted["mg"], strict=True)) / _G
    for key in ("Inventory", "Sources", "By site", "By sector", "Over time"):
        assert tables[key].rows[-1].cells[-1].exact == expected, key
    assert tables["Outside"].rows[0].cells[0] == "loss-energy"
    assert {row.cells[0] for row in tables["Memo"].rows} == {"supply", "loss", "sun"}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_period_that_is_not_over_says_so_before_its_first_number(source, kind):
    assert "NOT OVER" in kind(replace(source, until="2022-06-15")).sections[0].text[0]
    assert not any("NOT OVER" in text for section in kind(source).sections for text in section.text)


def test_scope_two_stands_on_both_bases(source):
    dual = pd.DataFrame(
        {
            "account_id": ["works-power", "centre-power"], "period": "2022-06", "consumption_wh": [5000, 3000], "own_wh": 0,
            "instruments_wh": [5000, 0], "residual_wh": [0, 3000], "matched_wh": [1000, 0], "location_mg": [2_576_500, 1_545_900],
            "market_mg": [0, 1_545_900], "market_rule": ["none left", "grid average: no residual mix is published on 2022-06-01"],
        }
    )  # fmt: skip
    tables = _tables(inventory(source, dual))
    table, both = tables["Scope 2"], tables["Both bases"]
    total = table.rows[-1]
    assert both.rows[0].cells[2].exact - both.rows[1].cells[2].exact == Fraction(2_576_500, _G)  # what the instruments cover
    assert table.columns[1].adds == ("own", "instruments", "residual")  # printed, they are the consumption
    assert table.notes[1:] == ("(1) grid average: no residual mix is published", "(2) none left")
    assert [row.cells[-1] for row in table.rows] == ["(1)", "(2)", None]
    assert total.cells[table.place("location")].exact == Fraction(4_122_400, _G)
    assert total.cells[table.place("market")].exact == Fraction(1_545_900, _G)


def test_an_inventory_that_cannot_give_the_market_basis_says_why(source):
    said = " ".join(inventory(source, problems=("[carbon] entry_hours: 24 h",)).sections[0].text)
    assert "cannot be given, for this reason: [carbon] entry_hours: 24 h" in said
    assert "no certificate" in " ".join(inventory(source).sections[0].text)


def test_the_city_inventory_gives_every_subsector_a_figure_or_a_key(source):
    tables = _tables(_gpc(source))
    rows = {row.cells[0]: row for row in tables["Detail"].rows}
    assert set(SUBSECTORS) <= set(rows)
    for code in SUBSECTORS:
        key, last = rows[code].cells[2], rows[code].cells[7]
        assert (isinstance(last, Value) and not key) or key in ("NE", "IE", "NO", "C"), code
    summary = tables["Summary"].rows[-1]
    assert summary.cells[4].exact == source.mass(kind="posting").exact  # BASIC: all is stationary energy of scopes 1 and 2


@pytest.mark.parametrize(
    ("code", "where"),
    [("I.1.1", "scope1"), ("I.4.4", "territorial"), ("II.1.3", "other3"), ("III.1.2", "waste_out"), ("III.4.3", "territorial"),
     ("IV.1", "processes"), ("V.2", "processes"), ("VI.1", "indirect"), ("I.6.3", "other3")],
)  # fmt: skip
def test_subsectors_belong_to_the_parts_of_the_protocol(code, where):
    assert part(code) == where


def test_a_confidential_subsector_prints_no_figure(source):
    document = community(source, SUBSECTORS, {"I.3.1": ("C", "stated by the city")})
    row = next(row for row in _tables(document)["Detail"].rows if row.cells[0] == "I.3.1")
    assert not [cell for cell in row.cells if isinstance(cell, Value)]


def test_a_confidential_figure_is_in_no_number_of_the_statement(source):
    """What is seven times as large leaves every printed number as it was: so none can be had by subtraction."""
    keys, secret = {"I.3.1": ("C", "stated by the city")}, source.book["gpc"] == "I.3.1"
    assert secret.any()
    signed = (Comparative("2022-05", "2022-06-03", "auditor", Fraction(100 * _G), Fraction(101 * _G), "ab" * 32, ""),)
    larger = source.book.assign(mg=source.book["mg"].where(~secret, source.book["mg"] * 7))
    one, other = (community(replace(source, book=book, comparatives=signed), SUBSECTORS, keys) for book in (source.book, larger))
    assert json_of(one) == json_of(other)
    assert "I.3.1" in one.sections[0].text[1]
    open_book = [community(replace(source, book=book), SUBSECTORS, {}) for book in (source.book, larger)]
    assert json_of(open_book[0]) != json_of(open_book[1])


def test_the_energy_balance_gives_coal_by_its_coefficient_and_no_foreign_year(source):
    document = balance(source)
    table = _tables(document)["Equivalent"]
    gas = next(row for row in table.rows if row.cells[0] == "gas")
    amount, coal = gas.cells[2].exact, gas.cells[-1].exact
    assert coal == Fraction("1.2143") * amount / 1000
    assert table.rows[-1].cells[-1].exact == sum(row.cells[-1].exact for row in table.rows[:-1])
    assert "Equal" not in _tables(document)  # no equal value of 2022 is shipped
    assert any("2022" in text and "No equal value" in text for text in document.sections[0].text)


def test_quality_tells_completeness_silence_and_materiality(source):
    assert completeness(source) == Fraction(99, 110)  # nine whole accounts, one at nine tenths, one silent
    text = quality_text(source)
    assert "ONLY 90.0 %" in text[0]
    assert "silent-power" in text[1]
    whole = dict(source.usable) | {"silent-power": Fraction(1)}
    assert "below the materiality threshold" in quality_text(replace(source, usable=whole))[1]
    half = whole | {"works-power": Fraction(1, 2)}
    assert "MATERIAL" in quality_text(replace(source, usable=half))[1]


def test_a_closed_period_keeps_its_signed_figure_beside_the_restated_one(source):
    told = Comparative("2022-05", "2022-06-03", "auditor", Fraction(100 * _G), Fraction(101 * _G), "ab" * 32, "late readings")
    table = _tables(inventory(replace(source, comparatives=(told,))))["Restated"]
    assert _numbers(table.rows[0]) == [100, 101, 1]
    assert table.rows[0].cells[-1] == "late readings"


def test_totals_have_addresses_that_give_their_own_sum(source):
    document = addressed(inventory(source), source)
    found = [
        row.cells[-1].address
        for table in document.tables
        if table.key in ("Inventory", "By site", "Over time", "Sources")
        for row in table.rows
    ]
    assert all(found)
    assert _tables(document)["Over time"].rows[-1].cells[-1].address.startswith("2022-06/")


def test_every_word_has_both_languages_and_an_unknown_one_is_refused(source):
    from carbon.statements.labels import LABELS
    from carbon.statements.sentences import SENTENCES
    from city.problems import PenstockError

    for key, (english, chinese) in {**LABELS, **SENTENCES}.items():
        assert english, key
        assert chinese, key
        assert english.count("{") == chinese.count("{"), key
    with pytest.raises(PenstockError, match="statement language"):
        say("fr", "total")
