"""Choosing a factor: exactly one, provisional only when asked for, never a fallback."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from carbon import factors
from city.problems import PenstockError

PROVINCIAL = "grid electricity average-provincial"
HEADER = ",".join(factors.COLUMNS)


def _own(folder: Path, *rows: str) -> list[Path]:
    (folder / "own.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return [folder]


def test_pounds_per_megawatt_hour_become_kilograms_per_kilowatt_hour_exactly(shipped):
    alabama = factors.by_id(shipped, "us.egrid2023.AL")
    assert alabama.base_value == Fraction("713.976") * Fraction("0.45359237") / 1000


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"region": "CN-QQ"}, "no factor with region 'CN-QQ'"),
        ({"region": "IT"}, "no factor with region 'IT'"),
        ({"unit": "kgCO2/MWh"}, "no factor with unit 'kgCO2/MWh'"),
        ({"on": date(2024, 1, 1)}, "no factor is valid on that day"),
        ({"on": date(2020, 12, 31)}, "no factor is valid on that day"),
        ({"activity": "grid electricty"}, "unknown activity"),
        ({"gas": "CH4"}, "no factor with gas 'CH4'"),
    ],
)
def test_what_is_not_published_is_a_sentence_and_never_a_fallback(shipped, asked, sentence):
    wanted = {"activity": PROVINCIAL, "region": "CN-ZJ", "on": date(2022, 6, 15), **asked}
    with pytest.raises(PenstockError, match=sentence):
        factors.find(shipped, **wanted)


def test_two_candidates_are_named_and_none_is_chosen(shipped):
    with pytest.raises(PenstockError, match="exactly one"):
        factors.find(shipped, activity="diesel stationary combustion", region="GLO", on=date(2022, 1, 1))


def test_an_account_s_region_without_a_factor_says_so_for_tibet(shipped):
    """CN-XZ is a province, and the announcements print no number for it."""
    with pytest.raises(PenstockError, match="no factor with region 'CN-XZ'"):
        factors.find(shipped, activity=PROVINCIAL, region="CN-XZ", on=date(2022, 6, 15))


def test_a_later_year_is_chosen_only_when_asked_for_and_is_marked(shipped):
    asked = {"activity": PROVINCIAL, "region": "CN-ZJ"}
    with pytest.raises(PenstockError, match="none is carried over"):
        factors.choose(shipped, **asked, on=date(2024, 5, 1))
    chosen = factors.choose(shipped, **asked, on=date(2024, 5, 1), provisional="latest")
    assert (chosen.factor.id, chosen.provisional) == ("cn.mee.grid.average-provincial.CN-ZJ.2023", True)
    assert "Provisional" in chosen.note
    assert "2023-01-01 to 2023-12-31" in chosen.note
    # Two years behind, to the last civil day: the same choice, so that a ledger has one rule for all of them and not one a day.
    assert factors.choose(shipped, **asked, on=date(2025, 12, 31), provisional="latest") == chosen
    exact = factors.choose(shipped, **asked, on=date(2023, 12, 31), provisional="latest")
    assert (exact.provisional, exact.note) == (False, "")


def test_a_year_before_the_first_or_in_a_gap_is_never_provisional(shipped):
    asked = {"activity": PROVINCIAL, "region": "CN-ZJ", "provisional": "latest"}
    with pytest.raises(PenstockError, match="no factor is valid"):
        factors.choose(shipped, **asked, on=date(2020, 12, 31))
    gap = [f for f in shipped if not f.id.endswith("CN-ZJ.2022")]
    with pytest.raises(PenstockError, match="no factor is valid"):
        factors.choose(gap, **asked, on=date(2022, 6, 1))


def test_two_newest_factors_are_not_chosen_between(shipped):
    twin = factors.by_id(shipped, "cn.mee.grid.average-provincial.CN-ZJ.2023").model_copy(update={"id": "own.zj"})
    with pytest.raises(PenstockError, match="exactly one"):
        factors.choose([*shipped, twin], activity=PROVINCIAL, region="CN-ZJ", on=date(2024, 1, 1), provisional="latest")


def test_the_real_factor_takes_over_when_it_is_published(tmp_path):
    row = f"own.zj.2024,{PROVINCIAL},2,CO2,0.4801,kgCO2/kWh,CN-ZJ,2024-01-01,2024-12-31,Announcement of 2026,facts,verified"
    made = factors.load(_own(tmp_path, row))
    chosen = factors.choose(made, activity=PROVINCIAL, region="CN-ZJ", on=date(2024, 5, 1), provisional="latest")
    assert (chosen.factor.value, chosen.provisional) == (Decimal("0.4801"), False)


def test_a_city_s_set_cannot_take_the_place_of_a_shipped_number(tmp_path):
    own = _own(
        tmp_path, f"cn.mee.grid.average-provincial.CN-ZJ.2022,{PROVINCIAL},2,CO2,0.1,kgCO2/kWh,CN-ZJ,2022-01-01,2022-12-31,I,own,verified"
    )
    with pytest.raises(PenstockError, match="one number per id"):
        factors.load(own)
    other = _own(tmp_path, f"own.zj,{PROVINCIAL},2,CO2,0.1,kgCO2/kWh,CN-ZJ,2022-01-01,2022-12-31,I,own,verified")
    with pytest.raises(PenstockError, match="2 factors"):
        factors.find(factors.load(other), activity=PROVINCIAL, region="CN-ZJ", on=date(2022, 6, 1))
