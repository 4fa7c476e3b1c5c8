"""What is abnormal now, from every source. A condition is a fact with a name; `refresh` makes alarms of conditions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import pandas as pd
from sqlalchemy import Engine

from service.alarms.kinds import Kind
from service.settings import LoadedCity
from service.view.board import points
from service.view.moment import Moment


@dataclass(frozen=True)
class Condition:
    """`kind` names what is declared of it, `facts` fill in its words; `source` tells it from others of its kind.

    `follows` names the alarm ("kind source") of which it is a consequence; `about` is what its district is asked of, the subject when
    not given ('' is the whole city), where `districts` do not say it.
    """

    kind: str
    subject: str
    since_utc: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    follows: str = ""
    about: str | None = None
    districts: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, (self.source or self.subject)[:160]


@dataclass(frozen=True)
class Seen:
    """What a source may look at. The board of all points is made when the first source asks for it."""

    engine: Engine
    city: LoadedCity
    moment: Moment
    active: frozenset[tuple[str, str]] = frozenset()  # conditions that hold so far: for these a deadband counts

    @cached_property
    def board(self) -> pd.DataFrame:
        return points(self.engine, self.city, self.moment)


_NUMBER = re.compile(r"-?\d[\d.,:-]*")


def alike(sentence: str) -> str:
    """A sentence without its numbers: the same fault is the same condition, however large it is by now."""
    return _NUMBER.sub("#", sentence)


class Source(Protocol):
    """A module of `service.alarms.sources`: the kinds it declares, and what of them is there now."""

    @property
    def KINDS(self) -> tuple[Kind, ...]: ...

    def found(self, seen: Seen) -> Iterator[Condition]: ...
