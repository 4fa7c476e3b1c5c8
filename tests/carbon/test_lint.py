"""The linter finds what goes wrong in factor tables and is silent on the shipped ones."""

from decimal import Decimal

import pytest

from carbon import factors
from carbon.lint import Table, lint, lint_folders, magnitude, refuse
from carbon.lint.rows import table_of
from city.problems import PenstockError

ZHEJIANG = "cn.mee.grid.average-provincial.CN-ZJ.2022"
HEADER = ",".join(factors.COLUMNS)


@pytest.fixture(scope="module")
def rows():
    return tuple(factors.read_rows(factors.SHIPPED))


def _with(rows, factor_id: str, **cells: str):
    return [(place, {**row, **cells} if row["id"] == factor_id else row) for place, row in rows]


def _copy(rows, factor_id: str, **cells: str):
    """A city's own row: the shipped one under another id, changed."""
    row = next(row for _, row in rows if row["id"] == factor_id)
    return [("own.csv:2", {**row, "id": "own.factor", **cells})]


def test_shipped_sets_raise_no_alarm():
    assert lint_folders() == ()


def test_exact_and_rounded_copies_raise_no_doubt(rows):
    """Every shipped row, copied: only that two rows count the same is told, and nothing when it is reworded."""
    published = table_of(rows).rows
    for _, row in rows:
        assert {f.rule for f in lint([("own.csv:2", {**row, "id": "own.factor"})], published)} <= {"duplicate"}, row["id"]
    assert lint(_copy(rows, ZHEJIANG, value="0.515", activity="浙江电网"), rows) == ()


@pytest.mark.parametrize("slip", ["1000", "0.001"])
def test_a_thousandfold_slip_of_any_shipped_row_is_found_without_its_publication(rows, slip):
    missed = []
    for at, (place, row) in enumerate(rows):
        table = Table(table_of([(place, {**row, "value": format(Decimal(row["value"]) * Decimal(slip), "f")})]).rows, _others(rows, at))
        if not any(True for _ in magnitude.slips(table)):
            missed.append(row["id"])
    assert missed == []


def _others(rows, at: int):
    """The other rows of the table of a row."""
    name = rows[at][0].split(":")[0]
    return table_of(row for i, row in enumerate(rows) if i != at and row[0].split(":")[0] == name).rows


@pytest.mark.parametrize(
    ("cells", "rule", "words"),
    [
        ({"unit": "kg/KWH"}, "row", "unit 'kg/KWH'"),
        ({"value": "0.3-0.4"}, "row", "value '0.3-0.4'"),
        ({"value": "0"}, "number", "value '0'"),
        ({"source": ""}, "row", "no source"),
        ({"licence": "?"}, "row", "no licence"),
        ({"status": "verified?"}, "row", "status 'verified?'"),
        ({"region": "CN-ZEJ"}, "row", "region 'CN-ZEJ'"),
        ({"valid_from": "2022-12-31", "valid_to": "2022-01-01"}, "row", "valid from 2022-12-31 to 2022-01-01"),
        ({"valid_from": "1/1/2022"}, "row", "date '1/1/2022'"),
        ({"unit": "kgCO2e/kWh"}, "gas", "gas CO2 in kgCO2e/kWh"),
        ({"activity": "grid electricity life cycle"}, "footprint", "'life cycle' as its activity in scope 2"),
        ({"value": "515.3"}, "thousand", "515.3 kg/kWh"),
        ({"value": "1.1360"}, "jump", "1.1360 beside 0.5422 in 2021, 0.4974 in 2023"),
        ({"value": "0.5422"}, "year", "exactly as 'cn.mee.grid.average-provincial.CN-ZJ.2021'"),
        ({"value": "0.5978"}, "region", "exactly as 'cn.mee.grid.average-provincial.CN-JS.2022'"),
        ({"valid_to": ""}, "superseded", "valid to no end although"),
        ({"gas": "CO2e", "unit": "kgCO2e/kWh"}, "gas", "CO2e where 89 rows of this activity are CO2"),
    ],
)
def test_a_fault_in_a_table_is_told_without_its_publication(rows, cells, rule, words):
    found = [f for f in lint(_with(rows, ZHEJIANG, **cells)) if ZHEJIANG in f.subject]
    assert any(f.rule == rule and words in f.observed for f in found), [str(f) for f in found]


@pytest.mark.parametrize(
    ("factor_id", "cells", "rule", "words"),
    [
        (ZHEJIANG, {"value": "0.5422"}, "year", "the value of 2021"),
        (ZHEJIANG, {"value": "0.5978"}, "region", "the value of CN-JS"),
        (ZHEJIANG, {"value": "515.3"}, "thousand", "off by 1000"),
        (ZHEJIANG, {"value": "0.5154"}, "published", "no value that this publication gives"),
        (ZHEJIANG, {"gas": "CO2e", "unit": "kgCO2e/kWh"}, "gas", "CO2e where the publication gives CO2"),
        (ZHEJIANG, {"valid_to": "2024-12-31"}, "superseded", "valid to 2024-12-31"),
        (ZHEJIANG, {"source": "生态环境部公告2024年第33号", "activity": "浙江", "value": "0.5422"}, "year", "the value of 2021"),
        ("us.egrid2023.AL", {"unit": "kg/kWh", "value": "0.713976"}, "pound", "a pound for a kilogram"),
        ("uk.desnz.2025.11_100_1000_15_1", {"value": "312.3523"}, "ton", "short or long ton"),
        ("uk.desnz.2025.ws", {"value": "0.17088"}, "water", "the value of Water treatment"),
        ("cn.mee.pcf.national.2023", {"scope": "2"}, "footprint", "life-cycle"),
        ("cn.mee.grid.average-national.CN.2023", {"value": "0.6205"}, "footprint", "the life-cycle value"),
        ("ipcc.AR6GWP100.CH4", {"value": "28.0"}, "year", "ipcc.AR5GWP100.CH4"),
    ],
)
def test_a_copy_that_differs_from_the_publication_it_cites_is_refused_with_its_cause(rows, factor_id, cells, rule, words):
    found = [f for f in lint(_copy(rows, factor_id, **cells), rows) if f.rule == rule and words in f.observed]
    assert found, [str(f) for f in lint(_copy(rows, factor_id, **cells), rows)]
    assert found[0].severity == "refuse"


@pytest.mark.parametrize(
    ("factor_id", "cells"),
    [
        ("ipcc2006.v2.co2.natural_gas", {"gas": "N2O", "value": "0.1"}),
        ("ipcc2006.v2.co2.jet_kerosene", {"activity": "other kerosene stationary combustion", "value": "71900"}),
        ("ipcc2006.v2.co2.lignite", {"activity": "peat stationary combustion", "value": "106000"}),
        ("ipcc.AR6GWP100.HFC32", {"gas": "HFC227ea", "value": "3600"}),
        ("uk.desnz.2025.electricity", {"activity": "UK electricity generated", "gas": "N2O", "value": "0.00107"}),
    ],
)
def test_what_a_publication_gives_and_no_set_ships_is_left_alone(rows, factor_id, cells):
    """The sets hold a part of IPCC 2006 and of the UK's tables; a city adds the rows it needs."""
    assert lint(_copy(rows, factor_id, **cells), rows) == ()


def test_a_number_made_from_a_publication_is_looked_at_and_not_refused(rows):
    found = lint(_copy(rows, ZHEJIANG, activity="Hangzhou, own computation", value="0.4711"), rows)
    assert [(f.rule, f.severity) for f in found] == [("published", "warn")]


def test_net_and_gross_exchanged_are_told_of_both(rows):
    net, gross = "uk.desnz.2025.11_100_1004_7_1", "uk.desnz.2025.11_100_1004_6_1"
    values = {row["id"]: row["value"] for _, row in rows}
    swapped = _with(_with(rows, net, value=values[gross]), gross, value=values[net])
    assert {f.subject.split("'")[1] for f in lint(swapped) if f.rule == "heat value"} == {net, gross}


def test_a_year_left_out_and_a_row_twice_are_told(rows):
    assert [f.observed for f in lint([r for r in rows if r[1]["id"] != ZHEJIANG])] == ["no value for 2022 between 2021 and 2023"]
    twice = lint([*rows, *_copy(rows, ZHEJIANG)])
    assert {(f.rule, f.subject) for f in twice if "own" in f.subject} >= {("duplicate", "factor 'own.factor' (own.csv:2)")}


def test_a_table_of_another_country_without_any_publication_is_left_alone():
    """Numbers the linter knows nothing about, in good order, give no finding."""
    row = {"scope": "2", "gas": "CO2", "unit": "kg/kWh", "source": "Landesamt, Bericht 7", "licence": "own", "status": "verified"}
    own = [
        (
            f"own.csv:{year}",
            {**row, "id": f"de.{part}.{year}", "activity": "Strommix", "value": value, "region": f"DE-{part}"}
            | {"valid_from": f"{year}-01-01", "valid_to": f"{year}-12-31"},
        )
        for part, values in (("BW", ("0.312", "0.291")), ("BY", ("0.221", "0.208")))
        for year, value in zip((2022, 2023), values, strict=True)
    ]
    assert lint(own, factors.read_rows(factors.SHIPPED)) == ()


def test_a_national_default_of_former_years_is_told_where_it_goes_on():
    row = {"id": "own.cn", "activity": "电网", "scope": "2", "gas": "CO2", "value": "0.5703", "unit": "kgCO2/kWh", "region": "CN"}
    cited = {"source": "notice", "licence": "facts", "status": "verified", "valid_from": "2022-01-01"}
    assert lint([("own.csv:2", {**row, **cited, "valid_to": "2022-12-31"})]) == ()
    found = lint([("own.csv:2", {**row, **cited, "valid_to": ""})])
    assert [(f.rule, f.severity) for f in found] == [("superseded", "warn")]


def test_refuse_raises_for_refusals_and_lets_warnings_pass(tmp_path):
    good = "own.heat.{0},district heat,2,CO2,{1},kg/kWh,CN-ZJ,{0}-01-01,{0}-12-31,Contract 7,own,verified"
    (tmp_path / "own.csv").write_text("\n".join([HEADER, good.format(2021, "0.25"), good.format(2023, "0.24")]), encoding="utf-8")
    assert [f.severity for f in lint_folders([tmp_path])] == ["warn"]  # 2022 is left out
    refuse([tmp_path])
    (tmp_path / "own.csv").write_text("\n".join([HEADER, good.format(2021, "250")]), encoding="utf-8")
    with pytest.raises(PenstockError, match="250 kg/kWh"):
        refuse([tmp_path])
