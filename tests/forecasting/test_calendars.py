from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from city.problems import PenstockError
from forecasting.calendars import SATURDAY, SUNDAY, WORKDAY, Calendar, SchoolHoliday

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


def days(year: int, *spans: str) -> set[date]:
    """Days of a year from spans like 02-10..02-17, 05-01."""
    found: set[date] = set()
    for span in spans:
        first, _, last = span.partition("..")
        begin, end = (date.fromisoformat(f"{year}-{text}") for text in (first, last or first))
        found |= {begin + timedelta(days=d) for d in range((end - begin).days + 1)}
    return found


# Notices of the State Council General Office on holiday arrangements, copied by hand: days off and weekend days that are worked.
NOTICES: dict[int, tuple[Iterable[str], Iterable[str]]] = {
    2024: (
        ["01-01", "02-10..02-17", "04-04..04-06", "05-01..05-05", "06-08..06-10", "09-15..09-17", "10-01..10-07"],
        ["02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"],
    ),
    2025: (
        ["01-01", "01-28..02-04", "04-04..04-06", "05-01..05-05", "05-31..06-02", "10-01..10-08"],
        ["01-26", "02-08", "04-27", "09-28", "10-11"],
    ),
    2026: (
        ["01-01..01-03", "02-15..02-23", "04-04..04-06", "05-01..05-05", "06-19..06-21", "09-25..09-27", "10-01..10-07"],
        ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    ),
}


@pytest.mark.parametrize("year", NOTICES)
def test_china_is_off_and_at_work_as_the_state_council_announced(year):
    calendar = Calendar(time_zone="Asia/Shanghai", country="CN")
    off, worked = (days(year, *spans) for spans in NOTICES[year])
    every = [date(year, 1, 1) + timedelta(days=d) for d in range(366 if year == 2024 else 365)]
    assert {d for d in every if calendar.kind_of_day(d)[1]} == off
    assert {d for d in every if d.weekday() >= 5 and calendar.kind_of_day(d) == (WORKDAY, False)} == worked


def test_a_weekend_beside_a_holiday_stays_a_weekend_where_weekends_are_not_moved():
    calendar = Calendar(country="DE")
    assert calendar.kind_of_day(date(2025, 4, 18)) == (SUNDAY, True)  # Good Friday
    assert calendar.kind_of_day(date(2025, 4, 19)) == (SATURDAY, False)


def test_eve_and_bridge_are_workdays_beside_holidays_even_at_the_edges_of_the_grid():
    friday_after_ascension = date(2025, 5, 30)  # Thursday 2025-05-29 is a holiday in Germany
    grid = Calendar(country="DE", time_zone="Europe/Berlin").grid(datetime(2025, 5, 26, 22, tzinfo=UTC), QUARTER, 96 * 4)
    named = {str(grid.first_day + timedelta(days=d)): (grid.eve[d], grid.bridge[d], grid.after[d]) for d in range(grid.days)}
    assert named["2025-05-28"] == (True, False, False)
    assert named[str(friday_after_ascension)] == (False, True, True)  # the last day of the grid: Saturday was looked at too
    assert named["2025-05-27"] == (False, False, False)


def test_school_holidays_are_a_fact_of_the_day_and_change_no_day_type():
    spans = (SchoolHoliday(first=date(2022, 3, 2), last=date(2022, 3, 4)),)
    grid = local_days(datetime(2022, 2, 28, 23, tzinfo=UTC), 5, school=spans)
    assert list(grid.school) == [False, True, True, True, False]
    assert list(grid.day_type) == [WORKDAY, WORKDAY, WORKDAY, WORKDAY, SATURDAY]
    assert list(grid.since(2)[0].school) == [True, True, False]


def test_school_holidays_that_end_before_they_begin_are_refused():
    with pytest.raises(ValueError, match="exchange the two"):
        SchoolHoliday(first=date(2022, 3, 4), last=date(2022, 3, 2))


def test_names_come_from_the_table_and_from_the_public_calendar():
    calendar = Calendar(overrides={date(2022, 11, 3): "holiday"}, names={date(2022, 11, 3): "San Giusto"})
    assert calendar.name_of(date(2022, 11, 3)) == "San Giusto"
    assert calendar.name_of(date(2022, 12, 25)) == "Christmas Day"
    assert calendar.name_of(date(2022, 11, 4)) == ""


@pytest.mark.parametrize(
    ("zone", "first_utc", "columns"),
    [
        ("Australia/Melbourne", datetime(2022, 10, 1, 14, tzinfo=UTC), 92),  # Sunday 2022-10-02: spring in the south
        ("Australia/Melbourne", datetime(2022, 4, 2, 13, tzinfo=UTC), 100),  # Sunday 2022-04-03: autumn
        ("Australia/Lord_Howe", datetime(2022, 10, 1, 13, 30, tzinfo=UTC), 94),  # the clock moves by half an hour
        ("Australia/Lord_Howe", datetime(2022, 4, 2, 13, tzinfo=UTC), 98),
        ("Asia/Shanghai", datetime(2022, 3, 26, 16, tzinfo=UTC), 96),  # no clock change since 1991
    ],
)
def test_a_day_has_as_many_quarters_as_its_clock(zone, first_utc, columns):
    grid = Calendar(time_zone=zone, country=None).grid(first_utc, QUARTER, 200)
    assert (grid.day == 0).sum() == columns
    assert grid.slot[0] == 0
    assert grid.slot[columns] == 0
    assert (grid.column[0] < 0).sum() == max(0, 96 - columns)


def test_an_hourly_grid_under_half_hour_clocks_keeps_every_column_in_one_cell():
    grid = Calendar(time_zone="Australia/Lord_Howe", country=None).grid(datetime(2022, 1, 1, tzinfo=UTC), timedelta(hours=1), 24 * 365)
    filled = grid.column[grid.column >= 0]
    assert len(set(filled.tolist())) == len(filled)
    assert np.all((grid.slot >= 0) & (grid.slot < 24))
