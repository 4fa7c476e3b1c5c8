"""When the long-running processes were up: spans from the first heartbeat to the last, by this machine's clock.

A process opens a span of its own with its first heartbeat, so that a restart is seen even where it took a second. A stop that somebody
asked for (SIGTERM, Ctrl-C) closes its span as planned; after a crash, a kill or a power cut the span simply ends.
"""

import os
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError

from service import schema as t
from service.store import writing

PROCESSES = frozenset({"poll", "work", "receive", "api"})
GAP = timedelta(minutes=3)  # a process that was silent for longer was away: asleep, stopped, or without its database
REPLAYED = timedelta(hours=2)  # a heartbeat this far from the clock is that of a replay, which is no time of service
PLANNED = "planned"
_mine: set[tuple[str, str, int]] = set()  # spans that this process has opened: database, process, pid


def beat(connection: Connection, process: str, time_utc: datetime) -> None:
    """Extend the span of a long-running process to now, or open one. Nothing for a replay, or for a batch."""
    now = datetime.now(UTC)
    if process in PROCESSES and abs(now - time_utc) <= REPLAYED:
        extend(connection, process, now, mine=_known(connection, process))


def alive(engine: Engine, process: str, time_utc: datetime) -> None:
    """As `beat`, for a process between two heartbeats."""
    if process in PROCESSES and abs(datetime.now(UTC) - time_utc) <= REPLAYED:
        with writing(engine) as connection:
            beat(connection, process, time_utc)


def _known(connection: Connection, process: str) -> bool:
    key = (connection.engine.url.render_as_string(), process, os.getpid())
    known = key in _mine
    _mine.add(key)
    return known


def extend(connection: Connection, process: str, now: datetime, *, mine: bool) -> None:
    """Say that a process is up at `now`; a span is opened where the newest one is not `mine`, was ended, or is too old."""
    u = t.up_span.c
    newest = connection.execute(select(t.up_span).where(u.process == process).order_by(u.since_utc.desc()).limit(1)).first()
    if newest is not None and now <= newest.until_utc:
        return  # the clock was set back: time is not counted twice
    if newest is not None and mine and not newest.ended and now - newest.until_utc <= GAP:
        connection.execute(update(t.up_span).where(u.process == process, u.since_utc == newest.since_utc).values(until_utc=now))
    else:
        connection.execute(t.up_span.insert().values(process=process, since_utc=now, until_utc=now, ended=""))


def stopped(engine: Engine, process: str) -> None:
    """Say that a process ends because it was told to. One that the database does not take counts as a fault."""
    u, now, key = t.up_span.c, datetime.now(UTC), (engine.url.render_as_string(), process, os.getpid())
    if key not in _mine:
        return  # the newest span is that of a process before
    try:
        with writing(engine) as connection:
            newest = connection.execute(select(u.since_utc).where(u.process == process).order_by(u.since_utc.desc()).limit(1)).scalar()
            connection.execute(update(t.up_span).where(u.process == process, u.since_utc == newest).values(until_utc=now, ended=PLANNED))
            _mine.discard(key)
    except DBAPIError:
        return
