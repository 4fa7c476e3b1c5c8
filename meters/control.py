"""Writing to a device: check, write once, read back, and say what happened in one of four words.

Whether anybody allowed the write is not decided here; `service` hands over approved commands only. Here every limit of link,
device and point is checked again, because this is the last place before the wire.
"""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from city.clock import as_utc
from meters.links.link import Link, LinkFault
from meters.maps.registers import Register, decode, encode
from meters.polling.poll import Device
from meters.vee.quality import Limits

Word = Literal["written", "refused", "mismatch", "unknown"]
_READ_BACK_DELAYS_S = (0.0, 0.1, 0.3)  # many controllers take a write over in their next cycle only


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one setpoint.

    written: read back within tolerance of the setpoint as the register can hold it. refused: nothing was sent, or the device
    said no. mismatch: taken, but the device holds another value. unknown: no good reply to write or read-back; the device may
    or may not have taken it, and nothing is repeated.
    `setpoint` [unit of the point's quantity] is what was written: where `write_step` allows less than was asked for, the part of
    the way that this write went. `read_back` is in the same unit; `sent` says whether the write went out.
    """

    point_id: str
    word: Word
    setpoint: float
    read_back: float | None
    reason: str
    at_utc: datetime
    sent: bool


async def execute(
    link: Link,
    device: Device,
    register: Register,
    setpoint: float,
    limits: Limits,
    now_utc: datetime,
    last_write_utc: datetime | None = None,
) -> Outcome:
    """Write `setpoint` [unit of the register's quantity] and read it back.

    With `limits.write_step` the value held is read first, and the write goes at most that far towards the setpoint.

    Refused without a write on the wire: a read-only link, a register that is not writable, a setpoint outside `limits` or
    the map's write_min..write_max, sooner than `limits.write_interval_s` after `last_write_utc`, or a value held that cannot be
    read where a step is limited. Raises nothing for what the field does.
    """
    now, point_id, goal = as_utc(now_utc), f"{device.meter_id}.{register.name}", setpoint

    def outcome(word: Word, reason: str, read_back: float | None = None, sent: bool = True) -> Outcome:
        return Outcome(point_id, word, goal, read_back, reason, now, sent)

    reason = refusal(link.config.read_only, point_id, register, setpoint, limits, now, last_write_utc)
    if reason:
        return outcome("refused", reason, sent=False)
    if limits.write_step is not None:
        held, reason = await _start(link, device, register)
        if held is None:
            return outcome("refused", f"{reason}, so no step from it can be made", sent=False)
        if abs(setpoint - held) > limits.write_step:
            goal = held + math.copysign(limits.write_step, setpoint - held)
    words, lost = encode(register, goal), ""
    meant = float(decode(register, words)[0] or 0.0)  # the setpoint as the register can hold it
    try:
        await link.write(device.unit, device.base + register.address, words, register.table, register.write_function == "single")
    except LinkFault as failure:
        if not failure.reachable:
            return outcome("refused", f"{failure}; nothing was sent", sent=False)
        if failure.refused:
            return outcome("refused", f"the device: {failure.detail}")
        lost = f"the write got no good reply ({failure})"
    try:
        back = await _read_back(link, device, register, meant, limits.write_tolerance)
    except LinkFault as failure:
        return outcome("unknown", f"{lost or 'the write was acknowledged'}; no read-back ({failure})")
    if back is not None and abs(back - meant) <= limits.write_tolerance:
        return outcome("written", f"{lost}, but the read-back agrees" if lost else "read back", back)
    if lost:
        return outcome("unknown", f"{lost}; it holds {back}", back)
    return outcome("mismatch", f"acknowledged, but it holds {back}", back)


def refusal(
    read_only: bool, point_id: str, register: Register, setpoint: float, limits: Limits, now: datetime, last_write: datetime | None
) -> str | None:
    """Why this setpoint must not be sent, or None."""
    if read_only:
        return "the link is read-only"
    if not register.writable:
        return f"register {register.name} is not writable"
    if limits.point != point_id:
        return f"the limits are those of {limits.point}"
    if not math.isfinite(setpoint):
        return f"setpoint {setpoint} is no number"
    for name, low, high in (("limits", limits.minimum, limits.maximum), ("register map", register.write_min, register.write_max)):
        if low is not None and setpoint < low:
            return f"setpoint {setpoint:g} is below {low:g}, the least of its {name}"
        if high is not None and setpoint > high:
            return f"setpoint {setpoint:g} is above {high:g}, the most of its {name}"
    since_s = math.inf if last_write is None else (now - as_utc(last_write)).total_seconds()
    if since_s < limits.write_interval_s:
        return f"the last write was {since_s:g} s ago; at least {limits.write_interval_s:g} s must lie between"
    return None


async def _held(link: Link, device: Device, register: Register) -> float | None:
    """The value the device holds now [unit of the register's quantity]; None where it means nothing."""
    words = await link.read(device.unit, register.table, device.base + register.address, register.words)
    value = decode(register, words)[0]
    return None if value is None else float(value)


async def _start(link: Link, device: Device, register: Register) -> tuple[float | None, str]:
    """The value a step starts from, or None and why there is none."""
    try:
        return await _held(link, device, register), "the value it holds means nothing"
    except LinkFault as failure:
        return None, f"the value it holds cannot be read ({failure})"


async def _read_back(link: Link, device: Device, register: Register, meant: float, tolerance: float) -> float | None:
    """The value the device holds, as soon as it is the one meant, else after the last delay."""
    value: float | None = None
    for delay_s in _READ_BACK_DELAYS_S:
        await asyncio.sleep(delay_s)
        value = await _held(link, device, register)
        if value is not None and abs(value - meant) <= tolerance:
            break
    return value
