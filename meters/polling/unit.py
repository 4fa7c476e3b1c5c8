"""A unit of a link with what is known of it, and the slot at which it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from meters.polling.actor import Actor
from meters.polling.breaker import Breaker, share
from meters.polling.images import Row
from meters.polling.refusals import Refusals
from meters.polling.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which meters are read. `began` and `limit_s` [loop time, s] say until when; `now` is the clock for `received_at_utc`."""

    time_utc: datetime
    began: float
    limit_s: float
    now: Callable[[], datetime]
    live: bool = False  # `now` is the wall clock, which may have jumped or stood still with the machine


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a unit's answers. The breaker is that of all meters behind it, however often they are read."""

    breaker: Breaker
    refusals: Refusals


class Unit:
    """One unit of one link, the meters behind it that are read equally often, and what is known of it."""

    def __init__(
        self, name: str, number: int, step_s: int, actor: Actor, wiring: Wiring, rows: Sequence[Row], serials: Sequence[str], state: State
    ) -> None:
        self.name, self.number, self.step_s, self.actor, self.wiring, self.state = name, number, step_s, actor, wiring, state
        self.rows = tuple(rows)
        self.phase = share(name)  # when it is asked first, as a part of the link's spread
        self.serials = [(member, serial) for member, serial in enumerate(serials) if serial and wiring.members[member].model.identity]
        self.identified: tuple[int, datetime] | None = None  # on which connection of the link, and when
