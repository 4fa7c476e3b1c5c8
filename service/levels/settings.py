"""`[levels]` in city.toml: the targets, and what counts as on time."""

from datetime import time
from typing import Literal

from pydantic import Field

from city.place import Place


class Levels(Place):
    """Targets are shares of what was good in all that counts; docs/levels.md defines each."""

    meters_online: float = Field(default=0.98, gt=0, le=1, description="readings due whose meter answered")
    stored_in_time: float = Field(default=0.99, gt=0, le=1, description="readings stored within a minute of being read")
    forecast_accuracy: float = Field(default=0.90, gt=0, le=1, description="1 - nMAE of the day ahead, mean over feeders and DMAs")
    nights_on_time: float = Field(default=0.99, gt=0, le=1, description="nights that ended in time")
    api_success: float = Field(default=0.995, gt=0, le=1, description="calls of the API that the service did not fail")
    availability: float = Field(default=0.9999, gt=0, le=1, description="time in which every process that should run did")
    night_by: time = Field(default=time(6, 0), description="local time by which a night must have ended")
    night_hours: float | None = Field(default=None, gt=0, le=24, description="a night that took no longer is on time as well [h]")
    availability_of: tuple[Literal["poll", "work", "receive", "api"], ...] = Field(
        default=("poll", "work"), description="long-running processes that must all be up, once the first night is over"
    )
