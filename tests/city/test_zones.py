"""Civil days in every time zone there is: they tile the years, and hold whole quarters."""

from collections import Counter
from datetime import date, timedelta
from zoneinfo import available_timezones

import pytest

from city.clock import QUARTER, civil_day, local_date

ZONES = sorted(zone for zone in available_timezones() if not zone.startswith(("posix/", "right/")) and zone not in ("localtime", "Factory"))
NORMAL = {92, 96, 100}
HALF_HOURS = {94, 98}  # Lord Howe moves its clock by half an hour
YEARS = (2011, 2015, 2022, 2026)


def changes(zone: str, year: int) -> list[date]:
    """Days around those on which the clock of a zone changes in a year; all others have 24 hours."""
    days = [date(year, 1, 1) + timedelta(days=i) for i in range(366)]
    starts = [civil_day(day, zone)[0] for day in days]
    near = {i + k for i in range(365) if starts[i + 1] - starts[i] != timedelta(days=1) for k in (-1, 0, 1)}
    return [days[i] for i in sorted(near) if 0 <= i < len(days)]


@pytest.mark.slow
def test_civil_days_of_all_zones_tile_the_years_in_whole_quarters() -> None:
    found: dict[int, set[tuple[str, date]]] = {}
    for zone in ZONES:
        for year in YEARS:
            for day in changes(zone, year):
                start, end = civil_day(day, zone)
                assert (end - start) % QUARTER == timedelta(0), (zone, day)
                assert civil_day(day + timedelta(days=1), zone)[0] == end
                if end > start:
                    assert (local_date(start, zone), local_date(end - QUARTER, zone)) == (day, day)
                found.setdefault((end - start) // QUARTER, set()).add((zone, day))
    assert ("Pacific/Apia", date(2011, 12, 30)) in found[0]
    half = Counter(zone for count in HALF_HOURS for zone, _ in found[count])
    assert {zone for zone, times in half.items() if times >= 2 * len(YEARS)} == {"Australia/Lord_Howe", "Australia/LHI"}
    # What else there is are changes of a zone's own offset, which happen once: Caracas, Pyongyang, Troll and the like.
    rare = Counter(zone for count, where in found.items() if count not in NORMAL | HALF_HOURS for zone, _ in where)
    assert sum(rare.values()) < 0.02 * sum(map(len, found.values()))


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Asia/Kathmandu", date(2022, 6, 15), 96),
        ("Australia/Lord_Howe", date(2022, 4, 3), 98),
        ("Australia/Lord_Howe", date(2022, 10, 2), 94),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("America/Havana", date(2022, 11, 6), 100),  # the clock goes back over midnight's own hour
        ("America/Sao_Paulo", date(2018, 11, 4), 92),  # midnight itself does not exist
        ("Asia/Pyongyang", date(2015, 8, 14), 98),
    ],
)
def test_days_with_a_story(zone: str, day: date, quarters: int) -> None:
    start, end = civil_day(day, zone)
    assert (end - start) / QUARTER == quarters
