"""What a check is, what it is given, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Engine

from city.problems import Problem
from service.environment import Environment
from service.settings import LoadedCity
from service.store import open_store

REPLAYED = timedelta(hours=1)  # a now this far from the clock is another time on purpose


class Check(NamedTuple):
    """One check: `work` returns a sentence, or raises `PenstockError`. A slow one is skipped by --fast."""

    name: str
    work: Callable[[], str]
    slow: bool = False


class Found(NamedTuple):
    """What came of a check: a sentence when it is well, else its problems; None of both when it was skipped."""

    group: str
    name: str
    said: str | None
    problems: tuple[Problem, ...]
    seconds: float

    @property
    def as_dict(self) -> dict[str, Any]:
        state = "fault" if self.problems else "skipped" if self.said is None else "ok"
        told = [{"subject": p.subject, "observed": p.observed, "allowed": p.allowed, "remedy": p.remedy} for p in self.problems]
        return {
            "group": self.group,
            "check": self.name,
            "state": state,
            "said": self.said,
            "problems": told,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Patient:
    """Who is examined: the environment, now, and the city where its file could be read."""

    env: Environment
    now_utc: datetime
    city: LoadedCity | None

    @cached_property
    def engine(self) -> Engine:
        """Its store. Raises `PenstockError` where there is none, or not of this release."""
        return open_store(self.env.url)

    @property
    def station(self) -> bool:
        """Is it a station of the edge? It has no database of its own."""
        return self.city is not None and self.city.settings.edge is not None

    @property
    def replayed(self) -> bool:
        return abs(datetime.now(UTC) - self.now_utc) > REPLAYED
