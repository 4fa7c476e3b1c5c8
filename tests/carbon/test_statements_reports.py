"""Target, measure and enterprise reports: both paths after a change of base, avoided apart from any inventory, streams that add up."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import ceil

import numpy as np
import pandas as pd
import pytest

from carbon.enterprise.plan import Enterprise, MarketYear, Stream
from carbon.enterprise.report import report
from carbon.statements.document import Value
from carbon.statements.enterprise_report import enterprise_report
from carbon.statements.measure_report import Judged, measure_report
from carbon.statements.pdf import pdf_of
from carbon.statements.target_report import target_report
from carbon.targets.standing import standing
from carbon.why.masses import Avoided
from carbon.why.savings import savings
from tests.carbon import statement_city as city
from tests.carbon.test_targets_standing import books, energy


@pytest.fixture(scope="module")
def source():
    return city.source()


def _tables(document):
    return {table.key: table for table in document.tables}


def _text(document):
    return " ".join(text for section in document.sections for text in section.text)


def test_a_moved_base_shows_both_paths_in_table_and_chart(source, shipped):
    moved = {"published": date(2022, 1, 1), "base_value": energy().base_value * 2, "trigger": "error", "reason": "a meter counted half"}
    one = standing(energy(restatements=(moved,)), books(shipped))
    document = target_report(source, [one], ["target 'x': nothing in the ledger"])
    tables = _tables(document)
    paths = tables["Paths"]
    first = {row.cells[1]: row.cells[3].exact for row in paths.rows if row.cells[2] == "2021"}
    assert first == {"as promised": energy().base_value, "as restated": energy().base_value * 2}
    chart = document.sections[1].charts[0]
    assert [series.name for series in chart.series] == ["Actual or now-cast", "as promised", "as restated"]
    assert [series.dashed for series in chart.series] == [False, False, True]
    assert tables["Base changes"].rows[0].cells[4].exact == 100
    assert "nothing in the ledger" in _text(document)


def test_a_target_row_tells_light_and_needed_rate_as_they_are(source, shipped):
    one = standing(energy(), books(shipped))
    table = _tables(target_report(source, [one]))["Targets"]
    row = table.rows[0]
    assert row.cells[table.place("light")] == {"green": "● green", "amber": "▲ amber", "red": "■ red"}[one.progress.light]
    assert row.cells[table.place("needed")].exact == one.progress.needed_per_year
    assert row.cells[table.place("actual")].exact == one.progress.actual


def _savings():
    rng = np.random.default_rng(3)
    degc = 12 + 10 * np.sin(np.arange(730) * 2 * np.pi / 365) + rng.standard_normal(730)
    use = 100 + 6 * np.maximum(14 - degc, 0) + rng.standard_normal(730)
    use[365:] *= 0.8
    frame = pd.DataFrame({"day": pd.date_range("2021-01-01", periods=730).date, "use": use, "degc": degc})
    return savings(frame[:365], frame[365:].reset_index(drop=True), "kWh")


def test_savings_and_avoided_emissions_stand_apart_and_what_failed_is_told(source):
    found = _savings()
    judged = [Judged("hall", found, Avoided(1200.0, 900.0, 1500.0, "marginal, own file")), Judged("pool", None, None, ("too few days",))]
    document = measure_report(source, judged, ["3 nights: +120 kWh saved."])
    tables = _tables(document)
    saved = next(cell for cell in tables["Measures"].rows[0].cells[3:] if isinstance(cell, Value))
    assert float(saved.exact) == pytest.approx(found.saved, abs=0.5)
    assert tables["Avoided"].rows[0].cells[1].exact == 1200
    assert not any(row.of for key in ("Measures", "Avoided") for row in tables[key].rows)  # nothing is added over measures
    assert {"pool: too few days", "3 nights: +120 kWh saved."} <= set(document.sections[0].text)
    assert document.sections[0].charts[0].series[0].dashed


def test_a_criterion_that_is_not_met_stays_in_the_table_and_limits_keep_their_digits(source):
    """Nothing saved: the fractional uncertainty is infinite; the limit of the bias is 0.005 %."""
    good = _savings()
    worse = replace(good, criteria=tuple(c._replace(value=np.inf) if "fractional" in c.name else c for c in good.criteria))
    rows = [row.cells for row in _tables(measure_report(source, [Judged("hall", worse, None)]))["Criteria"].rows]
    assert len(rows) == len(good.criteria)
    cells = {cells[1]: cells for cells in rows}
    assert (cells["fractional uncertainty at 68 %"][2], cells["fractional uncertainty at 68 %"][4]) == (None, "no")
    assert cells["|NMBE|"][3].exact == Decimal("0.00005")


def _enterprise(source):
    stream = Stream(
        id="power", account="works-power", parameter="electricity bought", instrument="DTSD341", accuracy_percent=Decimal("0.5"),
        calibrated_on=date(2022, 1, 1), calibration_months=12,
    )  # fmt: skip
    works = Enterprise(
        id="works", accounts=("works-power", "works-gas"), streams=(stream,), years=(MarketYear(year=2022, bought=1200),)
    )  # fmt: skip
    made = report(works, 2022, source.book, list(source.rules.values()), city.FACTORS, source.weights, date(2022, 6, 30))
    own = source.book[source.book["account_id"].isin(works.accounts)].reset_index(drop=True)
    return enterprise_report(replace(source, book=own), made), made


def test_streams_of_an_enterprise_add_up_and_are_sums_of_entries(source):
    document, made = _enterprise(source)
    table = _tables(document)["Streams"]
    row, unmonitored, total = table.rows
    mass, raised, both = (row.cells[table.place(key)] for key in ("mass", "raised", "all"))
    assert mass.printed + raised.printed == both.printed
    assert mass.address == "2022-06/account_id=works-power/kind=posting/show=co2e:AR6"
    assert mass.exact == source.mass(account_id="works-power", kind="posting").exact
    assert unmonitored.cells[1] == "works-gas"
    assert total.cells[table.place("all")].printed == both.printed + unmonitored.cells[table.place("all")].printed
    assert made.position.emitted_t == ceil(total.cells[table.place("all")].exact)
    assert raised.exact > 0  # the days from January to May stand at the largest complete day
    assert "works-gas has no stream" in _text(document)
    allowances = {r.cells[0]: r.cells[1].exact for r in _tables(document)["Allowances"].rows}
    assert allowances["Bought"] == 1200
    assert allowances["Emitted"] == made.position.emitted_t


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_report_can_be_printed_in_both_languages(source, shipped, language):
    said = replace(source, language=language)
    documents = [
        target_report(said, [standing(energy(), books(shipped))]),
        measure_report(said, [Judged("hall", _savings(), Avoided(1.0, 0.5, 1.5, "marginal"))]),
        _enterprise(said)[0],
        target_report(said, []),
        measure_report(said, []),
    ]
    for document in documents:
        assert pdf_of(document).startswith(b"%PDF-")
