"""GDP by vintage and price year: what was known when, series linked as published, slips found."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.targets.gdp import GdpFigure, breaks, constant_prices, growth_percent, known, slips
from carbon.targets.year_gdp import of_year, revised
from city.problems import PenstockError

LATE = date(2026, 12, 31)


def figure(year, value, prices=2020, vintage="final", published="2024-01-01", unit="100M CNY", sector=None):
    return GdpFigure(
        year=year, value=value, unit=unit, prices=prices, vintage=vintage, published=published, source="yearbook", sector=sector
    )


# 2018..2020 at prices of 2015, 2020..2022 at prices of 2020; the last year both have is 2020.
LINKED = (
    figure(2018, 900, 2015),
    figure(2019, 950, 2015),
    figure(2020, 980, 2015),
    figure(2020, 1078),
    figure(2021, 1150),
    figure(2022, 1190),
)


def test_a_series_of_another_price_year_is_linked_where_both_have_a_year():
    at_2020 = constant_prices(LINKED, 2020)
    assert at_2020[2020] == 10_780_000  # 10k CNY, as published
    assert at_2020[2018] == 9_900_000  # 900 x 1078 / 980 = 990
    assert [round(growth_percent(at_2020, year), 10) for year in (2019, 2020)] == [
        round(Decimal(50) / 9, 10),
        round(100 * (Decimal(980) / 950 - 1), 10),
    ]
    at_2015 = constant_prices(LINKED, 2015)
    assert at_2015[2020] == 9_800_000
    assert growth_percent(at_2015, 2022) == pytest.approx(growth_percent(at_2020, 2022), abs=Decimal("1e-20"))


@given(st.lists(st.decimals("0.5", "2", places=3), min_size=3, max_size=3), st.sampled_from([2005, 2010, 2015, 2020]))
def test_growth_is_as_published_whatever_price_year_is_asked_for(factor, price_year):
    """Four segments of five years, each at its own prices: linking changes levels by one factor per segment, never a growth rate."""
    starts, level, figures, growth = (2005, 2010, 2015, 2020), Decimal(1000), [], {}
    for i, start in enumerate(starts):
        for year in range(start, start + 6):
            if year > start:
                growth[year] = Decimal(5 + year % 3)
                level = level * (100 + growth[year]) / 100
            figures.append(figure(year, level, start))
        level = level * factor[i] if i < 3 else level  # prices of five years
    linked = constant_prices(figures, price_year)
    assert set(linked) == set(range(2005, 2026))
    for year, percent in growth.items():
        assert abs(growth_percent(linked, year) - percent) < Decimal("1e-15")


def test_what_was_known_then():
    figures = [
        figure(2024, 1350, vintage="preliminary", published="2025-02-28"),
        figure(2024, 1349, published="2025-12-26"),
        figure(2024, 1390, vintage="census", published="2026-06-30"),
    ]
    said = {day: known(figures, date.fromisoformat(day)) for day in ("2025-02-27", "2025-02-28", "2025-12-26", "2026-07-01")}
    assert {day: [f.value for f in found] for day, found in said.items()} == {
        "2025-02-27": [],
        "2025-02-28": [1350],
        "2025-12-26": [1349],
        "2026-07-01": [1390],
    }
    with pytest.raises(PenstockError, match="both published 2025-12-26"):
        known([*figures, figure(2024, 1348, published="2025-12-26")], LATE)


def test_a_year_not_published_is_carried_on_and_says_so():
    told = of_year(LINKED, {}, 2023, 2020, LATE)
    assert (told.vintage, told.price_year) == ("expected", 2020)
    assert told.ten_k_cny == pytest.approx(Decimal(11_900_000) * 1190 / 1150)
    assert "2023 is not published; carried on with 3.5 % growth of 2022" in told.note
    with pytest.raises(PenstockError, match="or two years in a row up to 2023 or later"):
        of_year(LINKED, {}, 2025, 2020, LATE)


def test_in_january_the_year_before_is_not_out_either():
    told = of_year(LINKED, {}, 2024, 2020, LATE)
    assert (told.vintage, told.years_carried) == ("expected", 2)
    assert told.ten_k_cny == pytest.approx(Decimal(11_900_000) * (Decimal(1190) / 1150) ** 2)
    assert "GDP of 2023 and 2024 is not published; carried on with 3.5 % growth of 2022" in told.note


def test_sectors_add_up_where_no_figure_is_for_the_whole_city():
    parts = [
        figure(y, v, sector=s)
        for s, values in (("industry", (600, 630)), ("other", (400, 440)))
        for y, v in zip((2023, 2024), values, strict=True)
    ]
    assert of_year(parts, {}, 2024, 2020, LATE).ten_k_cny == 10_700_000


def test_sectors_are_parts_of_the_city():
    whole = [figure(2023, 1000), figure(2024, 1050)]
    parts = [figure(2024, 600, sector="industry"), figure(2024, 440, sector="other")]
    assert of_year([*whole, *parts], {}, 2024, 2020, LATE).ten_k_cny == 10_500_000
    slipped = figure(2024, 440, sector="other", published="2025-01-01", unit="100M CNY").model_copy(update={"value": Decimal(4_400_000)})
    with pytest.raises(PenstockError, match=r"GDP 2024: sectors of 44006000000, the city of 10500000 \[10k CNY\]"):
        of_year([*whole, *parts, slipped], {}, 2024, 2020, LATE)


def test_one_figure_of_two_vintages_on_a_day_is_the_later_vintage():
    twice = [figure(2024, 1350), figure(2024, 1350, vintage="preliminary")]
    assert [known(order, LATE)[0].vintage for order in (twice, twice[::-1])] == ["final", "final"]


def test_the_simple_form_needs_no_figure():
    assert of_year((), {2024: Decimal(5000)}, 2024, None, LATE).note == ""
    assert "states no price year" in of_year((), {2024: Decimal(5000)}, 2024, 2020, LATE).note
    with pytest.raises(PenstockError, match=r"gdp_10k_cny of that year"):
        of_year((), {}, 2024, None, LATE)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ((figure(2023, 1300), figure(2024, 1365, unit="10k CNY")), "CNY, 10k CNY and 100M CNY differ by 10,000"),
        ((figure(2023, 1300), figure(2024, 1365, unit="CNY")), "CNY, 10k CNY and 100M CNY differ by 10,000"),
        ((figure(2023, 1300), figure(2024, "13650000")), "CNY, 10k CNY and 100M CNY differ by 10,000"),
        ((figure(2023, 1300, 2015), figure(2024, 1365)), "no year in common"),
        ((figure(2023, 1300, "current"), figure(2024, 1365, "current")), "Add figures at these prices"),
        ((figure(2020, 1300), figure(2020, 1430, "current"), figure(2021, 1350)), "Check the price year"),
        ((figure(2022, 1300), figure(2023, 1430, vintage="census")), "Add the revised back years"),
    ],
)
def test_what_cannot_be_right_is_a_sentence_with_its_year(figures, told):
    with pytest.raises(PenstockError, match=told):
        of_year(figures, {}, 2024, 2020, LATE)


def test_slips_show_in_energy_per_gdp_and_not_in_slow_growth():
    assert slips({2024: Decimal(10_000_000)}, {2024: Decimal(5_000_000)}) == []
    (problem,) = slips({2024: Decimal(1000)}, {2024: Decimal(5_000_000)})
    assert "5000 tce per 10k CNY" in problem.observed
    assert slips({2020: Decimal(100), 2024: Decimal(150)}) == []


def test_years_after_the_last_census_are_no_break():
    after = [figure(2022, 1400, vintage="census"), figure(2023, 1450, vintage="census"), figure(2024, 1500)]
    assert breaks(after) == []


def test_a_census_of_years_that_nothing_rests_on_is_no_fault():
    figures = [figure(2020, 1200), figure(2021, 1300), *(figure(y, 1400 + 50 * (y - 2022), vintage="census") for y in (2022, 2023))]
    assert of_year(figures, {}, 2024, 2020, LATE).vintage == "expected"
    assert of_year(figures, {}, 2023, 2020, LATE).vintage == "census"


def test_a_census_between_the_two_years_that_growth_rests_on_is_refused_in_january_too():
    """The two years before the gap count, whatever else is published of them."""
    figures = [figure(2021, 1300), figure(2022, 1400), figure(2022, 1500, "current"), figure(2023, 1600, "current")]
    figures += [figure(2023, 1550, vintage="census")]
    for year in (2024, 2025):
        with pytest.raises(PenstockError, match="GDP 2022 to 2023: final beside census"):
            of_year(figures, {}, year, 2020, LATE)


def test_revised_years_are_those_with_a_figure_before_and_one_after_the_census():
    figures = [figure(2020, 1200), figure(2020, 1260, vintage="census", published="2024-12-26"), figure(2023, 1500, vintage="census")]
    assert revised(figures, date(2024, 12, 25)) == frozenset()
    assert revised(figures, date(2024, 12, 26)) == {2020}


def test_sectors_of_two_vintages_are_as_final_as_the_least():
    parts = [figure(2024, 600, sector="industry"), figure(2024, 400, sector="other", vintage="preliminary")]
    assert of_year(parts, {}, 2024, 2020, LATE).vintage == "preliminary"
