"""The temperature around an asset, and how much heat or cold a machine lifts against it for each kWh it draws.

References: Cengel and Boles, Thermodynamics, 8th ed., McGraw-Hill 2015, ch. 11 (reversed Carnot cycle); Staffell, Brett, Brandon and
Hawkes, A review of domestic heat pumps, Energy Environ. Sci. 5 (2012), 9291-9306 (measured shares of the Carnot figure).
"""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import AssetKind
from optimisation.inputs import PlanInput, Series

KELVIN = 273.15
LEAST_LIFT_K = 5.0  # no machine works without a difference of temperature
LEAST_DEGC, MOST_DEGC = -70.0, 110.0  # what air, ground, water and waste heat can have; 293 is a slip of the unit


def hourly(values: Sequence[float], inputs: PlanInput) -> Series:
    """float[steps]: one value for all steps, or 24 by the hour of the local clock."""
    if len(values) == 1:
        return np.full(inputs.steps, float(values[0]))
    return np.array([values[t.hour] for t in inputs.local_times[:-1]], dtype=float)


def one_or_by_hour(name: str, values: Sequence[float]) -> None:
    """Raises ValueError unless there is one value, or one per hour of the day."""
    if len(values) not in (1, 24):
        raise ValueError(f"{name} has {len(values)} values: give 1, or 24 by the hour of the local clock")


def likely(subject: str, degc: ArrayLike) -> list[Problem]:
    """A problem when a temperature is none that air or water can have."""
    low, high = float(np.min(degc)), float(np.max(degc))
    if low >= LEAST_DEGC and high <= MOST_DEGC:
        return []
    return [Problem(subject, f"{low:g} to {high:g} degC", f"{LEAST_DEGC:g} to {MOST_DEGC:g} degC", "Check its unit: it may be in kelvin.")]


class Ambient(AssetKind):
    """Fields of an asset that feels the outdoor air, or draws on a source of heat of known temperature."""

    ambient_series: str | None = Field(default=None, description="id of the forecast of the temperature around it [degC]")
    ambient_degc: tuple[float, ...] = Field(
        default=(), description="the same where there is no forecast [degC]: one value, or 24 by the hour of the local clock"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.ambient_series is not None and self.ambient_degc:
            raise ValueError("ambient_series and ambient_degc are both given: leave one out")
        if self.ambient_degc:
            one_or_by_hour("ambient_degc", self.ambient_degc)
        return self

    @property
    def knows_ambient(self) -> bool:
        return self.ambient_series is not None or bool(self.ambient_degc)

    @property
    def series_needed(self) -> tuple[str, ...]:
        return () if self.ambient_series is None else (self.ambient_series,)

    def ambient(self, inputs: PlanInput) -> Series:
        """float[steps] [degC]."""
        return hourly(self.ambient_degc, inputs) if self.ambient_series is None else inputs.expected(self.ambient_series)

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        return likely(f"asset {self.id}, temperature around it", self.ambient(inputs)) if self.knows_ambient else []

    def notes(self, inputs: PlanInput) -> list[str]:
        if not self.ambient_degc:
            return []
        low, high = min(self.ambient_degc), max(self.ambient_degc)
        span = f"{low:g} degC" if low == high else f"{low:g} to {high:g} degC by the hour"
        return [f"{self.id} is planned without a forecast of the temperature around it: {span}."]


class Lifting(Ambient):
    """A machine that lifts heat: `cop` says how much for each kWh, or the Carnot cycle between `flow_degc` and its ambient does."""

    cop: float | None = Field(default=None, gt=0, description="heat or cold given for each kWh drawn [1]; none: by carnot_quality")
    carnot_quality: float | None = Field(default=None, gt=0, le=1, description="share of the Carnot figure that it reaches [1]")
    flow_degc: float | None = Field(default=None, gt=-50, lt=150, description="temperature of the heat or cold it gives [degC]")

    @model_validator(mode="after")
    def _one_figure(self) -> Self:
        if self.cop is not None and self.carnot_quality is not None:
            raise ValueError("cop and carnot_quality are both given: leave one out")
        if self.carnot_quality is not None and (self.flow_degc is None or not self.knows_ambient):
            raise ValueError("carnot_quality needs flow_degc, and ambient_series or ambient_degc")
        return self

    def performance(self, inputs: PlanInput, cools: bool = False) -> Series:
        """float[steps]: heat (or cold) for each kWh drawn [1]; 1 when nothing is said, as of a heater."""
        if self.carnot_quality is None or self.flow_degc is None:
            return np.full(inputs.steps, 1.0 if self.cop is None else self.cop)
        ambient = self.ambient(inputs)
        lift = np.maximum(ambient - self.flow_degc if cools else self.flow_degc - ambient, LEAST_LIFT_K)
        return self.carnot_quality * (self.flow_degc + KELVIN) / lift
