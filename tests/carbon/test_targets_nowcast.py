"""The year that is under way: seasons from earlier years, degree days where given, and an interval that closes."""

import calendar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.targets.nowcast import Known, nowcast
from city.problems import PenstockError

SHAPE = dict(zip(range(1, 13), (14, 13, 11, 9, 8, 8, 10, 10, 8, 9, 11, 13), strict=True))  # per day


def months(year: int, upto: int = 12, level: float = 1.0) -> dict[tuple[int, int], Known]:
    lengths = {m: calendar.monthrange(year, m)[1] for m in range(1, upto + 1)}
    return {(year, m): Known(level * SHAPE[m] * days, days) for m, days in lengths.items()}


def whole(year: int, level: float = 1.0) -> float:
    return sum(k.amount for k in months(year, 12, level).values())


def test_the_other_months_are_those_of_the_year_before():
    told = nowcast(months(2021) | months(2022, 4), 2022)
    assert told.method == "same months"
    assert told.amount == pytest.approx(whole(2022))
    assert told.days_known == pytest.approx(120 / 365)
    even = sum(k.amount for k in months(2022, 4).values()) * 365 / 120
    assert even > 1.1 * told.amount  # what a winter alone would promise


@given(st.integers(1, 12), st.floats(0.8, 1.25))
def test_the_interval_holds_what_is_in_already_and_closes_with_the_year(upto, level):
    told = nowcast(months(2021) | months(2022, upto, level), 2022)
    so_far = sum(k.amount for k in months(2022, upto, level).values())
    assert so_far <= told.low <= told.amount <= told.high
    if upto == 12:
        assert (told.low, told.high, told.method) == (told.amount, told.amount, "complete")
    else:
        assert told.high > nowcast(months(2021) | months(2022, upto + 1, level), 2022).low


def test_a_year_that_began_higher_goes_on_a_little_higher():
    amounts = [nowcast(months(2021) | months(2022, upto, 1.1), 2022).amount / whole(2022) for upto in (1, 6, 11)]
    assert 1 < amounts[0] < amounts[1] < amounts[2] < 1.1


def test_an_open_february_of_a_leap_year_has_29_days():
    known = months(2023) | {(2024, 1): Known(14 * 31, 31), (2024, 2): Known(13 * 10, 10)}
    told = nowcast(known, 2024)
    assert told.days_known == pytest.approx(41 / 366)
    assert told.amount == pytest.approx(whole(2024))


def test_without_an_earlier_year_the_days_are_even_and_the_interval_is_wide():
    told = nowcast(months(2022, 6), 2022)
    assert told.method == "even days"
    assert told.amount == pytest.approx(sum(k.amount for k in months(2022, 6).values()) * 365 / 181)
    assert told.high - told.low > 5 * (nowcast(months(2021) | months(2022, 6), 2022).high - told.amount) / 2


HEATING = dict(zip(range(1, 13), (18, 16, 11, 6, 2, 0, 0, 0, 1, 6, 12, 17), strict=True))
DAYS = {(y, m): calendar.monthrange(y, m)[1] for y in (2021, 2022) for m in range(1, 13) if (y, m) <= (2022, 3)}


def test_a_cold_winter_is_no_growth_where_degree_days_are_given():
    """2021 as usual; the first quarter of 2022 is 5 K colder, so 0.5 x 5 a day more: the other months stay as they were."""
    degree_days = {(y, m): (HEATING[m] + 5.0 * (y == 2022), 0.0) for y, m in DAYS}
    known = {m: Known((5 + 0.5 * degree_days[m][0]) * n, n) for m, n in DAYS.items()}
    told, plain = nowcast(known, 2022, degree_days), nowcast(known, 2022)
    usual = sum((5 + 0.5 * HEATING[m]) * n for (y, m), n in DAYS.items() if y == 2021)
    assert told.method == "same months at usual degree days"
    assert told.amount == pytest.approx(usual + 0.5 * 5 * 90)
    assert plain.amount > 1.005 * told.amount


def test_a_use_that_falls_with_the_cold_is_not_believed_and_few_months_tell_no_line():
    degree_days = {(y, m): (HEATING[m] + 5.0 * (y == 2022), 0.0) for y, m in DAYS}
    falling = {m: Known((20 - 0.5 * degree_days[m][0]) * n, n) for m, n in DAYS.items()}
    assert nowcast(falling, 2022, degree_days).amount == pytest.approx(nowcast(falling, 2022).amount)
    few = {m: k for m, k in falling.items() if m >= (2021, 10)}
    assert nowcast(few, 2022, degree_days).amount == nowcast(few, 2022).amount


def test_nothing_of_the_year_is_refused():
    with pytest.raises(PenstockError, match="no day known"):
        nowcast(months(2021), 2022)
    assert nowcast({(2022, 1): Known(0.0, 31)}, 2022).amount == 0


def test_a_month_below_zero_comes_back_in_its_season():
    """A year's certificates are retired in one December: they are expected again, and nobody divides by that month."""
    retired = {(2021, 12): Known(-2000.0, 31)}
    told = nowcast(months(2021) | retired | months(2022, 11), 2022)
    assert told.amount == pytest.approx(sum(k.amount for k in months(2022, 11).values()) - 2000)
    assert told.low < told.amount < told.high
    assert nowcast(months(2021) | retired | months(2022, 11) | {(2022, 12): Known(-500.0, 31)}, 2022).method == "complete"


def test_the_spread_of_its_log_is_a_90_percent_interval():
    told = nowcast(months(2021) | months(2022, 6), 2022)
    assert told.spread == pytest.approx(np.log(told.high / told.low) / 3.29)
