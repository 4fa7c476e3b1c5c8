"""The linter lets a city's own set be used, and refuses what cannot be."""

import pytest

from carbon import factors
from carbon.lint import lint, lint_folders, refuse
from city.problems import PenstockError

HEADER = ",".join(factors.COLUMNS)


def _copy(factor_id: str, **cells: str):
    row = next(row for _, row in factors.read_rows(factors.SHIPPED) if row["id"] == factor_id)
    return lint([("own.csv:2", {**row, "id": "own.factor", **cells})], factors.read_rows(factors.SHIPPED))


# A city's own set as one finds it: plants and their reports, contracts, gases and fuels that no set ships, footprints of wind and water.
CITY = """
dh.2022,district heat of the west plant,2,CO2,0.0985,tCO2/GJ,CN-ZJ,2022-01-01,2022-12-31,Monitoring report of the plant 2022
dh.2023,district heat of the west plant,2,CO2,0.0951,tCO2/GJ,CN-ZJ,2023-01-01,2023-12-31,Monitoring report of the plant 2023
dh.2024,district heat of the west plant,2,CO2,0.0923,tCO2/GJ,CN-ZJ,2024-01-01,2024-12-31,Monitoring report of the plant 2024
dh.waste.2023,waste heat of the data centre,2,CO2,0.0046,tCO2/GJ,CN-ZJ,2023-01-01,2023-12-31,Monitoring report of the plant 2023
dh.burnt.2023,district heat of the waste incinerator,2,CO2,0.1483,kg/kWh,CN-ZJ,2023-01-01,2023-12-31,Monitoring report of the plant 2023
mix.2023,residual mix of the province,2,CO2,0.5561,kgCO2/kWh,CN-ZJ,2023-01-01,2023-12-31,Power exchange yearbook 2023
residual.2021,residual mix of the nation,2,CO2,0.5942,kgCO2/kWh,CN,2021-01-01,2021-12-31,MEE & NBS Announcement 2024 No.12
ppa.2021.coal,electricity of the supplier Zheneng,2,CO2,0.7125,kgCO2/kWh,CN-ZJ,2023-01-01,2023-12-31,Contract ZN-04 with its fuel mix
ppa.nuclear,electricity of the supplier Qinshan,2,CO2,0.0031,kgCO2/kWh,CN-ZJ,2023-01-01,2023-12-31,Contract QS-17 with its fuel mix
loss.2023,grid electricity average-provincial lost,3,CO2,0.4974,kgCO2/kWh,CN-ZJ,2023-01-01,2023-12-31,Network yearbook 2023
biogas.ch4,biogas engine,1,CH4,5,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2 Table 2.4
biogas.n2o,biogas engine,1,N2O,0.1,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2 Table 2.4
gas.ch4,natural gas stationary combustion residential,1,CH4,5,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2 Table 2.5
diesel.ch4,diesel stationary combustion commercial,1,CH4,10,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2 Table 2.4
stove.ch4,coal stoves,1,CH4,300,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2 Table 2.5
coal.n2o,other bituminous coal stationary combustion,1,N2O,1.5,kg/TJ (NCV),GLO,2006-01-01,,IPCC 2006 Vol.2 Ch.2
gas.2023,natural gas of the gas company,1,CO2,2.0213,kg/m3,CN-ZJ,2023-01-01,2023-12-31,Laboratory 2023
gas.2024,natural gas of the gas company,1,CO2,2.0187,kg/m3,CN-ZJ,2024-01-01,2024-12-31,Laboratory 2024
ws.2023,water supply of the utility,3,CO2,0.1821,kg/m3,CN-ZJ,2023-01-01,2023-12-31,Balance of the works 2023
ws.2024,water supply of the utility,3,CO2,0.0073,kg/m3,CN-JS,2024-01-01,2024-12-31,Balance of the works 2024
ww.2023,wastewater treatment of the utility,3,CO2e,0.412,kgCO2e/m3,CN-ZJ,2023-01-01,2023-12-31,Balance of the works 2023
desalted,water of the sea works,3,CO2,2.31,kg/m3,CN-ZJ,2023-01-01,2023-12-31,Yearbook of the works 2023
steam.2023,steam of the park,2,CO2,0.1163,tCO2/GJ,CN-ZJ,2023-01-01,2023-12-31,Certificate 88 of the park 2023
hydro,water power,PCF,CO2e,0.024,kgCO2e/kWh,CN-ZJ,2020-01-01,,IPCC AR5 WG3 annex III
wind,wind power,PCF,CO2e,0.011,kgCO2e/kWh,CN-ZJ,2020-01-01,,IPCC AR5 WG3 annex III
"""


def test_a_city_s_own_set_is_used_without_an_alarm(tmp_path):
    """Nothing is refused, and what is said is what a person should look at: a contract of 2021 that holds in 2023."""
    rows = [f"own.{row},own,verified" for row in CITY.strip().splitlines()]
    (tmp_path / "own.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    refuse([tmp_path])
    assert [(f.rule, f.severity, f.subject.split("'")[1]) for f in lint_folders([tmp_path])] == [("year", "warn", "own.ppa.2021.coal")]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"value": "0", "activity": "wind power by contract", "source": "Contract 9"}, "number"),
        ({"activity": "heat", "value": "0.3", "source": "Yearbook of the Carbon Footprint Society"}, "footprint"),
        ({"scope": "3"}, "scope"),
    ],
)
def test_what_may_be_right_is_looked_at_and_not_refused(cells, rule):
    found = [f for f in _copy("cn.mee.grid.average-provincial.CN-ZJ.2022", **cells) if f.rule != "duplicate"]
    assert [(f.rule, f.severity) for f in found] == [(rule, "warn")]


def test_far_from_comparable_rows_is_looked_at_where_no_span_is_known():
    """Methane of a stove is 300 times that of a power station, IPCC 2006 vol. 2 tables 2.2 and 2.5."""
    found = _copy("ipcc2006.v2.ch4.other_bituminous_coal", activity="peat stationary combustion", value="300", source="Own test")
    assert [(f.rule, f.severity) for f in found] == [("thousand", "warn")]


def test_what_keeps_a_set_from_loading_is_told_by_the_linter(tmp_path):
    row = "own.Heat,district heat,2,CO2,0.25,kg/kWh,CN-ZJ,2022-01-01,2022-12-31,Contract 7,own,verified"
    (tmp_path / "own.csv").write_text("\n".join([HEADER, row, row.replace("own.Heat,district", "own.heat,other")]), encoding="utf-8")
    (tmp_path / "own.toml").write_text("titel = 'Heat'", encoding="utf-8")
    (tmp_path / "owm.toml").write_text("title = 'Heat'", encoding="utf-8")
    told = " ".join(f"{f.rule} {f}" for f in lint_folders([tmp_path]) if f.severity == "refuse")
    assert all(words in told for words in ("titel", "owm.toml: no set of its name"))
    (tmp_path / "own.toml").unlink()
    with pytest.raises(PenstockError, match=r"'own\.heat' \(own\.csv\): beside 'own\.Heat'"):
        refuse([tmp_path])


def test_a_table_of_thousands_of_equal_rows_is_told_row_by_row():
    """One finding for each row that counts the same as another; a comparison of each with each would be 2 million."""
    row = next(row for _, row in factors.read_rows(factors.SHIPPED))
    many = [(f"own.csv:{i}", {**row, "id": f"own.{i}", "source": "Own"}) for i in range(2000)]
    assert [f.rule for f in lint(many)] == ["duplicate"] * 1999
