"""What a number is: its bases, what may be compared, and published figures reproduced by it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.targets.metric import (
    Basis,
    Value,
    chained,
    change_from_growth,
    change_percent,
    differences,
    metric_of,
    printed,
    ratio,
    warning,
)
from city.problems import PenstockError

TOTAL = Basis(electricity="equal", price_year=2020)
OFFICIAL = Basis(electricity="equal", price_year=2020, feedstock="deducted", non_fossil="deducted")


def energy(basis: Basis, vintage: str = ""):
    return metric_of("energy_per_gdp", basis, vintage=vintage)


def test_a_metric_says_what_it_is():
    assert str(energy(OFFICIAL, "final")) == (
        "energy with electricity at the coal of thermal power (equal value), without feedstock and non-fossil energy"
        " / GDP at prices of 2020 / final"
    )
    assert str(metric_of("renewable_share", Basis())) == "own renewable generation / electricity used"
    of_primary = metric_of("non_fossil_share", Basis(share_of="primary-energy", electricity="equal"))
    assert of_primary.denominator == "primary energy used, electricity at the coal of thermal power (equal value)"
    assert metric_of("water_loss", Basis(price_year=2020)).price_year is None  # no money in it


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Basis(electricity="equivalent", price_year=2020), "numerator: energy with electricity at the coal"),
        (OFFICIAL, "without feedstock and non-fossil energy"),
        (Basis(electricity="equal", price_year=2015), "price year: 2020 against 2015"),
    ],
)
def test_unlike_bases_are_neither_compared_nor_chained_and_warn_side_by_side(other, told):
    one, two = Value(energy(TOTAL), 2024, Decimal("0.45")), Value(energy(other), 2025, Decimal("0.43"))
    with pytest.raises(PenstockError, match="Restate one of them"):
        change_percent(one, two)
    with pytest.raises(PenstockError, match="Chain it apart"):
        chained(one, {2025: (energy(other), Decimal(-5))})
    assert told in str(warning(energy(TOTAL), energy(other)))
    assert warning(energy(TOTAL), energy(TOTAL)) is None


def test_feedstock_accounts_are_part_of_the_basis_and_must_be_taken_off():
    one, other = (energy(Basis(feedstock="deducted", feedstock_accounts=(name,))) for name in ("ammonia", "naphtha"))
    assert "without feedstock (ammonia)" in differences(one, other)[0]
    with pytest.raises(ValueError, match="named but not taken off"):
        Basis(feedstock_accounts=("ammonia",))


def test_a_census_breaks_a_comparison_and_a_preliminary_figure_does_not():
    assert differences(energy(TOTAL, "preliminary"), energy(TOTAL, "final")) == ()
    assert differences(energy(TOTAL, "final"), energy(TOTAL, "census")) == ("census revision: False against True",)


def test_changes_chain_year_by_year():
    start = Value(energy(TOTAL), 2016, Decimal(100))
    made = chained(start, {2017: (energy(TOTAL), Decimal("-3.7")), 2018: (energy(TOTAL), Decimal("-3.1"))})
    assert made[-1].value == Decimal("93.3147")
    assert printed(change_percent(made[0], made[-1]), 2) == "-6.69"
    with pytest.raises(PenstockError, match="2016 is followed by 2018"):
        chained(start, {2018: (energy(TOTAL), Decimal("-3.1"))})


@given(st.decimals("-50", "50", places=2), st.decimals("-50", "50", places=2))
def test_growth_above_and_below_the_line_agrees_with_the_ratio(above, below):
    metric = energy(TOTAL)
    one = ratio(metric, 2024, Decimal(200), Decimal(400))
    two = ratio(metric, 2025, Decimal(200) * (100 + above) / 100, Decimal(400) * (100 + below) / 100)
    assert abs(change_percent(one, two) - change_from_growth(above, below)) < Decimal("1e-20")


def test_no_ratio_over_nothing():
    for above, below in ((1, 0), (-1, 1), ("NaN", 1)):
        with pytest.raises(PenstockError, match="positive number"):
            ratio(energy(TOTAL), 2025, Decimal(above), Decimal(below))


def test_2018_as_the_statistics_office_printed_it():
    assert printed(change_from_growth(Decimal("3.3"), Decimal("6.6")), 1) == "-3.1"
