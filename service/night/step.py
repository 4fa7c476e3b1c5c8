"""What every step of the night is given, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from city.clock import civil_day
from city.problems import Problem
from service.settings import LoadedCity
from service.store.runs import StepResult

# Each step and what it cannot do without: a step whose need failed waits, so that nothing final is made of half the data.
NEEDS: dict[str, tuple[str, ...]] = {
    "validate": (),
    "forecast": ("validate",),
    "plan": ("forecast",),
    "leaks": ("validate",),
    "ledger": ("validate", "leaks"),
    "targets": ("ledger",),
}
STEPS = tuple(NEEDS)


@dataclass(frozen=True)
class Night:
    """What every step is given: the city, its store, the time that counts as now, and the civil days around it."""

    city: LoadedCity
    engine: Engine
    date: date
    now_utc: datetime
    key_of: dict[str, int]
    again: frozenset[str] = frozenset()  # finished steps that are to be done again
    left_out: frozenset[str] = frozenset()  # points of zones that this step does without; `city` is without them, too

    @property
    def today(self) -> datetime:
        """Local midnight [UTC] that the night starts after: everything before it is history."""
        return civil_day(self.date, self.city.settings.city.time_zone)[0]


@dataclass(frozen=True)
class Output:
    """A step's result and the writes that go with it."""

    result: StepResult
    write: Callable[[Connection], None] = lambda _connection: None
    out: Mapping[str, Sequence[Problem]] = field(default_factory=dict)  # zone -> why it was left out
    since_utc: datetime | None = None  # the first day that is missing of them
