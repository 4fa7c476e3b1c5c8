"""The clock: civil days of 23, 24 and 25 hours on a UTC grid, and times that could mean several things are refused."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import HOUR, QUARTER, as_utc, ceil, civil_day, floor, grid, local, local_date, parse_utc
from city.problems import PenstockError

ZONES = ("Europe/Rome", "Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe", "UTC")
instants = st.integers(0, 4 * 10**15).map(lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))


def quarters(day: date, zone: str) -> int:
    start, end = civil_day(day, zone)
    return int((end - start) / QUARTER)


@pytest.mark.parametrize(("day", "count"), [(date(2022, 3, 27), 92), (date(2022, 6, 15), 96), (date(2022, 10, 30), 100)])
def test_a_day_in_rome_has_92_96_or_100_quarters(day: date, count: int) -> None:
    assert quarters(day, "Europe/Rome") == count


def test_a_day_in_shanghai_always_has_96_quarters() -> None:
    assert {quarters(date(2022, 1, 1) + timedelta(days=i), "Asia/Shanghai") for i in range(365)} == {96}


def test_lord_howe_moves_its_clock_by_half_an_hour() -> None:
    assert [quarters(day, "Australia/Lord_Howe") for day in (date(2022, 4, 3), date(2022, 10, 2))] == [98, 94]


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.sampled_from(ZONES))
def test_civil_days_follow_each_other_without_gap_and_hold_their_own_date(day: date, zone: str) -> None:
    start, end = civil_day(day, zone)
    assert civil_day(day + timedelta(days=1), zone)[0] == end
    assert local_date(start, zone) == day
    assert local_date(end - timedelta(microseconds=1), zone) == day


@given(instants, st.sampled_from((QUARTER, HOUR)))
def test_floor_and_ceil_enclose_a_time_within_one_step(time: datetime, step: timedelta) -> None:
    low, high = floor(time, step), ceil(time, step)
    assert low <= time <= high
    assert high - low in (timedelta(0), step)
    assert floor(low, step) == low == ceil(low, step)


@given(instants, st.integers(-14 * 4, 14 * 4))
def test_the_same_instant_in_any_offset_is_the_same_time(time: datetime, quarter_hours: int) -> None:
    shifted = time.astimezone(timezone(timedelta(minutes=15 * quarter_hours)))
    assert parse_utc(shifted.isoformat()) == time
    assert as_utc(shifted).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2022-06-16T00:30", "no time zone"),
        ("2022-06-16", "no time zone"),
        ("tomorrow", "not a time"),
        ("", "not a time"),
        ("2022-02-30T00:00+01:00", "not a time"),
        ("16/06/2022 00:30", "not a time"),
        ("0001-01-01T00:00+14:00", "before year 1"),
        ("9999-12-31T23:59-12:00", "after 9999"),
    ],
)
def test_a_time_that_cannot_be_told_is_refused_with_the_way_to_write_it(text: str, why: str) -> None:
    with pytest.raises(PenstockError, match=why):
        parse_utc(text)


def test_a_grid_is_in_utc_to_the_microsecond_and_local_times_keep_their_instants() -> None:
    times = grid(datetime(2022, 10, 29, 22, 0, tzinfo=UTC), 100, QUARTER)
    assert str(times.dtype) == "datetime64[us, UTC]"
    wall = local(times, "Europe/Rome")
    assert (wall == times).all()
    assert [f"{wall[i]:%H:%M %z}" for i in (8, 12, 99)] == ["02:00 +0200", "02:00 +0100", "23:45 +0100"]
