"""A wrong city file is told whole, with the TOML path of every fault; a right one of fifteen lines runs."""

import re
import tomllib
from pathlib import Path

import pytest

from city.problems import PenstockError
from service.environment import Environment
from service.settings import load, path_of

ROOT = Path(__file__).resolve().parents[2]


def faults(folder: Path, text: str) -> str:
    (folder / "city.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PenstockError) as caught:
        load(Environment(city=folder / "city.toml", home=folder))
    return str(caught.value)


HEAD = 'city = { id = "x", name = "X", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }\n'


def test_every_fault_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        'city = { id = "x", name = "X", time_zone = "Europe/Roma", country = "IT" }\nsurprise = 1\n'
        '[tariff]\ncontract_kw = "much"\nbands = []\n',
    )
    assert all(path in told for path in ("city.time_zone", "city.region", "surprise", "tariff.contract_kw"))


def test_names_that_point_nowhere_are_told_with_what_there_is(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        HEAD
        + 'sectors = [{ id = "homes" }]\nsites = [{ id = "a", sector = "hoems" }]\n'
        + 'meters = [{ id = "m", model = "electricity-meter", commodity = "electricity", role = "load", site = "b", link = "field" }]\n',
    )
    assert "sites[0].sector: no sector 'hoems'; allowed: one of homes" in told
    assert "meters[0].site: no site 'b'" in told
    assert "meters[0].link: no link 'field'" in told
    assert "meters[0].unit (m): missing" in told


def test_what_targets_and_gdp_name_is_looked_for(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        HEAD
        + 'targets = [{ id = "t", measure = "energy_per_gdp", base_year = 2020, base_value = 1, milestones = { 2030 = -0.1 }, '
        + 'basis = { feedstock = "deducted", feedstock_accounts = ["gsa"] } }]\n'
        + 'gdp = [{ year = 2020, value = 1, unit = "10k CNY", prices = 2020, vintage = "final", published = 2021-12-01, source = "x", '
        + 'sector = "hoems" }]\n',
    )
    assert "targets[0].basis.feedstock_accounts: no account 'gsa'" in told
    assert "gdp[0].sector: no sector 'hoems'" in told


def test_an_unknown_device_model_is_told_with_its_meter(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        HEAD
        + 'sectors = [{ id = "homes" }]\nsites = [{ id = "a", sector = "homes" }]\n'
        + 'meters = [{ id = "m", model = "abacus", commodity = "electricity", role = "load", site = "a" }]\n',
    )
    assert "meters[0].model (m)" in told


def test_an_id_given_twice_is_a_fault(tmp_path: Path) -> None:
    assert "id 'homes' given 2 times" not in faults(tmp_path, HEAD + 'sectors = [{ id = "homes" }]\nsites = [{ id = "a", sector = "x" }]\n')
    assert "id 'a' given 2 times" in faults(
        tmp_path, HEAD + 'sectors = [{ id = "h" }]\nsites = [{ id = "a", sector = "h" }, { id = "a", sector = "h" }]\n'
    )


def test_a_line_that_is_not_toml_is_told_with_its_place(tmp_path: Path) -> None:
    assert re.search(r"line 1", faults(tmp_path, "city = {\n"))


@pytest.mark.parametrize("name", ["city.toml", "tiny_city.toml"])
def test_the_shipped_city_files_load(name: str, tmp_path: Path) -> None:
    assert load(Environment(city=ROOT / "demo" / name, home=tmp_path)).points


def test_the_smallest_city_is_about_fifteen_lines() -> None:
    text = (ROOT / "demo" / "tiny_city.toml").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip() and not line.startswith("#")]) <= 18
    assert tomllib.loads(text)


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "a/../../b"])
def test_a_path_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="leads out"):
        path_of(tmp_path, name)
