"""Sets and their manifests: hashes, intervals, and files that are no sets."""

import os
import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from carbon import factors
from carbon.lint import lint_folders
from city.problems import PenstockError

PROVINCIAL = "grid electricity average-provincial"
HEADER = ",".join(factors.COLUMNS)


def _own(folder: Path, *rows: str) -> list[Path]:
    (folder / "own.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return [folder]


# A shipped set never changes unnoticed: a new row, a new date or another interval is a new hash, here and in CHANGELOG.
SETS = {
    "cn_grid_heat": (118, "940f2f75f5ad2cfd"),
    "cn_standard_coal": (21, "3c72b5642dbc23d4"),
    "gwp": (55, "ea3d377440805cc7"),
    "ipcc_fuels": (24, "4d3b1411e577e99b"),
    "uk_desnz": (131, "5314f0f7c12620f7"),
    "us_egrid2023_state": (52, "e197b17287eb071c"),
    "water_energy": (3, "dd2b9451c2cc8a03"),
}


def test_shipped_sets_are_the_ones_whose_hashes_are_written_down():
    assert {s.name: (len(s.factors), s.sha256[:16]) for s in factors.load_sets()} == SETS


def test_a_set_s_hash_covers_rows_and_manifest_but_not_their_order(tmp_path):
    rows = [f"own.{year},heat,2,CO2e,0.3,kg/kWh,CN-ZJ,{year}-01-01,{year}-12-31,Contract 7,own,verified" for year in (2022, 2023)]

    def sha(rows, manifest="title = 'Heat'\npublisher = 'Works'\nlicence = 'own'\n"):
        (tmp_path / "own.toml").write_text(manifest, encoding="utf-8")
        return factors.load_sets(_own(tmp_path, *rows))[-1].sha256

    assert sha(rows) == sha(rows[::-1])
    others = [
        sha(rows[:1]),
        sha([rows[0], rows[1].replace("0.3", "0.30")]),
        sha(rows, "title = 'Heat'\npublisher = 'W'\nlicence = 'own'\n"),
    ]
    for said in ("uncertainty_percent = '5'", "interval = ['0.2', '0.5']", "interval = ['0.15', '0.5']"):  # of these 0.5 is the wider side
        others.append(sha(rows, f"title = 'Heat'\npublisher = 'Works'\nlicence = 'own'\n{said}\n"))
    assert len({sha(rows), *others}) == 7


def test_what_the_manifest_says_reaches_the_factors(shipped):
    gas = factors.by_id(shipped, "ipcc2006.v2.co2.natural_gas")
    # 54300 to 58300 kg/TJ around 56100: the wider side is 2200 / 56100 = 3.92 %.
    assert (gas.basis, gas.uncertainty_percent, gas.set_name) == ("combustion", Decimal("3.9"), "ipcc_fuels")
    assert "Table 2.2" in gas.uncertainty_source
    grid = factors.by_id(shipped, "cn.mee.grid.average-provincial.CN-ZJ.2022")
    assert (grid.basis, grid.published, grid.uncertainty_percent) == ("location average", date(2024, 12, 20), None)
    assert factors.by_id(shipped, "cn.mee.pcf.national.2024").basis == "footprint"
    assert {f.basis for f in shipped if f.region != "GLO" and f.scope == "2" and f.meaning.per == "kWh"} == {
        "location average",
        "residual mix",
        "fossil average",
    }
    assert [f.id for f in shipped if f.basis == "unstated"] == []


def test_every_interval_lies_around_its_value():
    with (factors.SHIPPED / "ipcc_fuels.toml").open("rb") as text:
        rows = tomllib.load(text)["rows"]
    values = {f.id: f.value for f in factors.load()}
    told = [(name, row["interval"]) for row in rows if "interval" in row for name in row["ids"]]
    # Those of Table 2.2 that two independent public copies agree on; a further one needs two as well.
    assert sorted(name.removeprefix("ipcc2006.v2.co2.") for name, _ in told) == [
        "crude_oil",
        "diesel",
        "lpg",
        "motor_gasoline",
        "natural_gas",
        "other_bituminous_coal",
        "residual_fuel_oil",
        "wood_biogenic",
    ]
    assert all(Decimal(low) < values[name] < Decimal(high) for name, (low, high) in told)


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("title = ", "a TOML file"),
        ("title = 'Heat'", "publisher"),
        ("title = 'Heat'\npublisher = 'W'\nlicence = 'own'\nbasis = 'guess'", "basis"),
        ("title = 'Heat'\npublisher = 'W'\nlicence = 'own'\nuncertainty_percent = -1", "uncertainty_percent"),
        ("title = 'Heat'\npublisher = 'W'\nlicence = 'own'\ninterval = [0.2, 0.25]", "limits around 0.3"),
        ("title = 'Heat'\npublisher = 'W'\nlicence = 'own'\ninterval = [0.4, 0.2]", "lower limit, then upper"),
        ("title = 'Heat'\npublisher = 'W'\nlicence = 'own'\nrows = [{ ids = ['own.*'], basis = 'ETS' }]", "matches no id"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_a_sentence(tmp_path, manifest, sentence):
    (tmp_path / "own.toml").write_text(manifest, encoding="utf-8")
    with pytest.raises(PenstockError, match=sentence):
        factors.load(_own(tmp_path, "a,heat,2,CO2e,0.3,kg/kWh,CN-ZJ,,,Contract,own,verified"))


@pytest.mark.parametrize("sign", ["\x1f", "\u200b", "\u202e", "\u2028"])
def test_a_control_character_cannot_hide_in_a_cell(tmp_path, sign):
    with pytest.raises(PenstockError, match="a control character in activity"):
        factors.load(_own(tmp_path, f"a,he{sign}at,2,CO2e,0.3,kg/kWh,CN-ZJ,,,Contract,own,verified"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00id", b'id,"', b"\x00" * 5_000_000, b""])
def test_a_file_that_is_no_table_is_a_sentence(tmp_path, content):
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(PenstockError, match=r"own\.csv"):
        factors.load([tmp_path])


ROW = "a,heat,2,CO2e,0.3,kg/kWh,CN-ZJ,2022-01-01,2022-12-31,Contract,own,verified"


@pytest.mark.parametrize(
    ("header", "row", "sentence"),
    [
        (HEADER + ",value", ROW + ",9.9", "value twice"),
        (HEADER, ROW.replace("Contract", "Contract, number 7"), "more cells than columns"),
        (HEADER, ROW.replace("0.3", "3e-1"), "value '3e-1'"),
        (HEADER, ROW.replace("0.3", "-0.3"), "value '-0.3'"),
        (HEADER, ROW.replace("0.3", "\uff10.\uff13"), "plain decimal number"),
        (HEADER, ROW.replace("Contract", "-"), "no source"),
        (HEADER, f"{ROW}\n{ROW.replace('a,heat', 'A,steam')}", "beside 'a'"),
        (HEADER, ROW.replace("a,heat", "CN.GBT2589.COKE,heat"), "beside 'cn.gbt2589.coke'"),
    ],
)
def test_a_hostile_row_is_a_sentence(tmp_path, header, row, sentence):
    (tmp_path / "own.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(PenstockError, match=sentence):
        factors.load([tmp_path])


def test_marks_line_ends_capitals_and_empty_rows_of_a_spreadsheet_are_no_fault(tmp_path):
    text = f"{HEADER},\n{ROW.replace('heat', '热力')},\n{',' * 12}\n".replace("\n", "\r\n")
    (tmp_path / "OWN.CSV").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "OWN.toml").write_bytes(b"\xef\xbb\xbftitle = 'Heat'\r\npublisher = 'Works'\r\nlicence = 'own'\r\n")
    heat = factors.load_sets([tmp_path])[-1]
    assert (heat.title, [f.activity for f in heat.factors]) == ("Heat", ["热力"])


@pytest.mark.parametrize("name", ["own.csv", "own.toml"])
@pytest.mark.parametrize("made", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("gone")])
def test_what_is_no_file_is_a_sentence_and_never_read(tmp_path, name, made):
    made(tmp_path / name)
    if name == "own.toml":
        _own(tmp_path, ROW)
    with pytest.raises(PenstockError, match="no file that can be read"):
        factors.load([tmp_path])


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "factors.md").read_text(encoding="utf-8")


def test_the_own_set_of_the_docs_loads_and_raises_no_finding(tmp_path):
    rows, manifest = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[-1] for kind in ("csv", "toml"))
    (tmp_path / "heat.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "heat.toml").write_text(manifest, encoding="utf-8")
    heat = factors.load_sets([tmp_path])[-1]
    # 0.22 to 0.25 around 0.2315: the wider side is 0.0185 / 0.2315 = 8.0 %; the other year has the set's 6 %.
    told = [(f.published, f.uncertainty_percent, f.basis) for f in heat.factors]
    assert told == [(date(2022, 1, 3), Decimal("8.0"), "location average"), (date(2023, 1, 5), Decimal(6), "location average")]
    assert lint_folders([tmp_path]) == ()


def test_the_counts_of_the_docs_are_those_of_the_sets():
    told = {name: int(count) for name, count in re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)}
    assert told == {s.name: len(s.factors) for s in factors.load_sets()}
    assert "404 rows, 403 ids" in PAGE
