"""One slot of readings: every point of every device gets exactly one row, with a value or with the reason why not."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from city import quality as q
from city.clock import as_utc
from city.frames import TIME
from city.problems import fault
from city.quality import Cause
from meters.link import Link, LinkConfig, LinkFault
from meters.planner import Request, coalesce
from meters.registers import DeviceModel, Register, decode

Read = dict[str, tuple[float | int | None, int]]  # register name: value [unit of its quantity], quality


@dataclass(frozen=True)
class Device:
    """One meter on one link. Its points are called `<meter_id>.<register>`."""

    meter_id: str
    link_id: str
    unit: int
    model: DeviceModel
    base: int = 0  # added to every address of the model
    serial: str = ""

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """The coalesced reads that fetch all its points and their scale factors."""
        helpers = {register.scale_factor for register in self.model.points}
        wanted = [r for r in self.model.registers if r.quantity is not None or r.name in helpers]
        return coalesce(wanted, self.model.max_words, self.model.max_gap)

    @cached_property
    def point_ids(self) -> tuple[str, ...]:
        return tuple(f"{self.meter_id}.{register.name}" for register in self.model.points)


async def read_slot(
    links: Mapping[str, Link], devices: Sequence[Device], slot_utc: datetime, received_at_utc: datetime | None = None
) -> pd.DataFrame:
    """Readings of all `devices` at `slot_utc`; links in parallel, units of a link one after the other.

    Exactly one row per point: `value` [unit of its quantity] is NaN and `quality` holds the cause when there is none. A unit that
    does not answer costs one timeout, then is left alone (UNIT_BACKOFF) for the link's `backoff_s` of slot time, doubling up to
    `backoff_max_s`. Such units are asked last, so that they delay nobody.

    Raises `PenstockError` for a device on an unknown link or a point id that appears twice; never for what the field does.
    """
    slot = as_utc(slot_utc)
    unknown = sorted({device.link_id for device in devices} - set(links))
    if unknown:
        raise fault("poll", f"links {', '.join(unknown)}", f"one of {', '.join(links)}", "Add the link or correct the meter.")
    answers = await asyncio.gather(*(_read_link(links[link_id], group, slot) for link_id, group in _by_link(devices).items()))
    read = {device_index: values for answer in answers for device_index, values in answer.items()}
    return _frame(devices, read, slot, as_utc(received_at_utc or datetime.now(UTC)))


def _by_link(devices: Sequence[Device]) -> dict[str, list[tuple[int, Device]]]:
    groups: dict[str, list[tuple[int, Device]]] = {}
    for index, device in enumerate(devices):
        groups.setdefault(device.link_id, []).append((index, device))
    return groups


async def _read_link(link: Link, group: list[tuple[int, Device]], slot: datetime) -> dict[int, Read]:
    await link.settle()
    clock = asyncio.get_running_loop().time
    end, reached, read = clock() + link.config.budget_s, True, {}
    for index, device in sorted(group, key=lambda entry: entry[1].unit in link.pauses):
        if not reached:
            read[index] = _nothing(device.model.points, Cause.NO_CONNECTION)
        elif clock() > end:
            read[index] = _nothing(device.model.points, Cause.OVERRUN)
        else:
            read[index], reached = await _read_device(link, device, slot)
    return read


async def _read_device(link: Link, device: Device, slot: datetime) -> tuple[Read, bool]:
    """What the device gave, and whether the link can still be reached."""
    paused = link.pauses.get(device.unit)
    if paused is not None and slot < paused[1]:
        return _nothing(device.model.points, Cause.UNIT_BACKOFF), True
    words: dict[str, Sequence[int]] = {}
    failed: dict[str, Cause] = {}
    for number, request in enumerate(device.requests):
        try:
            reply = await link.read(device.unit, request.table, request.address, request.count)
        except LinkFault as failure:
            failed |= {register.name: failure.cause for register in request.registers}
            if failure.cause in (Cause.TIMEOUT, Cause.NO_CONNECTION):
                unasked = Cause.UNIT_BACKOFF if failure.cause is Cause.TIMEOUT else failure.cause
                rest = {register.name: unasked for later in device.requests[number + 1 :] for register in later.registers}
                if failure.cause is Cause.TIMEOUT:
                    _pause(link.config, link.pauses, device.unit, slot)
                return _decoded(device, words, failed | rest), failure.reachable
        else:
            words |= {register.name: request.words(register, reply) for register in request.registers}
    link.pauses.pop(device.unit, None)
    return _decoded(device, words, failed), True


def _pause(config: LinkConfig, pauses: dict[int, tuple[int, datetime]], unit: int, slot: datetime) -> None:
    before = pauses[unit][0] if unit in pauses else 0
    pause_s = min(config.backoff_s * 2 ** min(before, 30), config.backoff_max_s)
    pauses[unit] = (before + 1, slot + timedelta(seconds=pause_s))


def _decoded(device: Device, words: Mapping[str, Sequence[int]], failed: Mapping[str, Cause]) -> Read:
    read: Read = {}
    for register in device.model.points:
        helper = register.scale_factor
        cause = failed.get(register.name) or (failed.get(helper) if helper else None)
        if cause is not None:
            read[register.name] = (None, q.missing(cause))
            continue
        exponent = 0 if helper is None else decode(device.model.register(helper), words[helper])[0]
        read[register.name] = decode(register, words[register.name], None if exponent is None else int(exponent))
    return read


def _nothing(points: Sequence[Register], cause: Cause) -> Read:
    return {register.name: (None, q.missing(cause)) for register in points}


def _frame(devices: Sequence[Device], read: Mapping[int, Read], slot: datetime, received_at: datetime) -> pd.DataFrame:
    ids = [point_id for device in devices for point_id in device.point_ids]
    if len(set(ids)) < len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise fault("poll", f"points named twice: {', '.join(twice[:5])}", "one device per meter id", "Rename or remove one of the meters.")
    cells = [read[index][register.name] for index, device in enumerate(devices) for register in device.model.points]
    values = np.array([np.nan if value is None else value for value, _ in cells], dtype=np.float64)
    return pd.DataFrame(
        {
            "point_id": pd.array(ids, dtype="str"),
            "time_utc": pd.Series(slot, index=range(len(ids)), dtype=TIME),
            "quantity": pd.array([str(register.quantity) for device in devices for register in device.model.points], dtype="str"),
            "value": values,
            "quality": np.array([quality for _, quality in cells], dtype=np.int64),
            "received_at_utc": pd.Series(received_at, index=range(len(ids)), dtype=TIME),
        }
    )
