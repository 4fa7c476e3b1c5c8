"""Who the city is, how its night looks back and ahead, and the small tables of city.toml."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from city.named_files import Names
from city.places import Located, Place, whole_part_of_an_hour
from meters.roads.mapping import Mapping
from service.cluster import addresses


class City(Located):
    """Who and where. With coordinates the sun is known: forecasts of PV and of net load stand on it."""

    id: str = Field(description="short name; names the data folder")
    name: str = Field(description="as people call it")
    name_zh: str = Field(default="", description="its Chinese name")
    time_zone: str = Field(description="IANA zone of tariffs, civil days and people")
    country: str = Field(description="ISO 3166-1 code whose public holidays hold")
    subdivision: str | None = Field(default=None, description="ISO 3166-2 part with holidays of its own")
    currency: str = Field(default="CNY", description="of every price")
    region: str = Field(description="ISO 3166-2 region whose emission factors hold")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"'{value}' is no IANA time zone; write e.g. Europe/Rome or Asia/Shanghai")
        return value


class Deadlines(Place):
    """How long each step of the night may take; one that takes longer is ended, and the others go on."""

    validate_minutes: float = Field(default=60, gt=0, description="readings become validated days [min]")
    forecast_minutes: float = Field(default=120, gt=0, description="machines are trained and asked [min]")
    plan_minutes: float = Field(default=60, gt=0, description="the plan of all assets; and the one that stands in for it [min]")
    leaks_minutes: float = Field(default=60, gt=0, description="losses, leaks and the valves around them [min]")
    ledger_minutes: float = Field(default=60, gt=0, description="entries are posted and restated [min]")
    targets_minutes: float = Field(default=15, gt=0, description="where the city stands on its targets [min]")
    after_minutes: float = Field(default=15, gt=0, description="each part after the steps: grid, round, proof, archive [min]")

    def of(self, step: str) -> float:
        """A step's deadline [s]."""
        return 60.0 * float(getattr(self, f"{step}_minutes"))


class Night(Place):
    """How far the night looks back and ahead."""

    step_s: int = Field(default=900, ge=300, le=3600, description="step of the plan, a whole part of an hour [s]")
    steps: int = Field(default=192, ge=1, description="steps of the plan")
    lead_minutes: int = Field(default=30, ge=0, description="from the night's start to the plan's first step [min]")
    history_days: int = Field(default=400, ge=1, description="days of history the models see")
    hot_days: int = Field(default=35, ge=2, description="days that readings are kept row by row")
    approved_hours: int = Field(default=24, ge=1, description="hours of commands that one approval covers")
    workers: int | str = Field(
        default=1, description="processes that share the forecasts, 1 or more, or a scheduler's address, tls://host:port"
    )
    deadlines: Deadlines = Field(default=Deadlines(), description="minutes that each step may take")

    @field_validator("workers")
    @classmethod
    def _processes_or_scheduler(cls, value: int | str) -> int | str:
        if isinstance(value, str):
            return addresses.checked(value)
        if not 1 <= value <= 1024:
            raise ValueError(f"{value} processes; write 1 to 1024, or tls://host:port")
        return value

    @field_validator("step_s")
    @classmethod
    def _part_of_an_hour(cls, value: int) -> int:
        return whole_part_of_an_hour(value)


class Sector(Place):
    """A part of the economy with its value added."""

    id: str = Field(description="short name")
    name: str = Field(default="", description="as the statistics office calls it")
    name_zh: str = Field(default="", description="its Chinese name")
    gdp_10k_cny: dict[int, float] = Field(default_factory=dict, description="value added per year [10,000 CNY, constant prices]")


class State(Place):
    """What an asset's state is read from: a weighted sum of the latest good values of points, plus an offset."""

    asset: str = Field(description="asset id")
    quantity: str = Field(description="state of the asset: charge_kwh, volume_m3, running")
    weights: dict[str, float] = Field(description="point id -> weight, e.g. a tank's area [m2] for its level [m]")
    offset: float = Field(default=0.0, description="added to the sum, in the unit of the state")


class Simulator(Place):
    """The simulated field of a demo; a real city has none."""

    spec: Annotated[str, Names.ELSEWHERE] = Field(description="device list for meters.simulator, in the data folder")
    port: int = Field(ge=1, le=65535, description="TCP port on the loopback address")


class Import(Place):
    """One file of history, in the data folder."""

    path: Annotated[str, Names.ELSEWHERE] = Field(description="file below the data folder")
    mapping: Mapping = Field(description="what its columns mean")
