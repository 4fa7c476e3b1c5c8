"""`penstock night --dry-run`: the steps of a night on a copy of the store, and what they would have written.

The copy is a SQLite file below the data folder, whatever the store is; it goes at the end. The night's steps run on it as they are, each
on what the one before it wrote there. What follows the steps - the round, roots outside, the archive - is not done: it reaches beyond
the store.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from sqlalchemy import Engine, select

from city.clock import local_date
from city.problems import PenstockError
from service import migrations
from service import schema as t
from service.night import _steps
from service.night.step import Night
from service.one_process import lock
from service.settings import LoadedCity, Settings
from service.store import ledger, open_store, readings, writing
from service.store.runs import StepResult

AT_ONCE = 10_000  # rows that are copied at a time
OWN = {ledger.FOLDER, "night.lock", "poll.lock"}  # in the data folder: copied, or nothing to share


def dry(
    city: LoadedCity,
    engine: Engine,
    now_utc: datetime,
    *,
    on_step: Callable[[str, StepResult | None], None],
    again: frozenset[str] = frozenset(),
) -> tuple[str, dict[str, int]]:
    """The status the night would have, and {table: rows that would be new or other than they are}."""
    _tidy(city.folder)
    with TemporaryDirectory(prefix="dry-", dir=city.folder) as name, lock(Path(name), "dry"):
        home = Path(name)
        copy = f"sqlite:///{home / 'penstock.db'}"
        _copied(engine, home)
        _beside(city.folder, home)
        environment = city.environment.model_copy(update={"home": home, "database_url": SecretStr(copy)})
        there = LoadedCity(_apart(city, home), environment, city.models, city.config_hash)
        store = open_store(copy)
        points = readings.register_points(store, list(city.points.values()))
        night = Night(there, store, local_date(now_utc, city.settings.city.time_zone), now_utc, points, again)
        status = _steps(night, on_step)
        store.dispose()
        return status, _different(home)


def _tidy(folder: Path) -> None:
    """Remove the copies of dry runs that were killed."""
    for left in folder.glob("dry-*"):
        with suppress(PenstockError), lock(left, "dry"):  # one that runs holds it
            shutil.rmtree(left, ignore_errors=True)


def _copied(engine: Engine, home: Path) -> None:
    """The store as it is at one moment, twice: one to work on, one to compare with."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database), timeout=30)) as old, closing(sqlite3.connect(home / "penstock.db")) as new:
            old.backup(new)
    else:
        target = open_store(f"sqlite:///{home / 'penstock.db'}", create=True)
        migrations.upgrade(target)
        with engine.connect() as read, writing(target) as write:
            for table in t.metadata.sorted_tables:
                found = read.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings()
                for part in found.partitions():
                    write.execute(table.insert(), [dict(row) for row in part])
        target.dispose()
    with closing(sqlite3.connect(home / "penstock.db")) as new, closing(sqlite3.connect(home / "before.db")) as before:
        new.backup(before)


def _beside(folder: Path, home: Path) -> None:
    """What the steps read beside the store: the ledger's files as links of their own, since steps put files there; all else by name."""
    for path in folder.iterdir():
        if path == home or path.name in OWN or path.name.startswith(("penstock.db", "dry-")):
            continue
        (home / path.name).symlink_to(path.resolve())
    if (folder / ledger.FOLDER).is_dir():
        shutil.copytree(folder / ledger.FOLDER, home / ledger.FOLDER, copy_function=os.link)


def _apart(city: LoadedCity, home: Path) -> Settings:
    """The settings with folders of its own for weather files, which the forecast takes in and moves, and no process that opens a store.

    The files are there as links by name: one of their own would change the time at which they arrived.
    """
    feeds = []
    for number, feed in enumerate(city.settings.weather):
        name, files = f"dry-weather-{number}", city.folder / feed.folder
        (home / name).mkdir()
        for path in files.iterdir() if files.is_dir() else ():
            if path.is_file():
                (home / name / path.name).symlink_to(path.resolve())
        feeds.append(feed.model_copy(update={"folder": name}))
    night = city.settings.night
    if city.environment.database_url is not None:  # that store is what another process would open
        night = night.model_copy(update={"workers": 1})
    return city.settings.model_copy(update={"weather": tuple(feeds), "night": night})


def _different(home: Path) -> dict[str, int]:
    found = {}
    with closing(sqlite3.connect(home / "penstock.db")) as connection:
        connection.execute("ATTACH DATABASE ? AS before", (str(home / "before.db"),))
        for table in t.metadata.sorted_tables:
            if table.name in t.RUNNING or table is t.reading:  # a night reads readings
                continue
            sql = f"SELECT count(*) FROM (SELECT * FROM main.{table.name} EXCEPT SELECT * FROM before.{table.name})"  # noqa: S608 - our names
            if rows := int(connection.execute(sql).fetchone()[0]):
                found[table.name] = rows
    return found
