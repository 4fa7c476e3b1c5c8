"""Targets: what the path asks for, where the city stands on it, the light, and a base year that moves."""

import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.targets.progress import progress, rate
from carbon.targets.target import Target
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "carbon" / "golden_vectors.json"


def _energy(base_year: int = 2021, **changes) -> Target:
    milestones = {base_year + 5: Decimal("-0.10"), base_year + 10: Decimal("-0.20")}
    return Target(
        **{"id": "energy", "measure": "energy_per_gdp", "base_year": base_year, "base_value": "0.5", "milestones": milestones, **changes}
    )


LOSS = Target(id="loss", measure="water_loss", base_year=2021, base_value=0.25, milestones={2026: 0.12, 2031: 0.10})
SHARE = Target(id="green", measure="renewable_share", base_year=2021, base_value=0.25, milestones={2026: 0.30})


@pytest.mark.data
@pytest.mark.parametrize("base_year", [2021, 2025])
def test_annual_rates_agree_with_the_worked_answers(base_year):
    if not GOLDEN.exists():
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    paths = json.loads(GOLDEN.read_text(encoding="utf-8"))["target_path"]
    both = _energy(base_year)
    only_2035 = _energy(base_year, milestones={base_year + 10: -0.2})
    carbon = [_energy(base_year, measure="carbon_intensity", milestones={base_year + 5: cut}) for cut in (-0.15, -0.17)]
    five, ten = base_year + 5, base_year + 10
    made = {
        "energy_per_gdp_2030_-10pct": -rate(both, both.required(base_year), both.required(five), five - base_year),
        "2035_-20pct": -rate(only_2035, only_2035.required(base_year), only_2035.required(ten), ten - base_year),
        "2030_to_2035": -rate(both, both.required(five), both.required(ten), ten - five),
        "carbon_intensity_-15pct_5y": -rate(carbon[0], carbon[0].required(base_year), carbon[0].required(five), five - base_year),
        "carbon_intensity_-17pct_5y (15th FYP)": -rate(
            carbon[1], carbon[1].required(base_year), carbon[1].required(five), five - base_year
        ),
    }
    assert {name: str(round(fall, 4).normalize()) for name, fall in made.items()} == {name: paths[name]["annual_rate_pct"] for name in made}


def test_intensities_fall_by_one_rate_and_shares_by_one_step():
    assert round(_energy().required(2022), 6) == Decimal("0.489574")  # 0.5 x 0.9^(1/5)
    assert LOSS.required(2022) == Decimal("0.224")  # 0.25 - 0.13 / 5
    assert SHARE.required(2024) == Decimal("0.28")


@pytest.mark.parametrize("base_year", [2021, 2025])
def test_milestones_are_met_exactly_for_2026_2031_and_for_2030_2035(base_year):
    target = _energy(base_year)
    assert [target.required(base_year + years) for years in (0, 5, 10)] == [Decimal("0.5"), Decimal("0.450"), Decimal("0.400")]
    assert LOSS.required(2026) == Decimal("0.12")


@given(st.integers(2021, 2030))
def test_a_falling_path_falls_every_year(year):
    for target in (_energy(), LOSS):
        assert target.required(year + 1) < target.required(year)


def test_a_milestone_may_be_given_as_a_value():
    assert _energy(milestones={2026: 0.45}, milestones_are="absolute").required(2026) == Decimal("0.45")


def test_years_off_the_path_are_refused():
    for year, remedy in ((2020, "Choose an earlier base year"), (2032, "Add a milestone")):
        with pytest.raises(PenstockError, match=f"2021 to 2031. {remedy}"):
            _energy().required(year)


@pytest.mark.parametrize(
    "changes",
    [
        {"milestones": {2021: -0.1}},
        {"milestones": {2026: -1.0}},
        {"milestones": {}},
        {"base_value": 0},
        {"measure": "water_loss", "base_value": 0.25, "milestones": {2026: 12}},
        {"unit": "tce"},
        {"milestones": {2026: 0.1}},  # a fall without its sign
        {"measure": "renewable_share", "base_value": 0.25, "milestones": {2026: 0.2}},
        {"basis": {"electricity": "substitution"}},
    ],
)
def test_impossible_targets_are_refused(changes):
    with pytest.raises(ValidationError):
        _energy(**changes)


def test_progress_says_where_the_city_stands_in_a_sentence():
    ahead = progress(_energy(), Decimal("0.48"), date(2022, 6, 15), usable_share=Decimal("0.975"))
    assert ahead.on_path
    assert ahead.sentence == (
        "Energy per GDP so far in 2022 is 0.48 tce/10k CNY; the path from 2021 asks for at most 0.4896 tce/10k CNY: "
        "2.0 % better than the path. "
        "To reach 0.45 tce/10k CNY in 2026 takes -1.60 % a year from here. 2.5 % of the entries behind it are missing."
    )
    assert ahead.gap == Decimal("0.48") - _energy().required(2022)


def test_a_share_is_better_when_larger_and_a_loss_when_smaller():
    assert [progress(SHARE, Decimal(text), 2022).on_path for text in ("0.26", "0.2599")] == [True, False]
    assert [progress(LOSS, Decimal(text), 2022).on_path for text in ("0.2239", "0.2241")] == [True, False]
    assert "at least 26.0 %: 1.0 points worse" in progress(SHARE, Decimal("0.25"), 2022).sentence
    assert progress(SHARE, Decimal("0.31"), 2026).sentence.endswith("There is no later milestone.")
    with pytest.raises(PenstockError, match="zero or more"):
        progress(LOSS, Decimal("-0.1"), 2022)


def test_the_light_follows_the_rate_from_here():
    asked = 100 * (1 - Decimal("0.9") ** (Decimal(1) / 5))  # 2.09 % a year to 2026
    seen = {text: progress(_energy(), Decimal(text), 2022) for text in ("0.4895", "0.4960", "0.51", "0.53")}
    assert {text: one.light for text, one in seen.items()} == {"0.4895": "green", "0.4960": "amber", "0.51": "amber", "0.53": "red"}
    needed = seen["0.51"].needed_per_year
    assert needed is not None
    assert abs(needed) == pytest.approx(100 * (1 - (Decimal("0.45") / Decimal("0.51")) ** (Decimal(1) / 4)))
    assert 1 < abs(needed) / asked < Decimal("1.5") < abs(seen["0.53"].needed_per_year or 0) / asked
    assert progress(_energy(red_above_pace=1), Decimal("0.4960"), 2022).light == "red"


def test_the_last_milestone_is_met_or_missed():
    assert [progress(_energy(), Decimal(text), 2031).light for text in ("0.4", "0.401")] == ["green", "red"]
    assert progress(SHARE, Decimal("0.25"), 2022).light == "amber"  # 1.25 points a year where the path asks for 1
    assert progress(SHARE, Decimal("0.20"), 2022).light == "red"  # 2.5 points


def test_a_base_moves_from_the_threshold_on_and_both_paths_stay():
    small = {"published": "2023-03-01", "base_value": "0.52", "trigger": "factor", "reason": "a factor corrected"}
    large = {"published": "2024-12-26", "base_value": "0.526", "trigger": "census", "reason": "GDP revised after the census"}
    target = _energy(restatements=[large, small])
    assert target.as_known(date(2023, 2, 28)) is target
    assert target.base_changes(date(2023, 2, 28)) == ()
    (first,) = target.base_changes(date(2024, 12, 25))
    assert (first.applied, first.change_percent) == (False, Decimal("4.00"))
    assert "so the base stands" in first.sentence
    _, second = target.base_changes(date(2024, 12, 26))
    assert (second.before, second.applied) == (Decimal("0.5"), True)  # what was not applied adds up: 5.2 % against the base in force
    moved = target.as_known(date(2025, 1, 1))
    assert (moved.required(2026), target.required(2026)) == (Decimal("0.526") * Decimal("0.90"), Decimal("0.450"))


def test_growth_alone_is_no_trigger():
    with pytest.raises(ValidationError, match="trigger"):
        _energy(restatements=[{"published": "2023-03-01", "base_value": "0.6", "trigger": "growth", "reason": "a new factory"}])


def test_a_milestone_that_is_reached_already_asks_for_no_rate():
    told = progress(_energy(), Decimal("0.44"), 2022)
    assert (told.needed_per_year, told.light) == (None, "green")
    assert told.sentence.endswith("The 0.45 tce/10k CNY asked for in 2026 is reached already.")
    assert progress(_energy(), Decimal(0), 2022).on_path
