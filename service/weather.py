"""Weather as an input: its files are taken in, and what was known of it is laid on a history's grid."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from city.frames import Block
from city.problems import PenstockError, Problem, fault
from forecasting.weather import Weather
from forecasting.weather_archive import on_grid
from service.crash import keep
from service.settings import LoadedCity
from service.store import feeds, writing
from service.store import weather as kept
from service.weather_feed import WeatherFeed
from service.weather_files import Read, read

_KINDS = (".csv", ".txt", ".json")
_MOST_BYTES = 50_000_000
Audited = Callable[[Connection, int], None]


def known(engine: Engine, city: LoadedCity, history: Block, made_at_utc: datetime, steps: int, place: str = "") -> Weather | None:
    """What was known of the weather at `made_at_utc`, on the history's grid and `steps` beyond. None without a feed or anything told."""
    feeds = city.settings.weather
    if not feeds:
        return None
    told = kept.read(engine, place, history.start_utc - timedelta(days=2), made_at_utc)
    oldest = timedelta(hours=max(feed.max_age_h for feed in feeds))
    columns = int((made_at_utc - history.start_utc) / history.step)
    return on_grid(told, made_at_utc, history.start_utc, history.step, columns, steps, oldest)


def take_in(engine: Engine, city: LoadedCity, now_utc: datetime) -> list[Problem]:
    """Import every file that waits in the folders of [[weather]]; each ends in done/ or refused/. Returns what is wrong with them.

    A file counts as arrived when it came to lie there (the change time of its inode, which no copying can set back), at the latest now:
    so the night may run after midnight and use what came before it.
    """
    problems: list[Problem] = []
    for feed in city.settings.weather:
        try:
            for path in _waiting(city.folder / feed.folder):
                if _settled(path, feed):
                    problems += _taken(engine, feed, path, now_utc)
        except OSError as error:
            observed = f"{error.strerror or error} ({error.filename})"
            remedy = "Set its rights; until then forecasts go with the weather that is stored."
            problems.append(Problem(f"weather from {feed.source}", observed, "a folder to read, write and move files in", remedy))
        except Exception as error:  # no file may cost the night its forecasts
            told = keep(error, city.environment)
            problems.append(Problem(f"weather from {feed.source}", told, "a file", "Take out its newest file and report this."))
    return problems


def _waiting(folder: Path) -> list[Path]:
    """Files to take in, with the folders they go to made."""
    for name in ("", "done", "refused"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return [path for path in sorted(folder.iterdir()) if path.is_file() and path.name[0] != "." and path.suffix.lower() in _KINDS]


def _settled(path: Path, feed: WeatherFeed) -> bool:
    return time.time() - path.stat().st_mtime >= feed.settle_s


def _taken(engine: Engine, feed: WeatherFeed, path: Path, now_utc: datetime) -> list[Problem]:
    try:
        arrived = min(now_utc, datetime.fromtimestamp(path.stat().st_ctime, UTC))
        _, found = import_file(engine, feed, path, arrived)
        problems = found.problems
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        path.replace(path.parent / "done" / f"{digest}-{path.name[-200:]}")
    except PenstockError as error:
        problems = list(error.problems)
        target = path.parent / "refused" / f"{now_utc:%Y%m%dT%H%M%S}-{path.name[-200:]}"
        target.with_name(f"{target.name}.txt").write_text("".join(f"{one}\n" for one in problems), encoding="utf-8")
        path.replace(target)
    return problems


def import_file(
    engine: Engine, feed: WeatherFeed, path: Path, arrived_utc: datetime, *, archive: bool = False, audited: Audited | None = None
) -> tuple[int, Read]:
    """Store what one file tells, and in the same transaction what `audited` writes of how many vectors were new.

    Returns that number, and what was read. Raises `PenstockError` as `weather_files.read`, and for what is no regular file.
    """
    if path.suffix.lower() not in _KINDS:
        raise fault(path.name, f"a {path.suffix or 'nameless'} file", ", ".join(_KINDS), "Convert it.")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise fault(path.name, "is no regular file", "a file", "Name a file.")
        if path.stat().st_size > _MOST_BYTES:
            raise fault(path.name, f"{path.stat().st_size / 1e6:.0f} MB", f"{_MOST_BYTES / 1e6:.0f} MB", "Split it.")
        content = path.read_bytes()
    except OSError as error:
        raise fault(path.name, error.strerror or str(error), "a file that can be read", "Check its name and rights.") from None
    found = read(
        path.name,
        content,
        arrived_utc,
        step=timedelta(seconds=feed.step_s),
        zone=feed.zone,
        names=feed.variables,
        units=feed.units,
        marks_end=feed.marks_end,
        archive=archive,
    )
    with writing(engine) as connection:
        made = kept.store(connection, feed.source, feed.place, found.told, arrived_utc, stated=found.stated)
        if audited is not None:
            audited(connection, made)
    return made, found


def feed_named(city: LoadedCity, source: str | None) -> WeatherFeed:
    """The feed of that source, or the only one. Raises `PenstockError` when there is none, or more than one to choose from."""
    feeds = [feed for feed in city.settings.weather if source in (None, feed.source)]
    if len(feeds) != 1:
        if not city.settings.weather:
            raise fault("city.toml", "names no weather service", "a table [[weather]] with its folder and source", "Add one.")
        raise fault("--source", source or "not given", ", ".join(feed.source for feed in city.settings.weather), "Name one source.")
    return feeds[0]


def imported(
    engine: Engine, city: LoadedCity, path: Path, source: str | None, now_utc: datetime, archive: bool, audited: Audited | None = None
) -> Iterator[str]:
    """What `penstock forecast weather import` says."""
    made, found = import_file(engine, feed_named(city, source), path, now_utc, archive=archive, audited=audited)
    yield from (str(problem) for problem in found.problems)
    names = ", ".join(sorted({one.variable for one in found.told}))
    yield f"{path.name}: {made} vectors of {names} stored" if made else f"{path.name}: stored before, nothing new"
    late = max((one.available_utc - one.issued_utc for one in found.told), default=timedelta(0))
    if made and late > timedelta(days=1):
        yield f"it was issued up to {late.days} days ago and counts as known from now on; --archive believes its own times instead"


def state(engine: Engine, city: LoadedCity, now_utc: datetime) -> tuple[list[str], list[Problem]]:
    """A sentence per feed of what is there, and a problem for each whose newest forecast is too old or ends before tomorrow."""
    rows = {(row["source"], row["place"]): row for row in feeds.state(engine, now_utc)}
    told: list[str] = []
    problems: list[Problem] = []
    for feed in city.settings.weather:
        row = rows.get((feed.source, feed.place))
        name = f"weather from {feed.source}"
        if row is None:
            problems.append(Problem(name, "nothing yet", "a file", f"Put files into {city.folder / feed.folder}; forecasts go without."))
            continue
        age_h = (now_utc - row["issued"]).total_seconds() / 3600
        told.append(
            f"{name}: newest of {row['vectors']} vectors issued {row['issued']:%Y-%m-%d %H:%M} UTC, {age_h:.0f} h old, "
            f"reaches {row['reaches']:%Y-%m-%d %H:%M} UTC ({', '.join(row['variables'])})"
        )
        if age_h > feed.max_age_h:
            remedy = "Ask the weather service; until then forecasts go without weather."
            problems.append(Problem(name, f"newest is {age_h:.0f} h old", f"{feed.max_age_h:g} h", remedy))
        elif not os.access(city.folder / feed.folder, os.W_OK) and (city.folder / feed.folder).exists():
            problems.append(Problem(name, f"folder {feed.folder} is not ours", "one that can be written", "Set its rights."))
    return told, problems
