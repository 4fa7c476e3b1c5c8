"""Evaluate what is abnormal and move the alarms: after each slot, by `penstock work`, at the night's end, and when somebody decides.

It may be called by several processes at once and as often as one likes: alarms are moved under one lock, and conditions that were
looked up before somebody else moved them are looked up again. The same conditions move nothing twice.
"""

import math
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError
from service.access.districts import districts_of
from service.alarms import store
from service.alarms.conditions import Condition, Seen
from service.alarms.listing import OLD
from service.alarms.moving import Key, Mover, opened
from service.alarms.sources import KINDS, SOURCES
from service.alarms.sources.processes import SOURCE as FAILED
from service.crash import keep
from service.schema_console import DISTRICT_CHARS
from service.settings import LoadedCity
from service.store import writing
from service.view.moment import moment
from service.view.moment import now as clock

log = structlog.get_logger()


def refresh(engine: Engine, city: LoadedCity, at_utc: datetime, only: Collection[str] = ()) -> int:
    """Evaluate every source, or `only` some of them, and move alarms; returns how many changes of state were journaled.

    Time never runs backwards here: a time before that of the last evaluation counts as that one. Raises `PenstockError` or
    `DBAPIError` where the store cannot be read or written.
    """
    with engine.connect() as connection:
        last, number = store.evaluated(connection)
        active = _active(connection)
    at = forward(at_utc, last)
    found, told = _conditions(engine, city, at, active, only)
    with writing(engine) as connection:
        store.lock(connection)
        last, now_number = store.evaluated(connection)
        if now_number != number:  # somebody was quicker, and may have known better
            at = forward(at, last)
            found, told = _conditions(engine, city, at, _active(connection), only)
        changes = _move(connection, city, at, found, told)
        if last is not None or not only:
            store.set_evaluated(connection, at if not only or last is None else last, now_number + 1)
    return changes


def forward(at_utc: datetime, last_utc: datetime | None) -> datetime:
    """The later of the two; an evaluation that somebody made with a clock that was ahead holds nothing up."""
    ahead = last_utc is not None and last_utc > max(at_utc, datetime.now(UTC)) + OLD
    return at_utc if last_utc is None or ahead else max(at_utc, last_utc)


def follow(engine: Engine, city: LoadedCity, at_utc: datetime, only: Collection[str] = ()) -> int:
    """As `refresh`, for a process that lives by the clock on the wall: a city with a simulator lives at its newest reading."""
    return refresh(engine, city, clock(engine, city)[0] if city.settings.simulator is not None else at_utc, only)


def refreshed(engine: Engine, city: LoadedCity, at_utc: datetime, only: Collection[str] = ()) -> None:
    """As `follow`, for a process that has more to do: a fault is logged, and the console says since when nothing was evaluated."""
    try:
        follow(engine, city, at_utc, only)
    except PenstockError as error:
        log.error("alarms were not evaluated", problem=str(error.problems[0]))
    except DBAPIError as error:
        log.warning("alarms were not evaluated", cause=str(error.orig).strip())
    except Exception:  # what was read or decided stands, whatever is wrong here
        log.exception("alarms were not evaluated")


def _active(connection: Connection) -> frozenset[Key]:
    rows = connection.execute(select(store.A.kind, store.A.source).where(store.A.ended_utc.is_(None), store.A.active)).tuples()
    return frozenset((str(kind), str(source)) for kind, source in rows)


def _conditions(
    engine: Engine, city: LoadedCity, at_utc: datetime, active: frozenset[Key], only: Collection[str]
) -> tuple[dict[Key, Condition], set[str]]:
    """(conditions by key, kinds that were evaluated). A source that fails costs its own alarms only, and that is an alarm."""
    seen = Seen(engine, city, moment(engine, city, at_utc), active)
    found: dict[Key, Condition] = {}
    told: set[str] = set() if only else {FAILED.name}
    for name in only or SOURCES:
        try:
            conditions = list(SOURCES[name].found(seen))
        except DBAPIError:
            raise
        except Exception as error:
            failure = Condition(FAILED.name, name, at_utc, {"sentence": _why(error, city, known=(FAILED.name, name) in active)}, about="")
            found[failure.key] = failure
            continue
        told |= {kind.name for kind in SOURCES[name].KINDS} - {FAILED.name}
        for condition in conditions:
            found.setdefault(condition.key, replace(condition, facts=plain(condition.facts)))
    return found, told


def _why(error: Exception, city: LoadedCity, *, known: bool) -> str:
    """What failed, as a sentence; the traceback is kept once."""
    if isinstance(error, PenstockError):
        return str(error.problems[0])
    return f"{type(error).__name__}, as before" if known else keep(error, city.environment)


def plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as every database keeps them: numbers that are none become null, times text."""
    made = {}
    for name, value in facts.items():
        told = value.item() if hasattr(value, "item") else value
        if isinstance(told, float) and not math.isfinite(told):
            told = None
        made[name] = told if told is None or isinstance(told, (bool, int, float, str)) else str(told)
    return made


def _move(connection: Connection, city: LoadedCity, at_utc: datetime, found: dict[Key, Condition], told: set[str]) -> int:
    rows = store.lasting(connection)
    before = {row["alarm_id"]: dict(row) for row in rows}
    lasting = {(row["kind"], row["source"]) for row in rows}
    number = store.next_id(connection)

    for key, condition in sorted(found.items(), key=lambda one: one[0]):  # no database's order of rows numbers them
        if key not in lasting:
            rows.append(opened(condition, number, KINDS[condition.kind].priority, at_utc, _district(city, condition)))
            number += 1
    mover = Mover(KINDS, at_utc)
    mover.move(rows, found, told)
    store.write(connection, before, rows)
    store.journal(connection, mover.events)
    return len(mover.events)


def _district(city: LoadedCity, condition: Condition) -> str:
    """Its districts in one text; that of the whole city where it has none, more than fit, or where they cannot be looked up."""
    about = condition.subject if condition.about is None else condition.about
    try:
        text = ",".join(sorted(condition.districts or (districts_of(city, about) if about else ())))
    except PenstockError:  # the network of the city cannot be read, which its own source tells
        return ""
    return text if len(text) <= DISTRICT_CHARS else ""
