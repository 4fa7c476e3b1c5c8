"""What the poll process reads, and where the readings go: the two places where a city's settings become devices and deliveries."""

from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

import pandas as pd
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from meters.polling.field import Field
from meters.polling.poll import Device
from meters.spool.spool import Spool
from service.alarms.refresh import refreshed
from service.delivery import Away, StoreSink, drain
from service.levels import uptime
from service.outbox import execute_due
from service.settings import LoadedCity
from service.store import runs

log = structlog.get_logger()
_SIGN_S = 20.0


def devices(city: LoadedCity) -> list[Device]:
    """The meters that are read over a link."""
    return [
        Device(m.id, m.link, m.unit, city.models[m.model], m.base, m.serial, m.reading_s)
        for m in city.settings.meters
        if m.link is not None and m.unit is not None
    ]


class Outlet(Protocol):
    """Where readings go from this machine. Each method is called from one thread, `execute` from another than `deliver`."""

    @property
    def origin(self) -> str:
        """What every batch is marked with: '' for what is stored where it is read."""
        ...

    @property
    def changed(self) -> bool:
        """Is there another configuration, by which the meters are to be read from now on?"""
        ...

    def prepare(self, readings: pd.DataFrame) -> pd.DataFrame:
        """What of a slot's readings is to be kept, before it goes into the spool."""
        ...

    def deliver(self, spool: Spool, slot_utc: datetime) -> int:
        """Hand over what waits, as far as somebody takes it, and say that this process lives. Returns the readings taken."""
        ...

    def execute(self, field: Field, at_utc: datetime) -> None:
        """Write what is due."""
        ...


class StoreOutlet:
    """Into this machine's database, from which approved commands come as well. A database that does not answer delays both, no more."""

    origin, changed = "", False

    def __init__(self, city: LoadedCity, engine: Engine, *, replayed: bool = False) -> None:
        """`replayed`: slots come with the simulator's clock, so that what is delivered in one was stored at its time."""
        self._city, self._engine, self._replayed = city, engine, replayed
        self._last_sign: float | None = None

    def prepare(self, readings: pd.DataFrame) -> pd.DataFrame:
        return readings

    def deliver(self, spool: Spool, slot_utc: datetime) -> int:
        try:
            # The keys of the points are asked for each time: a database that was restored meanwhile may have given them to others.
            taken, away = drain(spool, StoreSink(self._engine, list(self._city.points.values()), slot_utc if self._replayed else None))
        except Away as error:
            taken, away = 0, str(error)
        if away:
            log.warning("database does not take readings; they stay in the spool", batches=spool.depth(), cause=away)
            return taken
        try:
            runs.beat(self._engine, "poll", slot_utc, {"spool": spool.fill().told(datetime.now(UTC))})
        except DBAPIError as error:
            log.warning("database does not take the heartbeat", cause=str(error.orig).strip())
            return taken
        refreshed(self._engine, self._city, slot_utc)
        return taken

    def execute(self, field: Field, at_utc: datetime) -> None:
        try:
            execute_due(self._engine, field, self._city, at_utc)
            self._sign_of_life(at_utc)
        except DBAPIError as error:
            log.warning("database does not answer; commands wait", cause=str(error.orig).strip())

    def _sign_of_life(self, at_utc: datetime) -> None:
        """Between two slots, which may be an hour apart, availability would have nothing to go by."""
        if self._last_sign is None or monotonic() - self._last_sign >= _SIGN_S:
            self._last_sign = monotonic()
            uptime.alive(self._engine, "poll", at_utc)
