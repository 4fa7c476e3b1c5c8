# ruff: noqa: E501 - a table of city.toml per line
"""Accounts of city.toml that would count something twice, or name what is not there, are told when the file is read."""

from pathlib import Path

import pytest

from city.problems import PenstockError
from service.environment import Environment
from service.settings import LoadedCity, load

CITY = """
city = { id = "town", name = "Town", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services" }]
zones = [{ id = "north", kind = "area" }]
sites = [{ id = "here", sector = "services", district = "north" }]
meters = [
  { id = "main", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
  { id = "pump", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", under = "main" },
  { id = "water", site = "here", model = "water-meter", commodity = "water", role = "load" },
  { id = "infeed", site = "here", model = "electricity-meter", commodity = "electricity", role = "supply" },
]
accounts = [
  { id = "el-main", kind = "grid-electricity", point = "main.energy", site = "here", sector = "services", region = "CN-ZJ" },
  { id = "el-pump", kind = "grid-electricity", point = "pump.energy", site = "here", sector = "services", region = "CN-ZJ", within = "el-main" },
  { id = "loss", kind = "grid-loss", infeed = ["infeed.energy"], site = "here", sector = "services", region = "CN-ZJ" },
  { id = "sf6", kind = "process", gas = "SF6", source = "log", site = "here", sector = "services", region = "CN-ZJ", stated = [{ first = 2022-06-01, last = 2022-06-01, amount = 0.5, source = "refill" }] },
]
"""


def read(folder: Path, old: str = "", new: str = "") -> LoadedCity:
    assert old in CITY
    (folder / "city.toml").write_text(CITY.replace(old, new, 1) if old else CITY, encoding="utf-8")
    return load(Environment(city=folder / "city.toml", home=folder))


def test_a_city_with_every_new_kind_of_statement_is_read(tmp_path: Path) -> None:
    city = read(tmp_path)
    assert [account.point for account in city.settings.accounts] == ["main.energy", "pump.energy", "loss.loss", "sf6.stated"]
    assert city.settings.sites[0].district == "north"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (', within = "el-main"', "", "account 'el-pump': its meter is under that of account 'el-main'"),
        ('within = "el-main"', 'within = "el-mian"', "account 'el-pump': within 'el-mian', which is no account"),
        ("infeed.energy", "feed.energy", "accounts[2].infeed"),
        ('"infeed.energy"', '"infeed.volume"', "accounts[2].infeed"),
        ('"infeed.energy"', '"north.loss_energy"', "accounts[2].infeed"),
        ('"infeed.energy"', '"water.volume"', "accounts[2].infeed (loss): 'water.volume' counts volume_m3"),
        ('district = "north"', 'district = "south"', "sites[0].district: no zone 'south'"),
        ('kind = "grid-loss"', 'kind = "grid-los"', "accounts[2] (loss): kind 'grid-los'; allowed: a table with kind = one of grid-electricity, "),
        ('gas = "SF6"', 'gas = "SF6", mcf = 1', "accounts[3].mcf (sf6): unknown key with value 1"),
        ("amount = 0.5", "amount = -0.5", "accounts[3].stated[0].amount (sf6)"),
        ("last = 2022-06-01", "last = 2022-05-01", "last 2022-05-01 is before first 2022-06-01"),
        ('"main.energy", site', '"main.energy", gpc = "I.9", site', "gpc 'I.9' is no sub-sector of the GPC"),
    ],
)  # fmt: skip
def test_what_counts_twice_or_is_not_there_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(PenstockError) as caught:
        read(tmp_path, old, new)
    assert told in str(caught.value)
