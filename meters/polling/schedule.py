"""When slots come: on the grid of each meter's step, by the wall clock, never late and never twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from city.clock import floor

Clock = Callable[[], datetime]
_NAP_S = 1.0  # how soon a clock that was set is noticed [s]
_LATE = 0.1  # part of its step after which a slot is missed rather than late


def wall_clock() -> datetime:
    """The machine's clock, as UTC."""
    return datetime.now(UTC)


def next_slot(after_utc: datetime, steps_s: Sequence[int]) -> datetime:
    """The first slot after `after_utc` of any of the steps [s]."""
    return min(floor(after_utc, timedelta(seconds=step_s)) + timedelta(seconds=step_s) for step_s in steps_s)


def slots(first_utc: datetime, until_utc: datetime, steps_s: Sequence[int]) -> Iterator[datetime]:
    """Every slot in [first, until] of any of the steps [s]."""
    if not steps_s:
        return
    slot = next_slot(first_utc - timedelta(microseconds=1), steps_s)
    while slot <= until_utc:
        yield slot
        slot = next_slot(slot, steps_s)


async def wall_clock_slots(
    steps_s: Sequence[int], now: Clock, kept: Mapping[int, datetime] | None = None
) -> AsyncIterator[tuple[datetime, tuple[int, ...]]]:
    """Each slot as its time comes, with the steps [s] that have one then.

    `kept` {step [s]: its newest slot that is kept already}: slots after it that are not too late yet come first, so that a process that
    was killed at a slot and started again does not leave it out.

    A slot that the machine slept through, or that a clock set forward jumped over, is left out: its meters would tell a later hour's
    register. After a clock was set back, nothing is read until it has passed the last slot again: what was read stays as it was.
    """
    slot = now()
    for late in missed(steps_s, slot, kept or {}):
        yield late
    while steps_s:
        slot = next_slot(max(slot, now()), steps_s)
        while (left_s := (slot - now()).total_seconds()) > 0:
            await asyncio.sleep(min(left_s, _NAP_S))
        in_time = tuple(step_s for step_s in due(steps_s, slot) if -left_s <= _LATE * step_s)
        if in_time:
            yield slot, in_time


def missed(steps_s: Sequence[int], now_utc: datetime, kept: Mapping[int, datetime]) -> list[tuple[datetime, tuple[int, ...]]]:
    """Slots up to now that are not too late to be read, with the steps [s] that have kept something, but not of that slot."""
    reach = timedelta(seconds=_LATE * max(steps_s, default=0))
    found = []
    for slot in slots(now_utc - reach, now_utc, steps_s):
        late_s = (now_utc - slot).total_seconds()
        lacking = tuple(step_s for step_s in due(steps_s, slot) if step_s in kept and kept[step_s] < slot and late_s <= _LATE * step_s)
        if lacking:
            found.append((slot, lacking))
    return found


def due(steps_s: Sequence[int], slot_utc: datetime) -> tuple[int, ...]:
    """Those of `steps_s` [s] that have a slot at `slot_utc`; slots count from 1970-01-01 UTC."""
    since = int(slot_utc.timestamp())
    return tuple(step_s for step_s in steps_s if since % step_s == 0)
