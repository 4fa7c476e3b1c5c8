from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from city.problems import PenstockError
from forecasting.calendars import SATURDAY, SUNDAY, WORKDAY, Calendar

QUARTER = timedelta(minutes=15)


def local_days(first: datetime, days: int, **options):
    return Calendar(**options).grid(first, QUARTER, days * 96)


def test_spring_change_has_92_quarters_and_four_cells_without_a_column():
    grid = local_days(datetime(2022, 3, 26, 23, tzinfo=UTC), 2)  # Sunday 2022-03-27 in Rome
    assert (grid.day == 0).sum() == 92
    assert list(np.flatnonzero(grid.column[0] < 0)) == [8, 9, 10, 11]  # 02:00 to 03:00 does not exist
    assert grid.slot[8] == 12


def test_autumn_change_has_100_quarters_and_its_cells_point_to_the_first_pass():
    grid = local_days(datetime(2022, 10, 29, 22, tzinfo=UTC), 2)  # Sunday 2022-10-30 in Rome
    assert (grid.day == 0).sum() == 100
    assert list(grid.slot[8:16]) == [8, 9, 10, 11, 8, 9, 10, 11]
    assert list(grid.column[0, 8:12]) == [8, 9, 10, 11]


def test_cells_and_columns_agree_in_both_directions():
    grid = local_days(datetime(2022, 3, 1, tzinfo=UTC), 300)
    for day, slot in ((0, 4), (40, 0), (100, 95), (243, 50)):
        column = grid.column[day, slot]
        assert grid.day[column] == day
        assert grid.slot[column] == slot


def test_daily_columns_step_over_the_skipped_hour():
    grid = local_days(datetime(2022, 3, 25, 23, tzinfo=UTC), 3)
    at_half_past_two = grid.daily_columns(10)
    assert [grid.slot[c] for c in at_half_past_two[:3]] == [10, 12, 10]


def test_italian_republic_day_is_a_sunday_and_the_next_day_a_workday():
    calendar = Calendar()
    assert calendar.kind_of_day(date(2022, 6, 2)) == (SUNDAY, True)
    assert calendar.kind_of_day(date(2022, 6, 3)) == (WORKDAY, False)
    assert calendar.kind_of_day(date(2022, 6, 4)) == (SATURDAY, False)


def test_chinese_make_up_saturday_is_a_workday_like_a_friday():
    calendar = Calendar(time_zone="Asia/Shanghai", country="CN")
    assert calendar.kind_of_day(date(2022, 10, 8)) == (WORKDAY, False)  # worked for the National Day week
    assert calendar.kind_of_day(date(2022, 10, 5)) == (SUNDAY, True)
    grid = calendar.grid(datetime(2022, 10, 7, 16, tzinfo=UTC), QUARTER, 96)
    assert grid.weekday[0] == 5
    assert grid.alike[0] == 4


def test_the_citys_own_table_wins_over_the_public_calendar():
    calendar = Calendar(overrides={date(2022, 11, 3): "holiday", date(2022, 6, 2): "workday"})
    assert calendar.kind_of_day(date(2022, 11, 3)) == (SUNDAY, True)
    assert calendar.kind_of_day(date(2022, 6, 2)) == (WORKDAY, False)


@pytest.mark.parametrize("wrong", [{"time_zone": "Europe/Atlantis"}, {"country": "XX"}])
def test_an_unknown_zone_or_country_is_a_sentence(wrong):
    with pytest.raises(PenstockError, match="calendar"):
        Calendar(**wrong).grid(datetime(2022, 1, 1, tzinfo=UTC), QUARTER, 96)


def test_a_grid_cut_at_a_day_is_the_grid_begun_there():
    whole = local_days(datetime(2022, 3, 1, tzinfo=UTC), 60)
    cut, first = whole.since(20)
    assert np.array_equal(cut.day, whole.day[first:] - 20)
    assert np.array_equal(cut.column[5], whole.column[25] - first)
    assert cut.first_day == date(2022, 3, 21)
