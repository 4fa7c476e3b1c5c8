"""Service levels by civil day: counted while a day is young, frozen once it is over, and counted again when somebody asks.

The night freezes what finished days say. A day of which a level has nothing to count yet is tried again for some nights: a feeder's day is
known only when its readings were validated. What is frozen stays as it was reported, even where readings came late.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, select

from city.clock import local_date
from service import schema as t
from service.levels.counted import COUNTED, Asked
from service.levels.kinds import ACCURACY, LEVELS, Level
from service.levels.settings import Levels
from service.levels.share import Share, together
from service.store import writing

if TYPE_CHECKING:  # `penstock status` reads the levels without loading a city
    from service.settings import LoadedCity

TRIED_DAYS = 7  # after a day is over, what it had nothing to count of is tried again
FIRST_DAYS = 35  # that the first freezing looks back: readings of that long are counted
YEAR, MONTH = 365, 30


class Standing(NamedTuple):
    """A level today: its target, and its share of today so far, of yesterday, and of 30 and 365 days up to now; `days` is its history."""

    level: Level
    target: float
    today: Share
    yesterday: Share
    month: Share
    year: Share
    days: Mapping[date, Share]

    @property
    def kept(self) -> bool | None:
        """Is the share of the last 30 days at its target? None without data."""
        return None if self.month.value is None else self.month.value >= self.target


def standings(engine: Engine, city_id: str, zone: str, settings: Levels, now_utc: datetime) -> list[Standing]:
    """Every level as it stands. Nothing heavy is imported, and no vector is opened: accuracy is what the nights have frozen."""
    today = local_date(now_utc, zone)
    frozen = _frozen(engine, today - timedelta(days=YEAR), today)
    young = [today - timedelta(days=back) for back in range(TRIED_DAYS + 1)]
    with engine.connect() as connection:
        for name, count in COUNTED.items():
            of = frozen.setdefault(name, {})
            for day in young:
                if day not in of and (share := count(connection, Asked(city_id, zone, settings, day, now_utc))).total > 0:
                    of[day] = share
    return [_standing(level, level.target(settings), frozen.get(level.name, {}), today) for level in LEVELS]


def of_city(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[Standing]:
    """`standings` of a loaded city."""
    settings = city.settings
    return standings(engine, settings.city.id, settings.city.time_zone, settings.levels, now_utc)


def _standing(level: Level, target: float, days: Mapping[date, Share], today: date) -> Standing:
    def last(count: int) -> Share:
        return together(share for day, share in days.items() if 0 <= (today - day).days < count)

    yesterday = today - timedelta(days=1)
    return Standing(
        level, target, days.get(today, Share()), days.get(yesterday, Share()), last(MONTH), last(YEAR), dict(sorted(days.items()))
    )


def _frozen(engine: Engine, first: date, last: date) -> dict[str, dict[date, Share]]:
    d = t.level_day.c
    found: dict[str, dict[date, Share]] = {}
    with engine.connect() as connection:
        for row in connection.execute(select(t.level_day).where(d.day.between(first, last))):
            found.setdefault(row.level, {})[row.day] = Share(row.good, row.total, row.basis)
    return found


def freeze(engine: Engine, city: LoadedCity, now_utc: datetime, *, again: int = 0) -> int:
    """Store what the finished days before that of `now_utc` say, and return how many shares were made.

    `again` days are counted anew even where they are frozen; a level of which nothing counts any more keeps what it was.
    """
    today = local_date(now_utc, city.settings.city.time_zone)
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(t.level_day.c.day))).scalar()
    back = max(again, FIRST_DAYS if newest is None else min(FIRST_DAYS, TRIED_DAYS + (today - newest).days))
    days = [today - timedelta(days=n) for n in range(back, 0, -1)]
    there = _frozen(engine, days[0], today)
    made = []
    for day in days:
        wanted = [level.name for level in LEVELS if (today - day).days <= again or day not in there.get(level.name, {})]
        made += [(day, name, share) for name, share in _counted(engine, city, day, now_utc, wanted) if share.total > 0]
    with writing(engine) as connection:
        for day, name, share in made:
            _keep(connection, day, name, share)
    return len(made)


def _counted(engine: Engine, city: LoadedCity, day: date, now_utc: datetime, wanted: list[str]) -> list[tuple[str, Share]]:
    settings = city.settings
    asked = Asked(settings.city.id, settings.city.time_zone, settings.levels, day, now_utc)
    with engine.connect() as connection:
        found = [(name, COUNTED[name](connection, asked)) for name in wanted if name in COUNTED]
    if ACCURACY.name in wanted:
        from service.levels.accuracy import accuracy

        found.append((ACCURACY.name, accuracy(engine, city, day)))
    return found


def _keep(connection: Connection, day: date, name: str, share: Share) -> None:
    d = t.level_day.c
    connection.execute(delete(t.level_day).where(d.day == day, d.level == name))
    connection.execute(t.level_day.insert().values(day=day, level=name, good=share.good, total=share.total, basis=share.basis))
