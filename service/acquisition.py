"""The poll process: it alone owns the field links. It reads slots, spools them, delivers them, and writes approved commands."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.clock import QUARTER, ceil
from city.places import Point
from city.quantities import Quantity
from meters.control import Outcome
from meters.field import Field
from meters.poll import Device
from meters.spool import Spool
from service.environment import STOP_FILE
from service.settings import LoadedCity
from service.store import operations, readings, runs

log = structlog.get_logger()


def devices(city: LoadedCity) -> list[Device]:
    """The devices that are read over a link."""
    return [
        Device(m.id, m.link, m.unit, city.models[m.model], m.base, m.serial)
        for m in city.settings.meters
        if m.link is not None and m.unit is not None
    ]


def deliver(engine: Engine, spool: Spool, points: Sequence[Point]) -> int:
    """Hand spooled batches to the store, oldest first. A locked or lost database leaves the rest in the spool.

    A batch is acknowledged only after the store committed it, and the store knows its id: whatever dies in between, the
    batch is delivered again and stored once.
    """
    stored = 0
    try:
        key_of = readings.register_points(engine, points)
        while (waiting := spool.oldest()) is not None:
            batch_id, frame = waiting
            key_of |= _former_points(engine, frame, key_of)
            stored += readings.store_batch(engine, batch_id, frame, key_of)
            spool.acknowledge(batch_id)
    except DBAPIError as error:
        log.warning("database does not take readings; they stay in the spool", batches=spool.depth(), cause=str(error.orig).strip())
    return stored


def _former_points(engine: Engine, frame: pd.DataFrame, key_of: dict[str, int]) -> dict[str, int]:
    """Register points that were read but have left city.toml since: their readings are kept, not stuck in the spool."""
    gone = frame.loc[~frame["point_id"].isin(list(key_of)), ["point_id", "quantity"]].drop_duplicates()
    if gone.empty:
        return {}
    made = [Point(id=name, meter=name.rsplit(".", 1)[0], quantity=Quantity(quantity)) for name, quantity in gone.itertuples(index=False)]
    return readings.register_points(engine, made)


def execute_due(engine: Engine, field: Field, city: LoadedCity, at_utc: datetime) -> int:
    """Write approved commands whose time has come, read each back, and store outcome and audit line. Returns the writes tried."""
    asset_of = {control.point: control.asset for control in city.settings.controls}
    limits = {limit.point: limit for limit in city.settings.limits}
    tried = 0
    for command in operations.due(engine, at_utc):
        held = {hold.subject for hold in operations.holds(engine, at_utc)}  # asked each time: a stop also ends a running series
        names = {operations.STOP, command.point_id, asset_of.get(command.point_id, command.point_id)}
        if held & names or (city.folder / STOP_FILE).exists():
            sentence = f"{command.point_id}: not written, a hold is in force"
            operations.settle(engine, command.command_id, "held", sentence, at_utc, command.point_id)
            continue
        point = city.points.get(command.point_id)
        if point is None or city.meter[point.meter].link is None:
            sentence = f"{command.point_id}: not written, city.toml has no such point on a link"
            operations.settle(engine, command.command_id, "refused", sentence, at_utc, command.point_id)
            continue
        allowed = limits.get(command.point_id) or city.map_limits(command.point_id)
        if allowed is None:
            sentence = f"{command.point_id}: not written, neither [[limits]] nor its register map say what may be written there"
            operations.settle(engine, command.command_id, "refused", sentence, at_utc, command.point_id)
            continue
        outcome: Outcome = field.write(command.point_id, command.setpoint, allowed, at_utc)
        sentence = f"{outcome.word} {command.setpoint:g} to {command.point_id}: {outcome.reason}"
        operations.settle(engine, command.command_id, outcome.word, sentence, at_utc, command.point_id)
        tried += 1
    return tried


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
