"""The field as the service sees it: plain calls, with the event loop, the links and the devices owned in one place."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import pandas as pd

from city.problems import fault
from meters import control, poll
from meters.control import Outcome
from meters.link import Link, LinkConfig
from meters.poll import Device
from meters.quality import Limits


class Field:
    """All field links of one process. `with Field(links, devices) as field: field.read_slot(slot_utc)`.

    Use it from one thread; only one process may own a link, because most gateways serve one master.
    """

    def __init__(self, links: Iterable[LinkConfig], devices: Sequence[Device]) -> None:
        self.devices = tuple(devices)
        self._configs = tuple(links)
        self._links: dict[str, Link] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._points = {f"{device.meter_id}.{register.name}": (device, register) for device in devices for register in device.model.points}
        self._written_utc: dict[str, datetime] = {}

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._links = {config.id: Link(config) for config in self._configs}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop = self._running()
        for link in self._links.values():
            link.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        self._loop = None

    def read_slot(self, slot_utc: datetime, received_at_utc: datetime | None = None) -> pd.DataFrame:
        """Readings of every point at `slot_utc`, see `meters.poll.read_slot`."""
        return self._running().run_until_complete(poll.read_slot(self._links, self.devices, slot_utc, received_at_utc))

    def write(self, point_id: str, setpoint: float, limits: Limits, now_utc: datetime | None = None) -> Outcome:
        """Write `setpoint` [unit of the point's quantity] and read it back, see `meters.control.execute`.

        Raises `PenstockError` for a point that does not exist. Times of writes are kept, so that `write_interval_s` holds.
        """
        if point_id not in self._points:
            raise fault(f"point {point_id}", "not a point of this field", "<meter>.<register>", "Check meters and register maps.")
        device, register = self._points[point_id]
        now = now_utc or datetime.now(UTC)
        call = control.execute(self._links[device.link_id], device, register, setpoint, limits, now, self._written_utc.get(point_id))
        outcome = self._running().run_until_complete(call)
        if outcome.sent:
            self._written_utc[point_id] = now
        return outcome

    def remember_write(self, point_id: str, written_at_utc: datetime) -> None:
        """Tell the field of a write made by an earlier process, so that `write_interval_s` holds over a restart."""
        self._written_utc[point_id] = written_at_utc

    def set_clock(self, time_utc: datetime) -> None:
        """Set the clock of every simulator among the links. Raises `PenstockError` when it cannot be set."""
        for link in self._links.values():
            if link.config.simulated:
                self._running().run_until_complete(link.set_clock(time_utc))

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise fault("field", "used outside its with block", "with Field(...) as field", "Enter it first.")
        return self._loop
