"""Factors: only verified ones ship, and a look-up gives exactly one or a sentence."""

import csv
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pydantic
import pytest

from carbon import factors
from carbon.factors import regions
from city.problems import PenstockError

DATA = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "carbon"
PROVINCIAL = "grid electricity average-provincial"
HEADER = ",".join(factors.COLUMNS)


def _own(folder: Path, *rows: str) -> list[Path]:
    (folder / "own.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return [folder]


@pytest.mark.data
def test_shipped_rows_are_the_verified_rows_of_the_source_word_for_word():
    if not DATA.exists():
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    for source in [*sorted(DATA.glob("factors_*.csv")), DATA / "gwp.csv"]:
        with source.open(encoding="utf-8", newline="") as text:
            verified = [row for row in csv.DictReader(text) if row["status"] == "verified"]
        with (factors.SHIPPED / source.name.removeprefix("factors_")).open(encoding="utf-8", newline="") as text:
            assert list(csv.DictReader(text)) == verified, source.name


def test_every_shipped_row_loads_and_is_verified(shipped):
    assert len(shipped) == 403  # 404 rows; GB/T 2589's tap water is quoted in two tables with one number
    assert {factor.status for factor in shipped} == {"verified"}
    assert len({factor.id for factor in shipped}) == len(shipped)


def test_zhejiang_2022_is_found_as_printed(shipped):
    found = factors.find(shipped, activity=PROVINCIAL, region="CN-ZJ", on=date(2022, 6, 15), unit="kgCO2/kWh")
    assert (found.id, found.value) == ("cn.mee.grid.average-provincial.CN-ZJ.2022", Decimal("0.5153"))
    assert "2024 No.33" in found.source


def test_a_city_s_own_factor_stands_beside_the_shipped_ones(tmp_path):
    own = _own(tmp_path, "own.heat,district heat,2,CO2e,0.25,kg/kWh,CN-ZJ,2022-01-01,2022-12-31,Contract 7,own,verified")
    made = factors.load(own)
    assert factors.find(made, activity="District heat", region="CN-ZJ", on=date(2022, 1, 1)).value == Decimal("0.25")


def test_every_fault_of_a_set_is_listed_at_once(tmp_path):
    own = _own(
        tmp_path,
        "a,heat,2,CO2e,0.3-0.4,kg/kWh,CN-ZJ,,,Contract,own,verified",
        "b,heat,2,CO2e,0.3,kg/kJ,CN-ZJ,,,Contract,own,verified",
        "c,heat,2,CO2e,0.3,kg/kWh,CN-ZJ,,,Contract,own,UNVERIFIED",
        "d,heat,2,CO2e,0.3,kg/kWh,CN-ZJ,,,,own,verified",
        "e,heat,2,CO2e,0.3,kg/kWh,CN-ZJ,2022-13-01,,Contract,own,verified",
        "cn.gbt2589.coke,coke,energy,-,0.98,kgce/kg,CN,2021-04-01,,Elsewhere,own,verified",
        "f,heat,2,CO2e,0.3,kg/kWh,cn-zj,2022-01-01,,Contract,own,verified",
    )
    with pytest.raises(PenstockError) as caught:
        factors.load(own)
    told = str(caught.value)
    assert len(caught.value.problems) == 7
    for words in (
        "region 'cn-zj'",
        "CN-ZJ",
        "'0.3-0.4'",
        "'kg/kJ'",
        "'UNVERIFIED'",
        "own.csv:5",
        "own.csv:6",
        "0.98 kgce/kg and 0.9714 kgce/kg",
    ):
        assert words in told


def test_a_file_without_the_columns_or_a_missing_folder_is_said(tmp_path):
    (tmp_path / "own.csv").write_text("id,value\n", encoding="utf-8")
    with pytest.raises(PenstockError, match="no column activity"):
        factors.load([tmp_path])
    with pytest.raises(PenstockError, match="not found"):
        factors.load([tmp_path / "nowhere"])


def test_a_factor_cannot_be_changed_and_its_hash_covers_every_field(shipped):
    with pytest.raises(pydantic.ValidationError):
        shipped[0].value = Decimal(1)
    changed = [shipped[0].model_copy(update={name: "x"}) for name in ("source", "licence", "region", "status")]
    assert len({factor.sha256 for factor in (shipped[0], *changed)}) == 5


def test_regions_are_iso_codes_and_the_grids_of_the_ministry():
    assert len(regions.COUNTRIES) == 249
    assert len(regions.CHINA) == 34
    assert all(map(regions.known, ("CN-ZJ", "CN-ECG", "GB", "US-CA", "DE-BW", "GLO")))
    assert not any(map(regions.known, ("", "UK", "cn-zj", "CN-ZZ", "CN-", "US-ZZ", "DE-BWXY", "XX-1", "GLO-1")))
