"""Measures from a real ledger: energy in standard coal on each basis, carbon, shares, water, against GDP of the same days."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest

from carbon.accounts import account_of
from carbon.gwp import gwp
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.targets.energy import coal_weights, electricity_weight
from carbon.targets.measures import BOOK_BY, gdp_of_days, sides, sums, usable_share, value
from carbon.targets.metric import Basis
from city.problems import PenstockError

ROME = "Europe/Rome"
KWH, M3 = Decimal("0.1229"), Decimal("1.2143")  # kgce, GB/T 2589-2020


def booked(usage: pd.DataFrame, accounts, factors) -> pd.DataFrame:
    batch = post(usage, accounts, (), factors, datetime(2022, 6, 16, tzinfo=UTC), zone=ROME)
    return Ledger.of([batch]).book(by=BOOK_BY, zone=ROME, period="D")


@pytest.fixture(scope="module")
def made(day, books, shipped):
    return sums(booked(day, books, shipped), books, "2022")


def test_sums_are_those_of_the_day(made):
    assert made.amounts == {
        "works-power": 40_000,
        "works-gas": 32_000_000,
        "pumps": 200_000,
        "supply": 400_000_000,
        "loss": 20_000_000,
        "roofs": 8_000,
    }
    assert (made.days, set(made.usable.values())) == ((date(2022, 6, 15),), {1})


def test_measures_over_the_gdp_of_the_same_day(made, books, shipped):
    """10 [10k CNY] fall on one day of a year with 3650."""
    say = lambda measure, **basis: value(measure, Basis(**basis), made, Decimal(3650), books, shipped)  # noqa: E731
    assert say("energy_per_gdp") == (240 * KWH + 32 * M3) / 10_000
    assert say("carbon_intensity") == Decimal(made.mg["CO2"]).scaleb(-9) / 10
    assert say("water_per_gdp") == 40
    assert say("water_loss") == Decimal("0.05")
    assert say("renewable_share") == Decimal(8) / 240
    assert say("renewable_share", share_of="primary-energy") == 8 * KWH / (240 * KWH + 32 * M3)


def test_the_official_basis_takes_feedstock_and_non_fossil_energy_off(made, books, shipped):
    off = {"feedstock": "deducted", "feedstock_accounts": ("works-gas",), "non_fossil": "deducted"}
    assert sides("energy_per_gdp", Basis(**off), made, books, shipped)[0] == 232 * KWH / 1000
    assert sides("energy_per_gdp", Basis(feedstock="deducted"), made, books, shipped)[0] == (240 * KWH + 32 * M3) / 1000  # no account named


def test_equal_value_is_of_its_own_year_and_no_other(made, books, shipped):
    assert electricity_weight(shipped, date(2024, 6, 1), "equal").kgce == Fraction("0.3024") / 1000
    with pytest.raises(PenstockError, match="0 coefficients of equal value for 2022"):
        sides("energy_per_gdp", Basis(electricity="equal"), made, books, shipped)
    with pytest.raises(PenstockError, match="equivalent or equal"):
        sides("energy_per_gdp", Basis(electricity="substitution"), made, books, shipped)


def test_fuels_and_heat_weigh_by_their_heat(shipped):
    place = {"site": "works", "sector": "industry", "region": "CN-ZJ"}
    accounts = (
        account_of(id="diesel", kind="fuel", fuel="diesel", counts="mass_kg", point="tank.mass", **place),
        account_of(id="steam", kind="heat", point="steam.heat", **place),
        account_of(id="rich", kind="natural-gas", method="ipcc2006-gbt2589-high", point="gas.volume", **place),
        account_of(id="water", kind="water-supply", point="w.volume", **place),
    )
    weights = coal_weights(accounts, shipped, date(2022, 6, 15), "equivalent")
    assert weights["diesel"].kgce * 1000 == Fraction("1.4571")  # as printed: heat value over heat value
    assert weights["steam"].kgce * 1000 == Fraction("3.6") * Fraction("0.03412")
    assert weights["rich"].kgce * 1_000_000 == Fraction("1.33")
    assert "water" not in weights
    assert {f.id for f in weights["diesel"].factors} >= {"cn.gbt2589.diesel", "cn.gbt2589.heat_equivalent"}


def test_all_gases_weigh_more_than_carbon_dioxide_alone(made, books, shipped):
    alone = sides("carbon_intensity", Basis(), made, books, shipped)[0]
    every = sides("carbon_intensity", Basis(gases="CO2e"), made, books, shipped, gwp(shipped, "AR6"))[0]
    by_hand = sum((Decimal(mg) * gwp(shipped, "AR6")[gas] for gas, mg in made.mg.items()), Decimal(0)).scaleb(-9)
    assert every == by_hand > alone
    with pytest.raises(PenstockError, match="weighed"):
        sides("carbon_intensity", Basis(gases="CO2e"), made, books, shipped)


def test_a_silent_account_counts_as_missing_and_a_flattering_measure_is_refused(day, books, shipped):
    without_gas = day[day["quantity"] != "gas_m3"]
    book = booked(without_gas, books, shipped)
    few = sums(book, books, "2022")
    shares = {
        measure: round(usable_share(measure, Basis(), few, books), 4) for measure in ("energy_per_gdp", "water_loss", "renewable_share")
    }
    assert shares == {"energy_per_gdp": Decimal("0.6667"), "water_loss": 1, "renewable_share": 1}  # two of three energy accounts
    with pytest.raises(PenstockError, match=r"66\.7 % usable"):
        value("energy_per_gdp", Basis(), few, Decimal(3650), books, shipped)
    assert value("energy_per_gdp", Basis(), few, Decimal(3650), books, shipped, least_usable=Decimal("0.6"))
    assert value("water_loss", Basis(), few, None, books, shipped) == Decimal("0.05")
    with pytest.raises(PenstockError, match="no entry in the ledger"):
        sums(book, books, "2021")
    with pytest.raises(PenstockError, match="entries of account"):
        sums(book, books[1:], "2022")


def test_missing_hours_count_by_their_part_of_the_day(day, books, shipped):
    gone = day.assign(quality=day["quality"].where(day.index % 4 > 0, 0))
    few = sums(booked(gone, books, shipped), books, "2022")
    assert few.usable["works-power"] == Decimal("0.75")


def test_gdp_is_shared_out_by_days_of_the_year():
    assert gdp_of_days(Decimal(365), [date(2022, 1, 1), date(2022, 1, 2)]) == 2
    assert gdp_of_days(Decimal(366), [date(2024, 2, 29)]) == 1
    for days in ([], [date(2022, 1, 1)] * 2, [date(2022, 12, 31), date(2023, 1, 1)]):
        with pytest.raises(PenstockError, match="different days of one year"):
            gdp_of_days(Decimal(365), days)
