"""The kinds of cases. A new kind is one file here and its line in `kinds`, and its words in console/words/cases.py.

A kind's source keeps its own truth: a kind reads it and says what ought to have a case, and what moves the cases that are there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine

from service.cases.store import SYSTEM, Case
from service.settings import LoadedCity


@dataclass(frozen=True)
class Found:
    """Something that ought to have a case. `facts` are what the console says it with, in either language."""

    source_id: str
    subject: str
    district: str
    priority: int
    found_utc: datetime
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """What happened to a case's source: somebody saw to it (`taken`), or it is over (`done`)."""

    source_id: str
    step: Literal["taken", "done"]
    at_utc: datetime
    sentence: str
    who: str = SYSTEM


Changes = Callable[[Engine, LoadedCity, datetime, Sequence[Case]], Iterable[Found | Move]]


@dataclass(frozen=True)
class Kind:
    """`page`: the console's page of the source; `lasts`: is the source of a case abnormal still, None where that is not known;
    `nightly`: looked at by the night alone, because it takes long."""

    changes: Changes
    page: str
    lasts: Callable[[Engine, Case], bool | None] = lambda _engine, _case: None
    nightly: bool = False


def kinds() -> dict[str, Kind]:
    """The kinds by name."""
    from service.cases.kinds import alarm, leak, meter, outage

    return {
        "leak": Kind(leak.changes, "water", leak.lasts),
        "outage": Kind(outage.changes, "grid", outage.lasts),
        "meter": Kind(meter.changes, "meters", nightly=True),
        "alarm": Kind(alarm.changes, "now", alarm.lasts),
    }
