"""A tank of hot or cold water: a store on a balance of heat or cold, which it warms or cools with its losses.

A tank of V cubic metres between a hot and a cold temperature holds V x 1.163 kWh for each kelvin between them (water, 4.187 kJ/(kg K)).
"""

from typing import ClassVar, Literal

from pydantic import Field

from optimisation.parts.storage import EnergyStore


class ThermalStorage(EnergyStore):
    """Power is + when it gives to the balance; the content counts as 0 when the whole tank is at the useless temperature."""

    kind: Literal["thermal_storage"] = "thermal_storage"
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("thermal_storage_charge_kw", "thermal_storage_discharge_kw"),)
    balance: str = Field(default="heat", min_length=1, description="what it gives to or takes from, e.g. heat or cold")
    charge_efficiency: float = Field(default=1.0, gt=0, le=1, description="stored per charged energy [1]")
    discharge_efficiency: float = Field(default=1.0, gt=0, le=1, description="delivered per drawn energy [1]")
    loss_share_per_day: float = Field(default=0.05, ge=0, lt=1, description="part of its content that it loses by itself in a day [1/d]")
