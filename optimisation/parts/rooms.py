"""How warm the rooms of a building are: resistances and capacities, stepped exactly.

Rooms, and where given the mass behind them, are one capacity each; power and outdoor temperature are constant within a step. References:
Bacher and Madsen, Identifying suitable models for the heat dynamics of buildings, Energy and Buildings 43 (2011), 1511-1522 (resistances
and capacities); Van Loan, Computing integrals involving the matrix exponential, IEEE Trans. Automatic Control 23 (1978), 395-404.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from city.problems import Problem
from optimisation.asset import AssetKind
from optimisation.inputs import PlanInput
from optimisation.parts.ambient import Lifting, hourly, likely, one_or_by_hour


class Rooms(Lifting):
    """Rooms that lose heat to the air around them."""

    state_needed: ClassVar[tuple[str, ...]] = ("indoor_degc",)
    state_taken: ClassVar[tuple[str, ...]] = ("mass_degc",)
    resistance_k_per_kw: float = Field(gt=0, description="thermal resistance between its rooms and outdoors [K/kW]")
    capacity_kwh_per_k: float = Field(gt=0, description="heat capacity of its rooms [kWh/K]")
    mass_resistance_k_per_kw: float | None = Field(
        default=None, gt=0, description="resistance between rooms and mass [K/kW]; none: no mass"
    )
    mass_capacity_kwh_per_k: float | None = Field(default=None, gt=0, description="heat capacity of the mass behind its rooms [kWh/K]")
    gains_kw: tuple[float, ...] = Field(default=(0.0,), description="heat of people, devices and sun [kW]: one value, or 24 by local hour")
    gains_series: tuple[str, ...] = Field(default=(), description="ids of forecasts of further gains")

    @model_validator(mode="after")
    def _physics(self) -> Self:
        if (self.mass_resistance_k_per_kw is None) != (self.mass_capacity_kwh_per_k is None):
            raise ValueError("mass_resistance_k_per_kw and mass_capacity_kwh_per_k belong together: give both or none")
        if not self.knows_ambient:
            raise ValueError("neither ambient_series nor ambient_degc is given: say how cold it is outdoors")
        one_or_by_hour("gains_kw", self.gains_kw)
        return self

    @property
    def series_needed(self) -> tuple[str, ...]:
        return (*super().series_needed, *self.gains_series)

    @property
    def capacities(self) -> NDArray[np.float64]:
        """float[nodes]: share of each node in its heat capacity, rooms first [1]."""
        each = np.array([self.capacity_kwh_per_k, *([] if self.mass_capacity_kwh_per_k is None else [self.mass_capacity_kwh_per_k])])
        return each / each.sum()

    def start_degc(self, inputs: PlanInput) -> NDArray[np.float64]:
        """float[nodes]: rooms as metered, and a mass that nobody metered as warm as they are [degC]."""
        state = inputs.state[self.id]
        indoor = float(state["indoor_degc"])
        return np.array([indoor, float(state.get("mass_degc", indoor))])[: len(self.capacities)]

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        return [*super().check(inputs, assets), *likely(f"state of {self.id}, indoor_degc and mass_degc", self.start_degc(inputs))]

    def step(self, inputs: PlanInput) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The exact step x(t+1) = keeps x(t) + warms q(t) + drift(t): float[n, n], float[n] [K/kW], float[steps, n] [K]."""
        n = len(self.capacities)
        rates = np.zeros((n + 2, n + 2))  # rooms, mass, heat into the rooms, temperature outdoors
        rates[0, n] = 1 / self.capacity_kwh_per_k
        rates[0, n + 1] = 1 / (self.resistance_k_per_kw * self.capacity_kwh_per_k)
        rates[0, 0] = -rates[0, n + 1]
        if self.mass_capacity_kwh_per_k is not None and self.mass_resistance_k_per_kw is not None:
            flow = np.array([-1.0, 1.0]) / self.mass_resistance_k_per_kw
            rates[0, :2] += flow / self.capacity_kwh_per_k
            rates[1, :2] -= flow / self.mass_capacity_kwh_per_k
        import scipy.linalg  # late: who reads a city file has no use for it, and waits a tenth longer

        exact = scipy.linalg.expm(rates * inputs.step_h)
        gains = hourly(self.gains_kw, inputs) + (inputs.power(*self.gains_series) if self.gains_series else 0.0)
        drift = np.outer(gains, exact[:n, n]) + np.outer(self.ambient(inputs), exact[:n, n + 1])
        return exact[:n, :n], exact[:n, n], drift
