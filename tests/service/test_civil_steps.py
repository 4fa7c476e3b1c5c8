"""A step that civil days do not consist of is refused where it is written, not found as missing values a day later."""

from pathlib import Path

import pytest

from service.civil_steps import mismatched, whole_steps
from tests.town import Town


@pytest.mark.parametrize(
    ("zone", "fits", "not_"),
    [
        ("Europe/Rome", (900, 1800, 3600), ()),
        ("Asia/Kolkata", (900, 1800), (3600,)),
        ("Asia/Kathmandu", (900,), (1800, 3600)),
        ("Australia/Lord_Howe", (900, 1800), (3600,)),
    ],
)
def test_days_consist_of_quarters_everywhere_and_of_hours_where_midnight_is_on_the_hour(
    zone: str, fits: tuple[int, ...], not_: tuple[int, ...]
) -> None:
    assert all(whole_steps(zone, step_s) for step_s in fits)
    assert not any(whole_steps(zone, step_s) for step_s in not_)


def test_an_hourly_meter_in_nepal_is_told_with_the_step_that_fits(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town = Town(tmp_path, head=town.head.replace("Europe/Rome", "Asia/Kathmandu").replace('"IT"', '"NP"')).write()
    said = town.penstock("init")
    said = town.penstock("night", "--now", "2022-06-16T00:30+05:45")
    assert said.code == 1
    assert "meters[2].step_s (inflow): 3600 s" in said.err
    assert "such as 900" in said.err


def test_a_city_without_a_zone_is_told_elsewhere() -> None:
    assert list(mismatched({"city": {"time_zone": "Mars/Olympus"}, "meters": [{"id": "a", "step_s": 3600}]})) == []
