"""What city.toml says about control: which point carries out what the plan wants, and how large a decision two people must take."""

from typing import Self

from pydantic import Field, model_validator

from city.places import Place


class Control(Place):
    """Which point carries out what the plan wants of an asset."""

    asset: str = Field(description="asset id")
    point: str = Field(description="writable point id")
    quantity: str = Field(description="quantity of the plan that is sent: power_kw, running")
    decimals: int = Field(default=0, ge=0, le=3, description="digits the setpoint is rounded to")
    held_back_by: str | None = Field(default=None, description="quantity of the plan that is above zero while the asset is held back")
    free_setpoint: float | None = Field(default=None, description="sent while it is not held back: a forecast must not become a limit")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.held_back_by is None) != (self.free_setpoint is None):
            raise ValueError("held_back_by and free_setpoint need each other: give both or none")
        return self


class FourEyes(Place):
    """From which size on a plan or an isolation must be approved by two different operators; what is not given never asks for it."""

    change_above_kw: float | None = Field(default=None, ge=0, description="largest change of one setpoint [kW]")
    total_above_kw: float | None = Field(default=None, ge=0, description="sum over the points of their largest change [kW]")
    valves_above: int | None = Field(default=None, ge=0, description="valves that are turned")
    customers_above: int | None = Field(default=None, ge=0, description="customers that an isolation cuts off")
