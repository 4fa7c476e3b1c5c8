"""`penstock import`: history files with a column mapping become vectors of the store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, Engine

from city.clock import civil_day, local_date
from city.frames import Block
from city.problems import fault
from city.quality import Cause, missing
from meters.roads.drop import read_drop
from meters.vee.quality import validate
from service.environment import Environment
from service.settings import LoadedCity, load, path_of
from service.store import meter_days, open_store, readings, writing
from service.validation import filled


def import_history(env: Environment) -> Iterator[str]:
    """Import every file of [[imports]], validated, one vector per point and civil day. Yields one sentence per file, as it is done.

    A file that cannot be read or names unknown points is refused whole, before anything of it is stored.
    """
    city = load(env)
    engine = open_store(env.url)
    key_of = readings.register_points(engine, list(city.points.values()))
    for number in range(len(city.settings.imports)):
        yield _import_file(city, engine, key_of, number)


def _import_file(city: LoadedCity, engine: Engine, key_of: dict[str, int], number: int) -> str:
    entry = city.settings.imports[number]
    path = path_of(city.folder, entry.path)
    stored = values = 0
    with writing(engine) as connection:
        for block in read_drop(path, entry.mapping):
            _known(city, block, f"imports[{number}] ({entry.path})")
            made, read = store_history(connection, city, block, key_of)
            stored += made
            values += made and read
    return f"{entry.path}: {stored} days of points stored ({values:,} values)" if stored else f"{entry.path}: stored before, nothing new"


def store_history(
    connection: Connection, city: LoadedCity, block: Block, key_of: dict[str, int], *, judged: bool = False
) -> tuple[int, int]:
    """Store a block of history as validated days, with estimates as version 2. Returns the days that were new, and the values.

    What was `judged` before, by the city that exported it, keeps its quality; what it does not tell of is a gap.
    """
    if judged:
        checked = replace(block, quality=np.where(block.quality == 0, np.uint16(missing(Cause.GAP)), block.quality))
    else:
        checked = validate(block, {limit.point: limit for limit in city.settings.limits})
    days = whole_days(checked.start_utc, checked.end_utc, city.settings.city.time_zone)
    made = meter_days.store(connection, checked, days, key_of, "import", estimated=filled(city, checked))
    return made, int((checked.quality != 0).sum())


def _known(city: LoadedCity, block: Block, subject: str) -> None:
    unknown = [name for name in block.ids if name not in city.points]
    if unknown:
        raise fault(
            subject, f"unknown point '{unknown[0]}' and {len(unknown) - 1} more", "a point of [[meters]]", "Correct the column mapping."
        )
    for name in block.ids:
        point = city.points[name]
        if point.stored != block.quantity or point.step_s != int(block.step.total_seconds()):
            raise fault(
                f"{subject}, point '{name}'",
                f"{block.quantity} every {block.step.total_seconds():.0f} s",
                f"{point.stored} every {point.step_s} s",
                "Correct the mapping or the meter's step_s.",
            )


def whole_days(start_utc: datetime, end_utc: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """The civil days of `zone` that lie wholly in [start, end)."""
    day: date = local_date(start_utc, zone)
    found = []
    while (bounds := civil_day(day, zone))[1] <= end_utc:
        if bounds[0] >= start_utc:
            found.append(bounds)
        day += timedelta(days=1)
    return found
