"""Places and the points measured there: the nouns of city.toml that every part shares."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from city.quantities import Quantity

Commodity = Literal["electricity", "water", "gas", "heat"]
Role = Literal["load", "generation", "supply", "storage", "sensor"]


def whole_part_of_an_hour(step_s: int) -> int:
    """The step itself [s]. Raises `ValueError` when hours do not consist of whole steps: then days would not either."""
    if 3600 % step_s:
        raise ValueError(f"{step_s} s does not divide an hour; write e.g. 900 or 3600")
    return step_s


class Place(BaseModel):
    """Base of all places: immutable, and an unknown key is an error rather than a setting that does nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Zone(Place):
    """A part of the city that is balanced and forecast on its own: a district metered area, a feeder."""

    id: str = Field(description="short name, used in every table")
    kind: Literal["dma", "feeder", "area"] = Field(description="what it balances")
    name: str = Field(default="", description="as the operators call it")
    population: int | None = Field(default=None, ge=0, description="residents; needed for the legitimate night use of a DMA")


class Site(Place):
    """A place with an owner and an economic sector; statements are made per site and per sector."""

    id: str = Field(description="short name")
    sector: str = Field(description="economic sector, as in [[sectors]]")
    name: str = Field(default="", description="as the operators call it")


class Meter(Place):
    """One device on one link, measuring one commodity at one site."""

    id: str = Field(description="short name; its points are called <meter>.<register>")
    site: str = Field(description="site id")
    zone: str | None = Field(default=None, description="zone id")
    commodity: Commodity = Field(description="what flows through it")
    role: Role = Field(description="which side of the balance it stands on")
    renewable: bool = Field(default=False, description="generation that counts for the renewable share")
    link: str | None = Field(default=None, description="field link id; none means it arrives by file")
    unit: int | None = Field(default=None, ge=0, le=255, description="Modbus unit id on that link")
    base: int = Field(default=0, ge=0, le=65535, description="added to every address of the model: one device that holds several meters")
    serial: str = Field(default="", description="serial number on its plate; checked where the model has a register for it")
    model: str = Field(description="register map, a file in meters/devices/ or beside city.toml")
    step_s: int = Field(default=900, ge=60, le=3600, description="length of a stored interval, a whole part of an hour [s]")
    forecast: Literal["load", "pv", "wind", "ev", "water", "gas"] | None = Field(
        default=None, description="kind of its forecast; none: not forecast"
    )
    node: str | None = Field(default=None, description="node or link of the water network it sits on")

    @field_validator("step_s")
    @classmethod
    def _part_of_an_hour(cls, value: int) -> int:
        return whole_part_of_an_hour(value)


class Point(Place):
    """One measured quantity of one meter; `id` is `<meter>.<register>`."""

    id: str
    meter: str
    quantity: Quantity
    step_s: int = 900

    @property
    def stored(self) -> Quantity:
        """The quantity of its stored vectors: usage for a register, itself otherwise."""
        return self.quantity.usage or self.quantity
