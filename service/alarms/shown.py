"""One alarm as it is shown: what the list, the wall, the command line and the cases read."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.alarms.states import UNSEEN, State

ACUTE = 1  # the priority that is never put aside, grouped or cut off


@dataclass(frozen=True)
class Shown:
    """An alarm, or a line that stands for several: then `members` are the others and `count` is all of them."""

    alarm_id: int
    kind: str
    subject: str
    priority: int
    state: State
    since_utc: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    acknowledged_by: str | None = None
    shelved_until_utc: datetime | None = None
    count: int = 1
    group: str = ""  # the alarm ("kind source") of which it is a consequence
    district: str = ""
    source: str = ""
    reason: str = ""
    annunciated_utc: datetime | None = None
    active: bool = True
    own: bool = True  # lies in the districts of the person who looks
    members: tuple["Shown", ...] = ()

    @property
    def districts(self) -> frozenset[str]:
        """Where it is; {""} for the whole city, as `service.access` has it."""
        return frozenset(self.district.split(","))

    @property
    def acute(self) -> bool:
        """Must somebody act now? Such an alarm always stands on the list by itself, whoever looks and however much else there is."""
        return self.active and self.priority == ACUTE

    @property
    def unseen(self) -> bool:
        """Does it, or one under it, wait for an acknowledgement?"""
        return self.state in UNSEEN or any(one.unseen for one in self.members)

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.alarm_id, *(one.alarm_id for one in self.members))

    @property
    def waiting(self) -> tuple[int, ...]:
        """Numbers of what the person who looks may acknowledge of it: of the own districts, and not acknowledged yet."""
        return tuple(one.alarm_id for one in (self, *self.members) if one.own and one.state in UNSEEN)

    def rank(self) -> tuple[Any, ...]:
        """Priority 1 of any district first, then own districts, what is over last, by priority, unseen ones, the newest."""
        return (
            not self.acute,
            not self.own,
            not self.active,
            self.priority,
            not self.unseen,
            -self.since_utc.timestamp(),
            self.kind,
            self.subject,
        )
