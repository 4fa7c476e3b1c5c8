"""`penstock poll`: slots as the clock brings them, or a span of slots as fast as the field answers."""

import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import pandas as pd
import structlog
from rich.progress import track
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from city.clock import floor
from city.problems import fault
from meters.field import Field
from meters.schedule import Clock, slots, wall_clock
from meters.sources import Source, take_in
from meters.spool import Spool, SpoolFull
from service import schema as t
from service.acquisition import Outlet, StoreOutlet, devices
from service.edge import forwarding as edge
from service.environment import Environment
from service.roads import sources
from service.settings import LoadedCity, load
from service.store import open_store, operations, readings
from service.waiting import capacity

log = structlog.get_logger()
_MINUTE = timedelta(minutes=1)
_COMMANDS_S = 5.0  # how often due commands are looked for
_DELIVERY_S = 10.0  # how often a database that was away is tried


def _open(env: Environment) -> tuple[LoadedCity, Engine, Field, Outlet]:
    city = load(env)
    station = edge.forwarder(env, city) if city.settings.edge else None
    city = station.city if station else city
    if not (city.settings.links or city.settings.drops or city.settings.brokers):
        raise fault(f"{env.city_file}: links", "none", "a [[links]], [[drops]] or [[brokers]] entry", "Describe how readings come.")
    # The field is read even while the database is away: readings wait in the spool, so its tables are not asked for here.
    engine = open_store(env.url, create=True)
    field = Field(city.settings.links, devices(city), city.folder / "refusals.json")
    with suppress(DBAPIError):  # so that the least time between two writes holds over a restart
        for point_id, at in operations.last_writes(engine).items():
            field.remember_write(point_id, at)
    return city, engine, field, station or StoreOutlet(city, engine)


def poll_forever(env: Environment) -> None:
    """Poll on the wall clock until stopped (Ctrl-C or SIGTERM)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what systemd sends ends the loop as Ctrl-C does
    with suppress(KeyboardInterrupt):
        while True:
            city, _, field, way_out = _open(env)
            room = capacity(city)
            log.info(f"spool: {room}")
            if (problem := room.problem()) is not None:
                log.error(str(problem))
            with Live(city, field, way_out, sources(city, way_out.origin)) as live:
                live.run()


class Live:
    """The running poll process.

    The field's own thread reads. This one keeps what was read on the disk; two more deliver it and look for commands, so that no
    database, however slow or locked, delays a reading.
    """

    def __init__(self, city: LoadedCity, field: Field, way_out: Outlet, roads: list[Source], now: Clock = wall_clock) -> None:
        self._field, self._outlet, self._roads, self._now = field, way_out, roads, now
        self._came: SimpleQueue[pd.DataFrame | Exception] = SimpleQueue()
        self._kept, self._stopped = threading.Event(), threading.Event()
        self._slot_utc = now()
        self._spool = Spool(city.folder / "spool.db", origin=way_out.origin)

    def __enter__(self) -> "Live":
        self._field.__enter__()
        self._threads = [threading.Thread(target=self._watched, args=(work,), daemon=True) for work in (self._deliver, self._command)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._kept.set()
        self._field.__exit__(None, None, None)
        while not self._came.empty():
            if not isinstance(came := self._came.get(), Exception):
                self._keep(came)
        for thread in self._threads:
            thread.join(timeout=10)
        for road in self._roads:
            road.close()
        self._spool.close()

    def run(self) -> None:
        """Keep what comes, until interrupted or until the configuration changes.

        Raises what ended the reading or the delivery, if something did.
        """
        self._field.hold(not self._spool.has_room())
        self._field.follow(self._came.put, self._now)
        asked = floor(self._now(), _MINUTE)
        while not self._outlet.changed:
            with suppress(Empty):
                self._keep(self._came.get(timeout=1.0))
            self._field.hold(not self._spool.has_room())
            minute = floor(self._now(), _MINUTE)
            if minute != asked:
                asked = minute
                self._take_in(minute)

    def _keep(self, came: pd.DataFrame | Exception) -> None:
        if isinstance(came, Exception):
            raise came
        frame = self._outlet.prepare(came)
        try:
            if not frame.empty:
                self._spool.append(frame)
        except SpoolFull as error:
            log.error("the disk is full; nothing is read until there is room", cause=str(error), readings_lost=len(frame))
        self._slot_utc = came["time_utc"].iloc[0].to_pydatetime()
        self._kept.set()

    def _take_in(self, minute: datetime) -> None:
        with suppress(SpoolFull):  # they keep what they have until there is room
            if take_in(self._roads, self._spool, minute):
                self._kept.set()

    def _deliver(self) -> None:
        with Spool(self._spool.path) as spool:
            while not self._stopped.is_set():
                woken = self._kept.wait(_DELIVERY_S)
                self._kept.clear()
                if woken or spool.depth():
                    self._outlet.deliver(spool, self._slot_utc)

    def _command(self) -> None:
        while not self._stopped.wait(_COMMANDS_S):
            self._outlet.execute(self._field, self._now())

    def _watched(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._came.put(error)


def poll_span(env: Environment, start_utc: datetime, until_utc: datetime, *, replay: bool) -> str:
    """Poll every slot in [start, until] that the store does not have yet. With `replay`, the simulator's clock is set first.

    Times between the slots of a meter count as the slot before them. Returns 'problems' when readings wait in the spool, or when a
    link gave no value at all in the last slot.
    """
    if until_utc < start_utc:
        raise fault(
            f"--until {until_utc:%Y-%m-%dT%H:%MZ}", "before --now", f"{start_utc:%Y-%m-%dT%H:%MZ} or later", "Exchange the two times."
        )
    city, engine, field, way_out = _open(env)
    roads, read, slot = sources(city, way_out.origin), 0, None
    with field, Spool(city.folder / "spool.db", origin=way_out.origin) as spool:
        for slot in track(_missing_slots(engine, field.steps_s or (900,), start_utc, until_utc), description="polling", transient=True):
            if replay:
                field.set_clock(slot)
            spool.append(way_out.prepare(field.read_slot(slot, slot if replay else None)))
            take_in(roads, spool, slot)
            read += way_out.deliver(spool, slot)
            way_out.execute(field, slot)
        waiting = spool.depth()
    for road in roads:
        road.close()
    print(f"{read} readings stored, {waiting} batches waiting in the spool")
    # A station has no table of latest values; the central sees its silent links.
    silent = _silent_links(city, engine) if slot is not None and not waiting and not way_out.origin else []
    for link in silent:
        print(f"link {link}: no value from any of its meters; check its gateway with `penstock doctor`")
    return "done" if not waiting and not silent else "problems"


def _missing_slots(engine: Engine, steps_s: Sequence[int], start_utc: datetime, until_utc: datetime) -> list[datetime]:
    """The slots of any of the steps [s], from the one at or before `start` to `until`, that the store does not have yet."""
    try:
        last = readings.last_slot(engine)
    except DBAPIError:  # lost or not made yet: every slot is read, and what the store has already it drops as duplicate
        last = None
    first = min((floor(start_utc, timedelta(seconds=step_s)) for step_s in steps_s), default=start_utc)
    return [slot for slot in slots(first, until_utc, steps_s) if last is None or slot > last]


def _silent_links(city: LoadedCity, engine: Engine) -> list[str]:
    """Links none of whose points had a value in their latest reading."""
    with engine.connect() as connection:
        found = connection.execute(
            select(t.point.c.meter_id, t.latest.c.value).join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        ).all()
    heard = {meter_id for meter_id, value in found if value is not None}
    alive = {meter.link for meter in city.settings.meters if meter.id in heard}
    used = {meter.link for meter in city.settings.meters if meter.link is not None}
    return sorted(used - alive)
