"""The poll process: it alone owns the field links. It reads slots, spools them, delivers them, and writes approved commands."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.clock import QUARTER, ceil
from meters.field import Field
from meters.poll import Device
from meters.spool import Spool
from service.delivery import deliver
from service.outbox import execute_due
from service.settings import LoadedCity
from service.store import readings, runs

log = structlog.get_logger()


def devices(city: LoadedCity) -> list[Device]:
    """The devices that are read over a link."""
    return [
        Device(m.id, m.link, m.unit, city.models[m.model], m.base, m.serial)
        for m in city.settings.meters
        if m.link is not None and m.unit is not None
    ]


def replay_slots(engine: Engine, start_utc: datetime, until_utc: datetime) -> list[datetime]:
    """Slots in [start, until] that the store does not have yet."""
    try:
        last = readings.last_slot(engine)
    except DBAPIError:  # lost or not made yet: every slot is read, and what the store has already it drops as duplicate
        last = None
    first = start_utc if last is None else max(start_utc, last + QUARTER)
    count = int((until_utc - first) / QUARTER) + 1
    return [first + i * QUARTER for i in range(max(0, count))]


def wall_clock_slots() -> Iterator[datetime]:
    """Each quarter-hour as it comes."""
    while True:
        slot = ceil(datetime.now(UTC) + timedelta(microseconds=1), QUARTER)
        while (left := (slot - datetime.now(UTC)).total_seconds()) > 0:
            time.sleep(min(left, 1.0))
        yield slot


def poll_slot(engine: Engine, field: Field, spool: Spool, city: LoadedCity, slot_utc: datetime, received_utc: datetime) -> int:
    """Read every device once, spool, deliver, write what is due. Returns the readings delivered to the store."""
    frame = field.read_slot(slot_utc, received_utc)
    spool.append(frame)
    stored = deliver(engine, spool, list(city.points.values()))
    try:
        execute_due(engine, field, city, slot_utc)
        runs.beat(engine, "poll", slot_utc, {"spooled_batches": spool.depth()})
    except DBAPIError as error:
        log.warning("database does not answer; commands wait", cause=str(error.orig).strip())
    return stored
