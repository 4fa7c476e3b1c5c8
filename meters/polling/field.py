"""The field as the service sees it: plain calls from any thread; one thread of its own talks on the links."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pandas as pd

from city.problems import fault
from meters import control
from meters.control import Outcome
from meters.links.link import Link, LinkConfig, LinkFault
from meters.polling.actor import WRITE, Steps
from meters.polling.poll import Device, Poll
from meters.polling.schedule import Clock, wall_clock, wall_clock_slots
from meters.polling.unit import Slot
from meters.vee.quality import Limits

T = TypeVar("T")
Keep = Callable[[pd.DataFrame | Exception], None]  # takes the Readings of a slot and step, or what ended the reading
_IN_TIME = 0.95  # part of a step after which its slot is given up: before the next one begins


class Field:
    """All field links of one process. `with Field(links, devices) as field: field.read_slot(slot_utc)`.

    Only one process may own a link, because most gateways serve one master. Raises `PenstockError` when entered with a device on an
    unknown link or a meter twice. `memory` is the file in which registers that devices refuse are remembered.
    """

    def __init__(self, links: Iterable[LinkConfig], devices: Sequence[Device], memory: Path | None = None) -> None:
        self.devices = tuple(devices)
        self._links = {config.id: Link(config) for config in links}
        self._poll = Poll(self._links, self.devices, memory)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._points = {f"{device.meter_id}.{register.name}": (device, register) for device in devices for register in device.model.points}
        self._written_utc: dict[str, datetime] = {}
        self._slots: set[asyncio.Task[None]] = set()  # under way; the loop itself holds tasks only weakly
        self._following: set[asyncio.Task[None]] = set()
        self._held = False

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="field", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop = self._running()
        self._await(self._closed())
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()
        self._loop = None

    def read_slot(self, slot_utc: datetime, received_at_utc: datetime | None = None) -> pd.DataFrame:
        """Readings at `slot_utc` of every meter whose step it is on, see `meters.polling.poll.Poll.read`."""
        return self._await(self._poll.read(slot_utc, received_at_utc))

    def follow(self, keep: Keep, now: Clock = wall_clock, kept: Mapping[int, datetime] | None = None) -> None:
        """Read every meter at its own step from now on, until the field is left.

        `kept` {step [s]: its newest slot that is kept}: a slot after it that is not too late yet is read first.

        `keep` is called in the field's thread with the Readings of each slot, one frame per step [s], and must return at once; with an
        exception when reading ended by one.
        """
        self._running().call_soon_threadsafe(lambda: self._start(self._follow(keep, now, kept), keep, self._following))

    def finish(self, within_s: float) -> None:
        """Begin no further slot, and wait up to `within_s` [s] for those under way."""
        self._held = True
        self._await(self._finished(within_s))

    def hold(self, held: bool) -> None:
        """While held, `follow` reads nothing: what cannot be kept need not be asked for."""
        self._held = held

    @property
    def steps_s(self) -> tuple[int, ...]:
        """How often meters are read [s], each step once."""
        return self._poll.steps_s

    def write(self, point_id: str, setpoint: float, limits: Limits, now_utc: datetime | None = None) -> Outcome:
        """Write `setpoint` [unit of the point's quantity] and read it back before anything else is read, see `meters.control.execute`.

        Raises `PenstockError` for a point that does not exist. Times of writes are kept, so that `write_interval_s` holds.
        """
        if point_id not in self._points:
            raise fault(f"point {point_id}", "not a point of this field", "<meter>.<register>", "Check meters and register maps.")
        outcome = self._await(self._write(point_id, setpoint, limits, now_utc or wall_clock()))
        if outcome.sent:
            self._written_utc[point_id] = outcome.at_utc
        return outcome

    def remember_write(self, point_id: str, written_at_utc: datetime) -> None:
        """Tell the field of a write made by an earlier process, so that `write_interval_s` holds over a restart."""
        self._written_utc[point_id] = written_at_utc

    def set_clock(self, time_utc: datetime) -> None:
        """Set the clock of every simulator among the links. Raises `PenstockError` when it cannot be set."""
        for link in self._links.values():
            if link.config.simulated:
                try:
                    self._await(link.set_clock(time_utc))
                except LinkFault as failure:
                    remedy = "Start it: python -m meters.simulator --help."
                    raise fault(f"simulator of link {link.config.id}", str(failure), "one whose clock can be set", remedy) from None

    async def _follow(self, keep: Keep, now: Clock, kept: Mapping[int, datetime] | None) -> None:
        loop = asyncio.get_running_loop()
        async for slot_utc, steps_s in wall_clock_slots(self._poll.steps_s, now, kept):
            began = loop.time() - (now() - slot_utc).total_seconds()
            if self._held:
                continue
            for step_s in steps_s:  # each in its own time: what is read every minute does not wait for what is read every hour
                slot = Slot(slot_utc, began, _IN_TIME * step_s, now, live=True)
                self._start(self._one(slot, step_s, keep), keep, self._slots)

    async def _one(self, slot: Slot, step_s: int, keep: Keep) -> None:
        keep(await self._poll.read_spread(slot, (step_s,)))

    def _start(self, work: Coroutine[Any, Any, None], keep: Keep, tasks: set[asyncio.Task[None]]) -> None:
        """Run `work` beside everything else in the field's thread, as one of `tasks`; an exception that ends it goes to `keep`."""

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                keep(error)

        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(ended)

    async def _write(self, point_id: str, setpoint: float, limits: Limits, now: datetime) -> Outcome:
        device, register = self._points[point_id]
        actor, outcomes = self._poll.actors[device.link_id], list[Outcome]()

        async def steps() -> Steps:
            outcomes.append(await control.execute(actor.link, device, register, setpoint, limits, now, self._written_utc.get(point_id)))
            yield

        await actor.submit(WRITE, steps())
        return outcomes[0]

    async def _finished(self, within_s: float) -> None:
        if self._slots:
            await asyncio.wait(self._slots, timeout=within_s)

    async def _closed(self) -> None:
        for task in self._slots | self._following:
            task.cancel()
        self._poll.close()
        await asyncio.sleep(0)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, done in the field's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise fault("field", "used outside its with block", "with Field(...) as field", "Enter it first.")
        return self._loop
