"""What city.toml says about the power grid."""

from typing import Annotated

from pydantic import Field, model_validator

from city.named_files import Names
from city.places import Place


class GridSettings(Place):
    """The electric network and what matters in it."""

    network: Annotated[str, Names.BESIDE] = Field(
        description="folder of CSV files beside city.toml: buses, lines, switches, sources, loads, ..."
    )
    meters: dict[str, str] = Field(
        default_factory=dict, description="load or feeder -> meter id, where the two do not have one name; a feeder's meter is at its head"
    )
    power_factor: float = Field(default=0.95, gt=0, le=1, description="of loads whose reactive power is not measured [1]")
    loading_limit: float = Field(default=1.0, gt=0, description="share of its rating above which a branch is overloaded [1]")
    voltage_low_pu: float = Field(default=0.93, gt=0.5, lt=1, description="lowest voltage; GB/T 12325 allows 7 % below at 10 kV [1]")
    voltage_high_pu: float = Field(default=1.07, gt=1, lt=1.5, description="highest voltage; GB/T 12325 allows 7 % above at 10 kV [1]")
    critical: dict[str, str] = Field(default_factory=dict, description="load -> who must not be without power")
    switch_points: dict[str, str] = Field(default_factory=dict, description="switch with a motor -> its writable point, 1 closed, 0 open")
    crew_minutes: float = Field(default=25.0, gt=0, description="until a crew has reached and turned a switch [min]")
    motor_minutes: float = Field(default=1.0, gt=0, description="until a motor has turned one [min]")
    false_silent: float = Field(
        default=0.02, gt=0, lt=0.5, description="least chance that a meter falls silent though it has power; more when more are seen to [1]"
    )
    false_answer: float = Field(default=0.02, gt=0, lt=0.5, description="chance that a meter answers though it has none [1]")
    kept_days: int = Field(default=35, ge=2, description="days that the state of every quarter-hour is kept")

    @model_validator(mode="after")
    def _no_point_twice(self) -> "GridSettings":
        if len(set(self.switch_points.values())) < len(self.switch_points):
            raise ValueError("switch_points: two switches have one point; give each its own")
        return self
