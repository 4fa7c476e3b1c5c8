"""`[calendar]` in city.toml and the table beside it: days that differ from the public calendar, and school holidays."""

import csv
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import Field, ValidationInfo, model_validator

from city.named_files import Names
from city.places import Place
from forecasting.calendars import Calendar, DayType, SchoolHoliday

COLUMNS = ("date", "type", "name", "until")
SCHOOL = "school"
TYPES = (*get_args(DayType), SCHOOL)


class CityCalendar(Place):
    """Days that differ from the public calendar of the city's country; a row here wins over it."""

    overrides: dict[date, DayType] = Field(default_factory=dict, description="day -> holiday or workday")
    names: dict[date, str] = Field(default_factory=dict, description="day -> what people call it")
    school: tuple[SchoolHoliday, ...] = Field(default=(), description="school holidays: first, last, name")
    file: Annotated[str | None, Names.BESIDE] = Field(
        default=None, description="table (CSV: date,type,name and, for ranges, until) of the same, beside city.toml"
    )

    @model_validator(mode="after")
    def _with_the_file(self, info: ValidationInfo) -> Self:
        """Every row of the file that cannot be used is told at once, by its line."""
        beside = (info.context or {}).get("beside")
        if self.file is None or beside is None:
            return self
        days, names, school, faults = read(Path(beside) / self.file)
        faults += [
            f"{day} is '{kind}' in {self.file} and '{self.overrides[day]}' here"
            for day, kind in days.items()
            if kind != self.overrides.get(day, kind)
        ]
        if faults:
            raise ValueError("; ".join(faults[:20]))
        return self.model_copy(update={"overrides": self.overrides | days, "names": names | self.names, "school": (*self.school, *school)})

    def of(self, time_zone: str, country: str, subdivision: str | None) -> Calendar:
        """The calendar people of the city live by."""
        return Calendar(
            time_zone=time_zone, country=country, subdivision=subdivision, overrides=self.overrides, names=self.names, school=self.school
        )


def read(path: Path) -> tuple[dict[date, DayType], dict[date, str], list[SchoolHoliday], list[str]]:
    """Days, their names and school holidays of a calendar table, with a sentence for each row that says nothing usable."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return {}, {}, [], [f"{path.name} cannot be read ({error})"]
    days: dict[date, DayType] = {}
    names: dict[date, str] = {}
    school: list[SchoolHoliday] = []
    faults: list[str] = []
    for line, row in enumerate(rows, start=2):
        try:
            first, last, kind, name = _row(row)
        except ValueError as error:
            faults.append(f"{path.name} line {line}: {error}")
            continue
        if kind == SCHOOL:
            school.append(SchoolHoliday(first=first, last=last, name=name))
            continue
        for day in (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)):
            if days.setdefault(day, kind) != kind:
                faults.append(f"{path.name} line {line}: {day} is '{days[day]}' in an earlier line; keep one of the two")
            if name:
                names[day] = name
    return days, names, school, faults


def _row(row: dict[str, Any]) -> tuple[date, date, Any, str]:
    """First and last day, type and name of a row. Raises `ValueError` with what is wrong and what may stand there."""
    surplus = [str(name) for name in row if name not in COLUMNS]
    if surplus or "date" not in row or "type" not in row:
        raise ValueError(f"its columns are {', '.join(map(str, row))}; write date,type,name or date,type,name,until")
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if texts["type"] not in TYPES:
        raise ValueError(f"type '{texts['type']}' is unknown; write {', '.join(TYPES[:-1])} or {TYPES[-1]}")
    first, last = _day(texts["date"]), _day(texts["until"] or texts["date"])
    if last < first:
        raise ValueError(f"until {last} lies before {first}; exchange the two")
    if (last - first).days > 366:
        raise ValueError(f"{first} until {last} is longer than a year; check the years")
    return first, last, texts["type"], texts["name"]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no date; write it like 2025-01-27") from None
