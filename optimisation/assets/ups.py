"""An uninterruptible supply: its own load runs through it, and a battery stands full behind the load.

References: IEC 62040-3:2021 (double conversion: the load is fed through rectifier and inverter all the time).
"""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from optimisation.asset import AssetKind, Left
from optimisation.inputs import PlanInput
from optimisation.parts import storage_block
from optimisation.parts.storage import EnergyStore, Firm
from optimisation.parts.storage_wishes import Wish
from optimisation.results import Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Ups(Firm, EnergyStore):
    """Power is + when the battery helps; what its load draws through it comes on top. What it holds above the reserve may serve others."""

    kind: Literal["ups"] = "ups"
    error_sign: ClassVar[int] = 1
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("ups_charge_kw", "ups_discharge_kw"),)
    series: tuple[str, ...] = Field(min_length=1, description="ids of the forecasts of the load behind it")
    conversion_efficiency: float = Field(default=0.95, gt=0, le=1, description="what reaches the load of each kWh drawn for it [1]")
    autonomy_h: float = Field(default=0.25, ge=0, description="how long it must carry its load from any instant [h]")
    reserve_price_per_kwh_h: float = Field(default=10.0, ge=0, description="price of reserve that is missing [currency per kWh and hour]")
    least_share: float = Field(default=0.1, ge=0, le=1, description="lower end of its window, part of energy_kwh: deep discharge [1]")
    wear_price_per_kwh: float = Field(default=0.2, ge=0, description="wear of each kWh discharged: not built for cycles [currency/kWh]")
    end_least_share: float | None = Field(default=1.0, ge=0, le=1, description="wished content at the end [1]; none: as at the start")

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    def draw_kw(self, inputs: PlanInput) -> NDArray[np.float64]:
        """float[steps]: what its load takes from the balance through it [kW]."""
        return np.maximum(inputs.power(*self.series), 0.0) / self.conversion_efficiency

    def reserve_kwh(self, inputs: PlanInput) -> NDArray[np.float64]:
        """float[steps + 1]: what it must hold to carry its load for `autonomy_h`, at most all it can hold [kWh].

        After the horizon the load counts as it is in the last step.
        """
        load = np.maximum(inputs.expected(*self.series), 0.0)
        ahead = int(np.ceil(self.autonomy_h / inputs.step_h))
        sums = np.concatenate([[0.0], np.cumsum(np.append(load, np.full(ahead + 1, load[-1])))])
        whole = int(self.autonomy_h / inputs.step_h)
        at = np.arange(inputs.steps + 1)
        part = (self.autonomy_h / inputs.step_h - whole) * (sums[at + whole + 1] - sums[at + whole])
        needed = (sums[at + whole] - sums[at] + part) / self.discharge_efficiency
        return np.minimum(self.least_share * self.energy_kwh + needed, self.most_share * self.energy_kwh)

    def notes(self, inputs: PlanInput) -> list[str]:
        most = float(np.max(inputs.power(*self.series)))
        if most <= self.physics.discharge_kw:
            return super().notes(inputs)
        told = f"{self.id} can carry {self.physics.discharge_kw:,.1f} kW, its load reaches {most:,.1f} kW: it cannot stand in for the grid."
        return [*super().notes(inputs), told]

    def wishes(self, inputs: PlanInput) -> list[Wish]:
        instants = np.arange(1, inputs.steps + 1)
        reserve = Wish("reserve", instants, self.reserve_kwh(inputs)[1:], self.reserve_price_per_kwh_h, inputs.step_h)
        return [*super().wishes(inputs), *([reserve] if self.autonomy_h > 0 else [])]

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        storage_block.build(model, group)
        storage_block.firm(model, group)
        for asset in group:
            model.withdraw(asset.balance, asset.draw_kw(model.inputs))

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """The charger fills it and keeps it full."""
        full, kept, physics = self.most_share * self.energy_kwh, self.kept(inputs), self.physics
        content, power = np.full(inputs.steps + 1, self.start_kwh(inputs)), np.zeros(inputs.steps)
        for t in range(inputs.steps):
            power[t] = np.clip((full - kept * content[t]) / (physics.charge_efficiency * inputs.step_h), 0.0, physics.charge_kw)
            content[t + 1] = kept * content[t] + power[t] * physics.charge_efficiency * inputs.step_h
        return {"power_kw": -power, "charge_kwh": content}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        settled = super().settle(inputs, values)
        return Settled({self.balance: values["power_kw"] - self.draw_kw(inputs)}, settled.cost, breaches=settled.breaches)
