"""Sets and their manifests: hashes, intervals, and files that are no sets."""

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
    "cn_grid_heat": (118, "c16a77472c5a7ca4"),
    "cn_standard_coal": (21, "d53f229fef133275"),
    "gwp": (55, "0b765c09e6838ac6"),
    "ipcc_fuels": (24, "70035a65674c4e37"),
    "uk_desnz": (131, "70aa4a0d8f144540"),
    "us_egrid2023_state": (52, "abb535a0fe7f7662"),
    "water_energy": (3, "7bcfed352adda922"),
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
    others.append(sha(rows, "title = 'Heat'\npublisher = 'Works'\nlicence = 'own'\nuncertainty_percent = '5'\n"))
    assert len({sha(rows), *others}) == 5


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
    assert len(told) == 21  # 17 fuels of carbon dioxide, 3 of methane, 1 of nitrous oxide
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


def test_a_control_character_cannot_hide_a_column_in_another(tmp_path):
    with pytest.raises(PenstockError, match="a control character in activity"):
        factors.load(_own(tmp_path, "a,heat\x1f2,2,CO2e,0.3,kg/kWh,CN-ZJ,,,Contract,own,verified"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00id", b'id,"', b"\x00" * 5_000_000])
def test_a_file_that_is_no_table_is_a_sentence(tmp_path, content):
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(PenstockError, match=r"own\.csv"):
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
