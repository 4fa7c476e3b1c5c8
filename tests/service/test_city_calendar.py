"""The city's own calendar: what city.toml and the table beside it say wins over the public one, and wrong rows are sentences."""

from datetime import date
from pathlib import Path

import pytest

from city.problems import PenstockError
from forecasting.calendars import SUNDAY, WORKDAY, Calendar
from service.environment import Environment
from service.settings import load

HEAD = 'city = { id = "x", name = "X", time_zone = "Asia/Shanghai", country = "CN", region = "CN-ZJ" }\n'


def calendar(folder: Path, toml: str, table: str = "") -> Calendar:
    (folder / "city.toml").write_text(HEAD + toml, encoding="utf-8")
    if table:
        (folder / "days.csv").write_text(table, encoding="utf-8")
    return load(Environment(city=folder / "city.toml", home=folder)).settings.calendar


def refused(folder: Path, toml: str, table: str = "") -> str:
    with pytest.raises(PenstockError) as caught:
        calendar(folder, toml, table)
    return str(caught.value)


def test_a_city_without_a_table_lives_by_the_public_calendar(tmp_path: Path) -> None:
    found = calendar(tmp_path, "")
    assert found.kind_of_day(date(2025, 1, 26)) == (WORKDAY, False)
    assert found.kind_of_day(date(2025, 10, 4)) == (SUNDAY, True)


def test_overrides_of_the_city_file_win(tmp_path: Path) -> None:
    found = calendar(tmp_path, '[calendar]\noverrides = { 2025-01-26 = "holiday", 2025-10-08 = "workday" }\n')
    assert found.kind_of_day(date(2025, 1, 26)) == (SUNDAY, True)
    assert found.kind_of_day(date(2025, 10, 8)) == (WORKDAY, False)


def test_the_table_gives_days_ranges_names_and_school_holidays(tmp_path: Path) -> None:
    table = "date,type,name,until\n2025-09-10,holiday,Lantern fair,\n2025-07-05,school,summer,2025-08-31\n2025-11-01,workday,,2025-11-02\n"
    found = calendar(tmp_path, '[calendar]\nfile = "days.csv"\noverrides = { 2025-09-11 = "holiday" }\n', table)
    assert found.kind_of_day(date(2025, 9, 10)) == (SUNDAY, True)
    assert found.kind_of_day(date(2025, 9, 11)) == (SUNDAY, True)
    assert found.kind_of_day(date(2025, 11, 2)) == (WORKDAY, False)  # a Sunday
    assert found.name_of(date(2025, 9, 10)) == "Lantern fair"
    assert [(s.first, s.last) for s in found.school] == [(date(2025, 7, 5), date(2025, 8, 31))]


def test_every_wrong_row_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    table = "date,type,name\n2025-02-30,holiday,\n2025-03-01,festival,fair\n2025-03-02,holiday,\n2025-03-02,workday,\n"
    told = refused(tmp_path, '[calendar]\nfile = "days.csv"\n', table)
    assert "calendar: days.csv line 2: '2025-02-30' is no date; write it like 2025-01-27" in told
    assert "line 3: type 'festival' is unknown; write holiday, workday or school" in told
    assert "line 5: 2025-03-02 is 'holiday' in an earlier line" in told


def test_a_day_that_both_say_differently_is_a_fault(tmp_path: Path) -> None:
    told = refused(
        tmp_path, '[calendar]\nfile = "days.csv"\noverrides = { 2025-03-02 = "holiday" }\n', "date,type,name\n2025-03-02,workday,\n"
    )
    assert "2025-03-02 is 'workday' in days.csv and 'holiday' here" in told


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('overrides = { 2025-01-26 = "feast" }', "calendar.overrides.2025-01-26: 'feast'"),
        ('overrides = { tomorrow = "holiday" }', "calendar.overrides"),
        ("school = [{ first = 2025-08-31, last = 2025-07-01 }]", "exchange the two"),
        ('file = "nowhere.csv"', "nowhere.csv cannot be read"),
        ('holidays = "many"', "one of overrides, names, school, file"),
    ],
)
def test_words_nobody_knows_are_sentences_with_their_path(tmp_path: Path, toml: str, said: str) -> None:
    assert said in refused(tmp_path, f"[calendar]\n{toml}\n")
