"""A battery: a store of electricity that wears with each kWh, with the depth of its cycles, and by standing nearly full.

References: Xu, Zhao, Zheng, Litvinov, Kirschen, Factoring the cycle aging cost of batteries participating in electricity markets,
IEEE Trans. Power Systems 33 (2018), 2248-2259 (piecewise-linear wear by depth, exact for rainflow counting of a convex stress).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from optimisation.inputs import PlanInput
from optimisation.parts import storage_block
from optimisation.parts.battery_depth import by_depth, depth_cost, marginal_prices
from optimisation.parts.storage import EnergyStore, Firm
from optimisation.parts.storage_wishes import Wish

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Battery(Firm, EnergyStore):
    """Power is + when it discharges. The horizon ends in a band, so that no plan empties it for the last hour's price."""

    kind: Literal["battery"] = "battery"
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("battery_charge_kw", "battery_discharge_kw"),)
    least_share: float = Field(default=0.1, ge=0, le=1, description="lower end of the charge window, part of energy_kwh [1]")
    most_share: float = Field(default=0.95, ge=0, le=1, description="upper end of the charge window, part of energy_kwh [1]")
    cycles_at_depth: tuple[tuple[float, float], ...] = Field(
        default=(), description="pairs of depth [1] and cycles it lasts at that depth; deeper cycles wear more per kWh"
    )
    replacement_price_per_kwh: float = Field(default=0.0, ge=0, description="new battery, per kWh of its size [currency/kWh]")
    high_share: float = Field(default=0.8, ge=0, le=1, description="charge above which standing wears it, part of energy_kwh [1]")
    high_price_per_kwh_h: float = Field(default=0.0, ge=0, description="wear of each kWh above high_share [currency per kWh and hour]")

    @model_validator(mode="after")
    def _depths(self) -> Self:
        if not self.cycles_at_depth:
            return self
        depths, cycles = zip(*self.cycles_at_depth, strict=True)
        if depths[0] <= 0 or depths[-1] > 1 or min(cycles) <= 0 or (np.diff(depths) <= 0).any():
            raise ValueError("cycles_at_depth needs depths that rise within 0 to 1, and cycles above 0")
        if (np.diff(marginal_prices(self.cycles_at_depth, 1.0)[1]) < 0).any():
            raise ValueError("cycles_at_depth must fall fast enough: a deeper cycle may not wear less per kWh than a shallow one")
        if self.replacement_price_per_kwh <= 0:
            raise ValueError("cycles_at_depth needs replacement_price_per_kwh")
        return self

    def high(self, inputs: PlanInput) -> Wish:
        """Standing nearly full, as something that is priced like a wish [kWh, hours]."""
        instants = np.arange(1, inputs.steps + 1)
        return Wish("window_most", instants, self.high_share * self.energy_kwh, self.high_price_per_kwh_h, inputs.step_h)

    def wear(self, inputs: PlanInput, net_kw: NDArray[np.float64], stored_kwh: NDArray[np.float64]) -> float:
        cost = super().wear(inputs, net_kw, stored_kwh)
        high = self.high(inputs)
        cost += high.price_each * float(np.maximum(stored_kwh[1:] - high.kwh, 0.0).sum())
        if self.cycles_at_depth:
            cost += depth_cost(stored_kwh, self.energy_kwh, *marginal_prices(self.cycles_at_depth, self.replacement_price_per_kwh))
        return cost

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        storage_block.build(model, group)
        storage_block.firm(model, group)
        m, inputs = model.m, model.inputs
        high = [(b.id, b.high(inputs)) for b in group if b.high_price_per_kwh_h > 0]
        if high:
            storage_block.outside(model, "battery_high", m.battery_stored_kwh, high)
        by_depth(model, [b for b in group if b.cycles_at_depth])
