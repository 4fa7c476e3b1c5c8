"""One slot of readings: every point of every meter gets exactly one row, with a value or with the reason why not."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import structlog

from city.clock import as_utc
from city.problems import PenstockError, Problem
from meters.links.link import Link
from meters.maps.model import DeviceModel
from meters.polling.actor import Actor
from meters.polling.breaker import Breaker
from meters.polling.images import Images
from meters.polling.reading import UnitReading
from meters.polling.refusals import RefusalFile
from meters.polling.schedule import due, wall_clock
from meters.polling.unit import Slot, State, Unit
from meters.polling.wiring import Member, Wiring

log = structlog.get_logger()
_TICK_S = 0.01  # units whose moments are closer together are started together


@dataclass(frozen=True)
class Device:
    """One meter on one link. Its points are called `<meter_id>.<register>`."""

    meter_id: str
    link_id: str
    unit: int
    model: DeviceModel
    base: int = 0  # added to every address of the model
    serial: str = ""
    step_s: int = 900  # how often it is read [s]


class Poll:
    """All units of all links, and what is known of them. Use it from one event loop."""

    def __init__(self, links: Mapping[str, Link], devices: Sequence[Device], memory: Path | None = None) -> None:
        """`memory` is the file in which refused registers are remembered; without one they are learnt anew by each process.

        Raises `PenstockError` with every fault: a device on an unknown link, a meter twice, a base that leads behind register 65535.
        """
        problems = list(_faults(links, devices))
        if problems:
            raise PenstockError(problems)
        self.actors = {link_id: Actor(link) for link_id, link in links.items()}
        self.steps_s = tuple(sorted({device.step_s for device in devices}))
        self._images = Images([d.model for d in devices], [d.meter_id for d in devices], [d.step_s for d in devices])
        self._refusals = RefusalFile(memory)
        self._units = self._wired(devices)
        self._by_phase = sorted(self._units, key=lambda unit: unit.phase)

    async def read(self, slot_utc: datetime, received_at_utc: datetime | None = None) -> pd.DataFrame:
        """Readings at `slot_utc` of every meter whose step it is on, as fast as the links answer.

        Exactly one row per point: `value` [unit of its quantity] is NaN and `quality` holds the cause when there is none.
        `received_at_utc` is the time of the meter's last answer unless given. Raises nothing for what the field does.
        """
        now = wall_clock if received_at_utc is None else (lambda: as_utc(received_at_utc))
        slot = Slot(as_utc(slot_utc), asyncio.get_running_loop().time(), float("inf"), now)
        steps_s = due(self.steps_s, slot.time_utc)
        await self._ended([self._start(unit, slot) for unit in self._units if unit.step_s in steps_s])
        return self._readings(slot, steps_s)

    async def read_spread(self, slot: Slot, steps_s: tuple[int, ...]) -> pd.DataFrame:
        """As `read`, but each unit is asked first at its own time within the link's `spread_s` after the slot, for the meters of `steps_s`.

        Units that are tried after a failure come when all the others have been started.
        """
        clock, started = asyncio.get_running_loop().time, []
        own = [unit for unit in self._by_phase if unit.step_s in steps_s]
        for unit in [u for u in own if u.state.breaker.closed] + [u for u in own if not u.state.breaker.closed]:
            after_s = min(unit.actor.link.config.spread_s, unit.step_s / 4) * (unit.phase if unit.state.breaker.closed else 1)
            if (left_s := slot.began + after_s - clock()) > _TICK_S:
                await asyncio.sleep(left_s)
            started.append(self._start(unit, slot))
        await self._ended(started)
        return self._readings(slot, steps_s)

    def close(self) -> None:
        """Stop all work and close all connections."""
        for actor in self.actors.values():
            actor.close()

    def _start(self, unit: Unit, slot: Slot) -> asyncio.Future[None]:
        urgency = (0 if unit.state.breaker.closed else 1, unit.step_s)
        return unit.actor.submit(urgency, UnitReading(unit, slot, self._images).steps())

    def _readings(self, slot: Slot, steps_s: tuple[int, ...]) -> pd.DataFrame:
        self._refusals.keep()
        return self._images.readings(slot.time_utc, steps_s, slot.now())

    async def _ended(self, started: list[asyncio.Future[None]]) -> None:
        """Wait for all. What nobody foresaw in one unit is told, and costs that unit's readings only."""
        for error in await asyncio.gather(*started, return_exceptions=True):
            if isinstance(error, BaseException):
                log.error("a unit could not be read", error=f"{type(error).__name__}: {error}")

    def _wired(self, devices: Sequence[Device]) -> list[Unit]:
        """The units, in the order of their first device; equal ones share one `Wiring`."""
        groups: dict[tuple[str, int, int], list[int]] = {}
        for index, device in enumerate(devices):
            groups.setdefault((device.link_id, device.unit, device.step_s), []).append(index)
        wirings: dict[tuple[tuple[int, int], ...], Wiring] = {}
        breakers: dict[str, Breaker] = {}
        units = []
        for (link_id, number, step_s), indices in groups.items():
            own = [devices[index] for index in indices]
            kind = tuple((id(device.model), device.base) for device in own)
            if kind not in wirings:
                wirings[kind] = Wiring([Member(devices[i].model, self._images.layout(i), devices[i].base) for i in indices])
            name, actor = f"{link_id}/{number}", self.actors[link_id]
            if name not in breakers:
                breakers[name] = Breaker(name, actor.link.config.backoff_s, actor.link.config.backoff_max_s)
            maps = " ".join(f"{device.model.name}+{device.base}" for device in own)
            state = State(breakers[name], self._refusals.of(f"{name}/{step_s}/{maps}"))
            rows = [self._images.row(index) for index in indices]
            serials = [device.serial for device in own]
            units.append(Unit(own[0].meter_id, number, step_s, actor, wirings[kind], rows, serials, state))
        return units


def _faults(links: Mapping[str, Link], devices: Sequence[Device]) -> Iterator[Problem]:
    met: set[str] = set()
    for device in devices:
        subject = f"meter {device.meter_id}"
        if device.link_id not in links:
            yield Problem(subject, f"link {device.link_id}", f"one of {', '.join(links)}", "Add the link or correct the meter.")
        if device.meter_id in met:
            yield Problem(subject, "points named twice", "one device per meter id", "Rename or remove one of the meters.")
        met.add(device.meter_id)
        end = device.base + max(register.end for register in device.model.registers)
        if end > 65536:
            yield Problem(subject, f"base {device.base} leads to register {end - 1}", "at most 65535", "Correct the base.")
