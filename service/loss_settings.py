"""[water.losses]: what the water balance, its ranking and its targets need to know that no meter tells."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from city.named_files import Names
from city.places import Place
from networks.losses.targets import LossTarget


class LossArea(Place):
    """What lies in the ground of one DMA; the network file tells the length of its mains."""

    connections: float = Field(default=0.0, ge=0, description="service connections; none: no unavoidable losses and no ILI are told [1]")
    mains_km: float | None = Field(default=None, gt=0, description="length of mains, where the network file leaves pipes out [km]")
    service_pipe_km: float = Field(default=0.0, ge=0, description="private pipe between the street and the meters [km]")
    pressure_m: float | None = Field(default=None, gt=0, description="average pressure, where no sensor of the DMA tells it [m]")
    bursts_per_year: float = Field(default=0.0, ge=0, description="bursts a year at today's pressure")


class Losses(Place):
    """Water balance: volumes that no meter of ours tells, errors (half width of 95 % limits, as shares) and promises."""

    billed: Annotated[str | None, Names.BESIDE] = Field(default=None, description="CSV of volumes per zone and month, beside city.toml")
    billed_error: float = Field(default=0.02, ge=0, description="of billed volumes [1]")
    unbilled_error: float = Field(default=0.5, ge=0, description="of unbilled volumes [1]")
    inflow_error: float = Field(default=0.005, ge=0, description="of the DMAs' flow meters [1]")
    metered_error: float = Field(default=0.01, ge=0, description="of customers' meters that are read [1]")
    night_use_error: float = Field(default=0.5, ge=0, description="of legitimate night use [1]")
    unauthorised_share: float = Field(default=0.0025, ge=0, le=1, description="drawn without right, of system input [1]")
    under_registration_share: float = Field(default=0.02, ge=0, lt=1, description="of what passes customers' meters they do not count [1]")
    data_handling_share: float = Field(default=0.0025, ge=0, le=1, description="lost in reading and billing, of billed metered volume [1]")
    apparent_error: float = Field(default=0.5, ge=0, description="of each of the three shares above [1]")
    infrastructure_error: float = Field(default=0.1, ge=0, description="of unavoidable losses: lengths, connections, pressure [1]")
    energy: tuple[str, ...] = Field(default=(), description="energy points of the pumps that supply the city")
    kwh_per_m3: float | None = Field(default=None, ge=0, description="electricity of supply, where no `energy` points tell it [kWh/m3]")
    price_per_burst: float = Field(default=0.0, ge=0, description="what a burst costs to repair [currency]")
    areas: dict[str, LossArea] = Field(default_factory=dict, description="DMA -> what lies in its ground")
    targets: tuple[LossTarget, ...] = Field(default=(), description="promised shares by month")

    @model_validator(mode="after")
    def _one_source_of_energy(self) -> Self:
        if self.energy and self.kwh_per_m3 is not None:
            raise ValueError("kwh_per_m3 and energy both given: the pumps' own energy is enough")
        return self
