"""Targets: what the path asks for, where the city stands, and the measures behind it."""

import json
import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.ledger import old as ledger
from carbon.targets.indicators import gdp_of_days, indicators, standard_coal_tce, totals
from carbon.targets.target import Target, progress
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "carbon" / "golden_vectors.json"
ROME = "Europe/Rome"


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
        "energy_per_gdp_2030_-10pct": both.annual_rate_percent(base_year, five),
        "2035_-20pct": only_2035.annual_rate_percent(base_year, ten),
        "2030_to_2035": both.annual_rate_percent(five, ten),
        "carbon_intensity_-15pct_5y": carbon[0].annual_rate_percent(base_year, five),
        "carbon_intensity_-17pct_5y (15th FYP)": carbon[1].annual_rate_percent(base_year, five),
    }
    assert {name: str(round(rate, 4).normalize()) for name, rate in made.items()} == {name: paths[name]["annual_rate_pct"] for name in made}


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
    for year in (2020, 2032):
        with pytest.raises(PenstockError, match="2021 to 2031"):
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
    ],
)
def test_impossible_targets_are_refused(changes):
    with pytest.raises(ValidationError):
        _energy(**changes)


def test_progress_says_where_the_city_stands_in_a_sentence():
    ahead = progress(_energy(), Decimal("0.48"), date(2022, 6, 15), usable_share=Decimal("0.975"))
    assert ahead.on_path
    assert ahead.sentence == (
        "Energy per GDP so far in 2022 is 0.48 tce/10k CNY; the path from 2021 asks for at most 0.4896: 2.0 % better than the path. "
        "To 0.45 in 2026: -1.60 % a year from here. 2.5 % of the entries behind it are missing."
    )
    assert ahead.gap == Decimal("0.48") - _energy().required(2022)


def test_a_share_is_better_when_larger_and_a_loss_when_smaller():
    assert [progress(SHARE, Decimal(text), 2022).on_path for text in ("0.26", "0.2599")] == [True, False]
    assert [progress(LOSS, Decimal(text), 2022).on_path for text in ("0.2239", "0.2241")] == [True, False]
    assert "at least 26.0 %: 1.0 points worse" in progress(SHARE, Decimal("0.25"), 2022).sentence
    assert progress(SHARE, Decimal("0.31"), 2026).sentence.endswith("It was the last milestone.")
    with pytest.raises(PenstockError, match="zero or more"):
        progress(LOSS, Decimal("-0.1"), 2022)


def test_a_gigawatt_hour_is_122_9_tonnes_of_standard_coal(shipped):
    assert standard_coal_tce(Decimal(1_000_000), Decimal(0), shipped, date(2022, 1, 1)) == Decimal("122.9")
    assert standard_coal_tce(Decimal(0), Decimal(10_000), shipped, date(2022, 1, 1)) == Decimal("12.143")
    with pytest.raises(PenstockError, match="2021-04-01"):
        standard_coal_tce(Decimal(1), Decimal(1), shipped, date(2021, 3, 31))


def test_gdp_is_shared_out_by_days_of_the_year():
    assert gdp_of_days(Decimal(365), [date(2022, 1, 1), date(2022, 1, 2)]) == 2
    assert gdp_of_days(Decimal(366), [date(2024, 2, 29)]) == 1
    for days in ([], [date(2022, 1, 1)] * 2, [date(2022, 12, 31), date(2023, 1, 1)]):
        with pytest.raises(PenstockError, match="different days of one year"):
            gdp_of_days(Decimal(365), days)


def test_measures_follow_from_ledger_sums_and_gdp_of_the_same_days(day, books, shipped):
    posted = ledger.post(day, books, shipped, datetime(2022, 6, 16, tzinfo=ZoneInfo(ROME)), zone=ROME)
    sums = totals(posted, books, ROME, 2022)
    assert (sums.electricity_kwh, sums.gas_m3, sums.water_m3, sums.usable_share) == (240, 32, 400, 1)
    assert sums.days == (date(2022, 6, 15),)
    made = indicators(sums, Decimal(3650), shipped)  # 10 [10k CNY] on the one day
    assert made["energy_per_gdp"] == (240 * Decimal("0.1229") + 32 * Decimal("1.2143")) / 10_000
    assert made["carbon_intensity"] == sums.t_co2 / 10
    assert made["renewable_share"] == Decimal(8) / 240
    assert made["water_loss"] == Decimal("0.05")


def test_an_account_that_is_silent_counts_as_missing_and_a_flattering_indicator_is_refused(day, books, shipped):
    without_gas = day[day["quantity"] != "gas_m3"]
    sums = totals(ledger.post(without_gas, books, shipped, datetime(2022, 6, 16, tzinfo=ZoneInfo(ROME)), zone=ROME), books, ROME, 2022)
    assert round(sums.usable_share, 4) == Decimal("0.8333")  # five of six accounts
    with pytest.raises(PenstockError, match=r"83\.3 % usable"):
        indicators(sums, Decimal(3650), shipped)
    assert "energy_per_gdp" in indicators(sums, Decimal(3650), shipped, least_usable=Decimal("0.8"))
    with pytest.raises(PenstockError, match="no entry in the ledger"):
        totals(ledger.post(day, books, shipped, datetime(2022, 6, 16, tzinfo=ZoneInfo(ROME))), books, ROME, 2021)
