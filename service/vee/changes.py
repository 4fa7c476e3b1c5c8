"""What becomes of validated values: taken as read, estimated, written by hand, refused. Each gives a further Block and changes none."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from city import quality as q
from city.clock import local
from city.frames import Block
from city.problems import fault
from city.quality import Cause, Flag

_MOST = 2.0**53  # stored units that a number on the way still tells apart
Some = NDArray[np.bool_]  # bool[1, t]: the intervals that are meant


@dataclass(frozen=True)
class Line:
    """A straight line over the intervals that are meant, from the first to the last of them [unit per interval]."""

    first: float
    last: float


@dataclass(frozen=True)
class Copy:
    """The values of another civil day at the same local times."""

    day: date


def accepted(block: Block, read: Block, some: Some) -> Block:
    """What was read becomes good, where it was doubted or warned of. Raises `PenstockError` where nothing was."""
    doubted = some & ((read.quality & int(Flag.QUESTIONABLE)) != 0)
    warned = some & q.measured(block.quality) & (block.quality >> 8 != 0)
    if not (doubted | warned).any():
        raise fault(f"edit of {block.ids[0]}", "no questionable value", "values that were doubted", "Give --value or --estimate instead.")
    values = np.where(doubted, read.values, block.values)
    cause = np.where(doubted, read.quality, block.quality) & 0xFF00
    quality = np.where(doubted | warned, cause | int(Flag.VALID | Flag.EDITED), block.quality).astype(np.uint16)
    return replace(block, values=values, quality=quality)


def valued(block: Block, some: Some, value: float) -> Block:
    """One value in each interval [unit per interval]. Raises `PenstockError` for what is no number, or a usage below zero."""
    return written(block, some, np.full(int(some.sum()), value), 0)


def on_line(block: Block, some: Some, line: Line) -> Block:
    """`line` over the intervals. Raises `PenstockError` as `valued`."""
    return written(block, some, np.linspace(line.first, line.last, int(some.sum())), int(Flag.ESTIMATED_LINEAR))


def copied(block: Block, some: Some, other: Block, zone: str) -> Block:
    """The usable values of `other` at the same local times. Raises `PenstockError` where one of them is missing there."""
    clock = [time.time() for time in local(other.times, zone)]
    place = {time: i for i, time in reversed(list(enumerate(clock)))}  # of an hour that comes twice, its first
    wanted = [place.get(time.time()) for time, meant in zip(local(block.times, zone), some[0], strict=True) if meant]
    if None in wanted or not q.usable(other.quality[0, [i for i in wanted if i is not None]]).all():
        observed = "lacks values at some of these times"
        raise fault(f"copy of {clock_day(other, zone)}", observed, "a day that is complete there", "Choose another day.")
    values = other.quantity.to_unit(other.values[0, [i for i in wanted if i is not None]])
    return written(block, some, values, int(Flag.ESTIMATED_LIKE_DAY))


def clock_day(block: Block, zone: str) -> date:
    """The civil day that a block begins with."""
    day: date = local(block.times[:1], zone)[0].date()
    return day


def written(block: Block, some: Some, values: NDArray[np.float64], flag: int) -> Block:
    """`values` [unit per interval], one for each interval that is meant, as EDITED and `flag`, under the causes that were there."""
    bad = ~(np.abs(values) * block.quantity.scale < _MOST) | ((values < 0) & block.quantity.is_period)
    if bad.any():
        observed, allowed = f"{values[bad][0]:g}", f"a number below {_MOST / block.quantity.scale:g}, not below zero for usage"
        raise fault(f"edit of {block.ids[0]}", observed, allowed, "Correct the value.")
    stored, quality = block.values.copy(), block.quality.copy()
    stored[some] = block.quantity.to_int(values)
    quality[some] = (quality[some] & 0xFF00) | int(Flag.EDITED) | flag
    return replace(block, values=stored, quality=quality)


def refused(block: Block, some: Some) -> Block:
    """Values that nobody may use from now on: they stay as they are, QUESTIONABLE and EDITED, so that no later night brings them back.

    Raises `PenstockError` where there is none to refuse.
    """
    meant = some & q.usable(block.quality)
    if not meant.any():
        raise fault(f"edit of {block.ids[0]}", "no value that is used", "values to refuse", "They are not used as it is.")
    cause = np.where(block.quality >> 8 != 0, block.quality & 0xFF00, np.uint16(Cause.GAP << 8))
    quality = np.where(meant, cause | int(Flag.QUESTIONABLE | Flag.EDITED), block.quality).astype(np.uint16)
    return replace(block, quality=quality)
