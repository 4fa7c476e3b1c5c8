"""What the night writes of targets: facts and a sentence."""

from pathlib import Path

import pytest

from service import schema as t
from service.store import open_store, results
from tests.town import PARTS, Town, night, prepared


def figure(year: int, value: float, **changes: object) -> str:
    told = {"unit": '"10k CNY"', "prices": 2020, "vintage": '"final"', "published": f"{year + 1}-12-20", "source": '"yearbook"', **changes}
    return "[[gdp]]\n" + "".join(f"{key} = {text}\n" for key, text in ({"year": year, "value": value} | told).items())


def with_gdp(folder: Path, *figures: str) -> Town:
    parts = dict(PARTS)
    parts["targets"] += "basis = { price_year = 2020 }\n" + "".join(figures)
    return prepared(Town(folder, parts=parts))


@pytest.mark.slow
def test_a_night_tells_light_heading_odds_basis_and_vintage(tmp_path: Path) -> None:
    town = with_gdp(tmp_path, figure(2019, 90), figure(2020, 100), figure(2021, 105, vintage='"preliminary"', published="2022-02-28"))
    assert night(town).code == 0
    (row,) = results.rows(open_store(town.database), t.target_progress)
    facts = row.detail
    assert (facts["light"], row.on_path, facts["milestone"]) == ("green", True, 2026)
    assert facts["basis"] == {
        "numerator": "energy with electricity at its heat (equivalent value)",
        "denominator": "GDP",
        "price_year": 2020,
    }
    assert facts["vintage"] == "expected"
    assert "GDP of 2022 is not published; carried on with 5.0 % growth of 2021" in facts["warnings"][0]
    assert facts["heading"]["low"] < row.actual < facts["heading"]["high"]
    assert [(one["milestone"], 0 < one["odds"] < 1) for one in facts["odds"]] == [(2026, True)]
    assert row.sentence.startswith("Energy per GDP heads for ")
    assert "Odds: " in row.sentence
