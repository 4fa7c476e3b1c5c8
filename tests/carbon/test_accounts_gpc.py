"""Sub-sectors of the community protocol and their notation keys."""

import pytest
from pydantic import ValidationError

from carbon.accounts import account_of
from carbon.accounts.gpc import SUBSECTORS, notation, subsector
from city.problems import PenstockError

BASE = {"point": "m.x", "site": "s", "region": "CN-ZJ"}


def make(name: str, kind: str, sector: str, **more):
    return account_of(id=name, kind=kind, sector=sector, **{**BASE, "point": f"{name}.x"}, **more)


def test_the_protocol_has_53_reference_numbers_of_which_21_are_stationary_energy():
    assert len(SUBSECTORS) == 53
    assert sum(code.startswith("I.") for code in SUBSECTORS) == 21
    assert list(SUBSECTORS)[9:14] == ["I.4.1", "I.4.2", "I.4.3", "I.4.4", "I.5.1"]


@pytest.mark.parametrize(
    ("kind", "sector", "code"),
    [
        ("grid-electricity", "households", "I.1.2"),
        ("natural-gas", "households", "I.1.1"),
        ("heat", "services", "I.2.2"),
        ("grid-electricity", "Industry", "I.3.2"),
        ("grid-electricity", "agriculture", "I.5.2"),
        ("grid-electricity", "工业", "I.3.2"),
        ("grid-electricity", "moon", "I.6.2"),
        ("natural-gas", "transport", "II.1.1"),
        ("own-renewable", "industry", "I.4.4"),
        ("water-supply", "industry", "VI.1"),
    ],
)
def test_a_sub_sector_follows_from_kind_and_sector(kind, sector, code):
    account = make("a", kind, sector)
    assert account.gpc_code == code
    assert code in SUBSECTORS


def test_an_account_may_name_its_sub_sector_and_a_wrong_one_is_refused():
    assert make("a", "grid-electricity", "services", gpc="II.1.2").gpc_code == "II.1.2"
    assert make("a", "grid-electricity", "services", scope=3).gpc_code == "I.2.3"
    with pytest.raises(ValidationError, match="no sub-sector of the GPC"):
        make("a", "grid-electricity", "services", gpc="I.9.9")


def test_every_sub_sector_without_an_account_has_a_key_and_a_reason():
    loss = account_of(id="loss", kind="grid-loss", site="s", sector="energy", region="CN-ZJ", infeed=["i.energy"])
    found = notation([make("a", "grid-electricity", "households"), loss], {"II.4.1": "NO", "V.1": "C"})
    assert found.keys() == SUBSECTORS.keys() - {"I.1.2", "I.6.3"}
    assert found["II.4.1"] == ("NO", "stated by the city")
    assert found["V.1"][0] == "C"
    assert found["I.1.3"] == ("IE", "losses of the grid are in I.6.3, account loss")
    assert found["III.4.1"] == ("NE", "no account of this sub-sector")


def test_a_key_beside_a_figure_or_of_an_unknown_code_is_refused():
    with pytest.raises(PenstockError, match="said to be NO, and counted by account a"):
        notation([make("a", "grid-electricity", "households")], {"I.1.2": "NO"})
    with pytest.raises(PenstockError, match=r"'IX\.1': unknown"):
        notation([], {"IX.1": "NO"})


def test_works_of_water_and_wastewater_are_institutional_buildings():
    assert [subsector(name) for name in ("water", "utility", "wastewater")] == ["I.2"] * 3
