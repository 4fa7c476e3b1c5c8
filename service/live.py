"""The running poll process: the field's thread reads, this one keeps what was read, others listen, deliver and write what is due."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import pandas as pd
import structlog

from city.clock import floor
from meters.polling.field import Field
from meters.polling.schedule import Clock, wall_clock
from meters.roads.sources import Source, take_in
from meters.spool.spool import Spool, SpoolFull
from service.acquisition import Outlet
from service.settings import LoadedCity

log = structlog.get_logger()
_MINUTE = timedelta(minutes=1)
_LISTEN_S = 1.0  # how soon a minute is noticed to be over
_COMMANDS_S = 5.0  # how often due commands are looked for
_END_S = 15.0  # how long the slots under way, and then each thread, may take to end [s]
_DELIVERY_S = 10.0  # how often a database that was away is tried


class Live:
    """The running poll process.

    The field's own thread reads. This one keeps what was read on the disk; others ask the other roads, deliver and look for commands, so
    that no database, however slow or locked, and no file, however long, delays a reading.
    """

    def __init__(self, city: LoadedCity, field: Field, way_out: Outlet, roads: list[Source], now: Clock = wall_clock) -> None:
        self._field, self._outlet, self._roads, self._now = field, way_out, roads, now
        self._came: SimpleQueue[pd.DataFrame | Exception] = SimpleQueue()
        self._kept, self._stopped = threading.Event(), threading.Event()
        self._slot_utc = self._began_utc = now()
        self._spool = Spool(city.folder / "spool.db", origin=way_out.origin)

    def __enter__(self) -> "Live":
        self._field.__enter__()
        self._delivering, self._commanding, self._listening = (
            threading.Thread(target=self._watched, args=(work,), daemon=True) for work in (self._deliver, self._command, self._listen)
        )
        for thread in (self._delivering, self._commanding, self._listening):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._field.finish(_END_S)
        self._commanding.join(_END_S)  # a write under way is read back
        self._field.__exit__(None, None, None)
        while not self._came.empty():
            if not isinstance(came := self._came.get(), Exception):
                self._keep(came)
        self._listening.join(_END_S)
        self._kept.set()
        self._delivering.join(_END_S)
        for road in self._roads:
            road.close()
        self._spool.close()

    def run(self, told: threading.Event, kept: Mapping[int, datetime] | None = None) -> None:
        """Keep what comes, until told to end or until the configuration changes.

        `kept` {how often meters are read [s]: their newest slot that is kept}, see `meters.polling.field.Field.follow`.
        Raises what ended the reading or the delivery, if something did.
        """
        self._field.hold(not self._spool.has_room())
        self._field.follow(self._came.put, self._now, kept)
        while not (self._outlet.changed or told.is_set()):
            with suppress(Empty):
                self._keep(self._came.get(timeout=1.0))
            self._field.hold(not self._spool.has_room())

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

    def _listen(self) -> None:
        """Ask the other roads once a minute."""
        asked = floor(self._began_utc, _MINUTE)
        with Spool(self._spool.path, origin=self._outlet.origin) as spool:
            while not self._stopped.wait(_LISTEN_S):
                minute = floor(self._now(), _MINUTE)
                if minute == asked:
                    continue
                asked, came = minute, 0
                with suppress(SpoolFull):  # they keep what they have until there is room
                    came = take_in(self._roads, spool, minute)
                if not self._field.devices:
                    self._slot_utc = minute  # nothing else says that this process lives
                if came or not self._field.devices:
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
