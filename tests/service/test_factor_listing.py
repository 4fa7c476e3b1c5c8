"""`penstock carbon factors ...` and `penstock carbon lint`: what a planner types to see where a number is from."""

from pathlib import Path

import pandas as pd
import pytest

from city.problems import PenstockError
from service.environment import Environment
from service.plans import signals
from service.settings import load
from tests.town import Town

HEADER = "id,activity,scope,gas,value,unit,region,valid_from,valid_to,source,licence,status\n"


def test_sets_are_listed_with_their_hashes(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("carbon", "factors", "list")
    assert said.code == 0
    assert said.out.count("SHA-256") == 7
    assert "118 factors, shipped; Ministry of Ecology and Environment" in said.out


def test_a_province_is_found_by_its_chinese_name(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("carbon", "factors", "search", "浙江", "--on", "2022-06-15")
    assert said.out.split()[:2] == ["cn.mee.grid.average-provincial.CN-ZJ.2022", "0.5153"]


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    town = Town(tmp_path)
    assert "no factor" in town.penstock("carbon", "factors", "search", "moonlight").err
    assert "an id such as" in town.penstock("carbon", "factors", "show", "cn.mee.grid").err


def test_one_factor_is_shown_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("carbon", "factors", "show", "ipcc2006.v2.co2.natural_gas").out
    for words in ("56100 kg/TJ (NCV)", "combustion", "+/- 3.9 % (95 %; IPCC 2006", "Tables 2.2-2.5", "verified", "SHA-256"):
        assert words in said


def test_a_folder_is_linted_and_what_must_be_refused_ends_with_code_2(tmp_path: Path) -> None:
    town, own = Town(tmp_path), tmp_path / "own"
    own.mkdir()
    row = "own.zj,浙江,2,CO2,{},kgCO2/kWh,CN-ZJ,2022-01-01,2022-12-31,MEE 2024 No.33,facts,verified\n"
    (own / "own.csv").write_text(HEADER + row.format("0.5422"), encoding="utf-8")
    said = town.penstock("carbon", "lint", str(own))
    assert said.code == 2
    assert "the value of 2021" in said.out
    (own / "own.csv").write_text(HEADER + row.format("0.5153"), encoding="utf-8")
    assert town.penstock("carbon", "lint", str(own)).code == 0
    assert "not found" in town.penstock("carbon", "lint", str(tmp_path / "nowhere")).err


def test_the_city_s_accounts_are_linted_too(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0)
    assert "was not looked into: " in town.write().penstock("carbon", "lint", "--now", "2023-06-01T00:00Z").out
    town.penstock("init")
    assert town.penstock("carbon", "lint", "--now", "2023-06-01T00:00Z").out == "0 to refuse, 0 to look at\n"
    named = 'region = "CN-ZJ"\nfactor_id = "cn.mee.grid.average-national.CN.2023"\nnote = "as last year"\n'
    said = town.changed("accounts", 'region = "CN-ZJ"\n', named).write().penstock("carbon", "lint", "--now", "2023-06-01T00:00Z")
    assert said.code == 0
    assert "warn: account 'el-hall': factor 'cn.mee.grid.average-national.CN.2023' is for CN" in said.out


def test_a_plan_of_a_year_without_a_factor_says_whose_it_uses_and_only_when_asked(tmp_path: Path) -> None:
    town, times = Town(tmp_path, days=0).write(), pd.date_range("2024-06-16T00:00Z", periods=4, freq="15min", unit="us")
    with pytest.raises(PenstockError, match='provisional = "latest"'):
        signals.intensity(load(Environment(city=town.file, home=tmp_path)), times)
    with town.file.open("a", encoding="utf-8") as file:
        file.write('[carbon]\nprovisional = "latest"\n')
    values, told = signals.intensity(load(Environment(city=town.file, home=tmp_path)), times)
    assert values.tolist() == [0.4974] * 4
    assert ["Provisional" in sentence for sentence in told] == [True]
