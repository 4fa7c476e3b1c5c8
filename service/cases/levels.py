"""`[cases]` of city.toml: how soon a case must have an owner and be closed, and which meters become one."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from city.places import Place
from service.cases.states import ENDED, State

KindName = Literal["leak", "outage", "meter", "alarm"]  # what service.cases.kinds has a file for


class Level(Place):
    """A service level: times count from when the case was found, whether or not it was opened again since."""

    kind: KindName | None = Field(default=None, description="kind of case; none: every kind that has no level of its own")
    priority: int = Field(ge=1, le=3, description="1: now, 2: this hour, 3: this shift")
    assign_hours: float = Field(gt=0, description="until somebody owns it [h]")
    close_hours: float = Field(gt=0, description="until it is closed [h]")


# Ours, where the city file says nothing: a first answer within half an hour, four hours, a day.
DEFAULT = (
    Level(priority=1, assign_hours=0.5, close_hours=24),
    Level(priority=2, assign_hours=4, close_hours=72),
    Level(priority=3, assign_hours=24, close_hours=336),
)


class CaseSettings(Place):
    """Cases: service levels and when a bad meter becomes one."""

    levels: tuple[Level, ...] = Field(default=(), description="service levels, those of a kind before those of every kind")
    bad_meter_days: int = Field(default=3, ge=1, description="days in a row that a meter must be urgent before it becomes a case [d]")
    bad_meters_a_night: int = Field(default=20, ge=1, description="most cases of meters that one night opens, the most urgent first")

    def level(self, kind: str, priority: int) -> Level:
        """The level of a case: of its kind and priority, else of its priority."""
        of_priority = [one for one in (*self.levels, *DEFAULT) if one.priority == priority]
        return next((one for one in of_priority if one.kind == kind), next(one for one in of_priority if one.kind is None))


def due(level: Level, state: State, found_utc: datetime) -> datetime | None:
    """When the next thing is due: an owner first, then the end; None once the case is closed."""
    if state in ENDED:
        return None
    hours = min(level.assign_hours, level.close_hours) if state == "found" else level.close_hours
    return found_utc + timedelta(hours=hours)
