"""`penstock retention`, and a part of every night: what is older than `[retention]` allows, and needed by nothing, goes.

One transaction per kind: its rows, a row of the table `removal`, and the audit's line. Killed anywhere, some kinds are done and the others
whole; the next run goes on. Files go after the transaction that no longer lists them; a later run finds those a kill left.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from service import schema as t
from service.auditing import cutting
from service.retention.kinds import KINDS, Kind
from service.retention.needs import Need, open_ones
from service.retention.settings import Retention
from service.run_report.files import folder_of
from service.settings import LoadedCity
from service.store import cold, for_writing, writing
from service.store.operations import record

AUDIT, ACTION = "audit lines", "retention"


@dataclass(frozen=True)
class Removed:
    """How many of a kind went, or would go; all of them of before a time; and what held that time back, if anything did."""

    kind: str
    count: int
    before_utc: datetime
    held_by: str

    @property
    def told(self) -> str:
        held = f"; held back because {self.held_by}" if self.held_by else ""
        return f"{self.kind}: {self.count:,} of before {self.before_utc:%Y-%m-%d}{held}"


def remove(city: LoadedCity, engine: Engine, now_utc: datetime, who: str, *, dry: bool = False) -> list[Removed]:
    """Take away what may go, kind by kind; `dry`: only say what. Nothing is done, or written, of a kind of which nothing may go.

    Ages count to the machine's clock where `now_utc` is ahead of it: a mistyped `--now` takes nothing young away. The caller holds the
    lock of the night. Raises `PenstockError` where a file cannot be deleted.
    """
    removed, until = list[Removed](), min(now_utc, datetime.now(UTC))
    for kind in (*KINDS, Kind(AUDIT, "audit_years", True, lambda _connection, _before: 0)):
        age = getattr(city.settings.retention, kind.key)
        if age is None:
            continue
        limit = before(kind.key, age, until)
        removed.append(_dry(city, engine, kind, limit, now_utc, who) if dry else _one(city, engine, kind, limit, now_utc, who))
    if not dry:
        sweep(city, engine, until)
    return removed


def before(key: str, age: int, now_utc: datetime) -> datetime:
    """The time that [retention] `key` means: whole UTC days, so that a rerun on the same day finds nothing new."""
    midnight = now_utc.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if key.endswith("_days"):
        return midnight - timedelta(days=age)
    day = midnight.replace(day=28) if (midnight.month, midnight.day) == (2, 29) else midnight
    return day.replace(year=day.year - age)


def _one(city: LoadedCity, engine: Engine, kind: Kind, limit: datetime, now_utc: datetime, who: str) -> Removed:
    with writing(engine) as connection:
        return _removed(connection, city, kind, limit, now_utc, who)


def _dry(city: LoadedCity, engine: Engine, kind: Kind, limit: datetime, now_utc: datetime, who: str) -> Removed:
    """The same work, taken back."""
    with for_writing(engine, []).connect() as connection:
        found = _removed(connection, city, kind, limit, now_utc, who)
        connection.rollback()
    return found


def _removed(connection: Connection, city: LoadedCity, kind: Kind, limit: datetime, now_utc: datetime, who: str) -> Removed:
    needs = open_ones(connection, city) if kind.needed else []
    limit, held_by = held(limit, needs)
    count = cutting.cut(connection, limit, now_utc, who) if kind.name == AUDIT else kind.remove(connection, limit)
    found = Removed(kind.name, count, limit, held_by)
    if count:
        connection.execute(t.removal.insert().values(at_utc=now_utc, subject=kind.name, before_utc=limit, count=count))
        if kind.name != AUDIT:  # a cut tells of itself
            rule = f"[retention] {kind.key} = {getattr(city.settings.retention, kind.key)}"
            record(connection, now_utc, who, ACTION, kind.name, f"{found.told}; {rule}")
    return found


def held(limit: datetime, needs: list[Need]) -> tuple[datetime, str]:
    """The time before which things may go, and the open one that holds it back, if one does."""
    first = needs[0] if needs and needs[0].since_utc < limit else None
    return (first.since_utc, first.what) if first else (limit, "")


def sweep(city: LoadedCity, engine: Engine, now_utc: datetime) -> None:
    """Delete files that retention's transactions no longer list: cold days, and reports of nights without a record.

    Of ages that [retention] names only; a file of a younger day may be just being made.
    """
    rule: Retention = city.settings.retention
    with engine.connect() as connection:
        listed = set(connection.execute(select(t.cold_day.c.file)).scalars())
        nights = set(connection.execute(select(t.run.c.night)).scalars())
    if rule.cold_readings_years is not None:
        until = before("cold_readings_years", rule.cold_readings_years, now_utc).date()
        for path, day in _dated((city.folder / cold.FOLDER).glob("*.parquet")):
            if day < until and path.name not in listed:
                path.unlink(missing_ok=True)
    if rule.runs_days is not None:
        until = before("runs_days", rule.runs_days, now_utc).date()
        for path, day in _dated(folder_of(city.folder, until).parent.glob("*")):
            if day < until and day not in nights:
                shutil.rmtree(path, ignore_errors=True)


def _dated(paths: Iterator[Path]) -> Iterator[tuple[Path, date]]:
    """Those whose name begins with a date."""
    for path in paths:
        try:
            yield path, date.fromisoformat(path.name[:10])
        except ValueError:
            continue


def gone_before(engine: Engine) -> datetime | None:
    """Before when raw readings are gone from the store, so that no day there can be validated again; None where none are."""
    r = t.removal.c
    with engine.connect() as connection:
        return connection.execute(select(func.max(r.before_utc)).where(r.subject == "cold readings")).scalar()  # a later rule may keep more
