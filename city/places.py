"""Places and the points measured there: the nouns of city.toml that every part shares."""

from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from city.place import Place
from city.quantities import Quantity

Commodity = Literal["electricity", "water", "gas", "heat"]
Role = Literal["load", "generation", "supply", "storage", "sensor"]


def whole_part_of_an_hour(step_s: int) -> int:
    """The step itself [s]. Raises `ValueError` when hours do not consist of whole steps: then days would not either."""
    if 3600 % step_s:
        raise ValueError(f"{step_s} s does not divide an hour; write e.g. 900 or 3600")
    return step_s


class Located(Place):
    """A place that may say where on earth it is (WGS 84)."""

    latitude: float | None = Field(default=None, ge=-90, le=90, description="north of the equator positive [deg]")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="east of Greenwich positive [deg]")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together; give both or none")
        return self

    @property
    def coordinates_deg(self) -> tuple[float, float] | None:
        """Latitude and longitude, where they are given."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


class Zone(Place):
    """A part of the city that is balanced and forecast on its own: a district metered area, a feeder."""

    id: str = Field(description="short name, used in every table")
    kind: Literal["dma", "feeder", "area"] = Field(description="what it balances")
    name: str = Field(default="", description="as the operators call it")
    name_zh: str = Field(default="", description="its Chinese name")
    population: int | None = Field(default=None, ge=0, description="residents; needed for the legitimate night use of a DMA")


class Site(Located):
    """A place with an owner and an economic sector, for which statements are made; without coordinates it is where the city is."""

    id: str = Field(description="short name")
    sector: str = Field(description="economic sector, as in [[sectors]]")
    name: str = Field(default="", description="as the operators call it")
    name_zh: str = Field(default="", description="its Chinese name, on Chinese statements")
    district: str | None = Field(default=None, description="zone id whose carbon balance it is part of")


_CT_AND_PT = (  # seen through both transformers
    Quantity.ENERGY_REGISTER_KWH,
    Quantity.ENERGY_KWH,
    Quantity.POWER_KW,
    Quantity.REACTIVE_ENERGY_REGISTER_KVARH,
    Quantity.REACTIVE_ENERGY_KVARH,
    Quantity.REACTIVE_POWER_KVAR,
    Quantity.APPARENT_POWER_KVA,
)


class MeterPeriod(Place):
    """What a meter was from one time on: which device, behind which transformers, and the registers of its exchange."""

    since: datetime = Field(description="from then on, with offset; the first entry also holds for what is older")
    serial: str = Field(default="", description="serial number on the plate; the same again: the same device goes on")
    ct: Fraction = Field(default=Fraction(1), description='ratio of the current transformers, e.g. "200/5"; exact')
    pt: Fraction = Field(default=Fraction(1), description='ratio of the voltage transformers, e.g. "10000/100"; exact')
    model: str | None = Field(default=None, description="register map of that time, where it was another")
    final: dict[str, float] = Field(default={}, description="register -> what the device before showed last [unit of the point]")
    first: dict[str, float] = Field(default={}, description="register -> what this device showed first [unit of the point]")

    @field_validator("since")
    @classmethod
    def _with_offset(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no offset; write e.g. 2022-06-15T10:07:00+02:00")
        return value

    @field_validator("ct", "pt", mode="before")
    @classmethod
    def _exact_ratio(cls, value: Any) -> Fraction:
        try:
            ratio = Fraction(str(value).replace(" ", ""))
        except (ValueError, ZeroDivisionError):
            ratio = Fraction(0)
        if ratio <= 0:
            raise ValueError(f'{value!r} is no ratio above zero; write e.g. "200/5" or 40')
        return ratio

    def multiplier(self, quantity: Quantity) -> Fraction:
        """What a reading of that time is multiplied by: CT x PT for energy and power, CT for currents, PT for voltages."""
        if quantity in _CT_AND_PT:
            return self.ct * self.pt
        return self.ct if quantity == Quantity.CURRENT_A else self.pt if quantity == Quantity.VOLTAGE_V else Fraction(1)

    def continues(self, before: "MeterPeriod") -> bool:
        """Is it the same device as in the period before?"""
        return bool(self.serial) and self.serial == before.serial


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
    read_s: int | None = Field(default=None, ge=60, description="how often it is read, a whole part of step_s [s]; step_s when not given")
    forecast: Literal["load", "net", "pv", "wind", "ev", "water", "gas", "heat"] | None = Field(
        default=None, description="kind of its forecast; none: not forecast"
    )
    under: str | None = Field(default=None, description="meter that sees its flow too: its feeder, its district; forecasts then add up")
    rating_kw: float | None = Field(default=None, gt=0, description="what it can carry; the chance of passing it is forecast [kW]")
    node: str | None = Field(default=None, description="node or link of the water network it sits on")
    history: tuple[MeterPeriod, ...] = Field(default=(), description="devices and transformers since when, in their order")
    formerly: tuple[str, ...] = Field(default=(), description="ids it had before; their past is kept as its own")

    @model_validator(mode="before")
    @classmethod
    def _serial_of_today(cls, raw: Any) -> Any:
        """The last entry of the history is what is there now: its serial number is the meter's."""
        last = raw["history"][-1] if isinstance(raw, dict) and isinstance(raw.get("history"), list) and raw["history"] else None
        return {"serial": last["serial"], **raw} if isinstance(last, dict) and isinstance(last.get("serial"), str) else raw

    @model_validator(mode="after")
    def _consistent(self) -> "Meter":
        for before, after in pairwise(self.history):
            if after.since <= before.since:
                raise ValueError(f"history: {after.since.isoformat()} does not come after {before.since.isoformat()}; order the entries")
        if self.history and self.history[-1].serial != self.serial:
            raise ValueError(f"serial '{self.serial}' is not that of the last entry of its history, '{self.history[-1].serial}'")
        if self.commodity != "electricity" and any(period.ct != 1 or period.pt != 1 for period in self.history):
            raise ValueError("ct and pt belong to electricity; the factor of a pulse is the register map's scale")
        if self.step_s % self.reading_s:
            raise ValueError(f"read_s {self.read_s} is no whole part of step_s {self.step_s}")
        if self.history and (self.history[0].final or self.history[0].first):
            raise ValueError("the first entry of a history has no device before it: give final and first with the later ones")
        return self

    @field_validator("step_s")
    @classmethod
    def _part_of_an_hour(cls, value: int) -> int:
        return whole_part_of_an_hour(value)

    @property
    def reading_s(self) -> int:
        """How often it is read [s]."""
        return self.read_s or self.step_s


class Total(Place):
    """A sum that no meter measures: a substation, the city. It is forecast like a series of its own, and its parts add up to it."""

    id: str = Field(description="short name; the id of its forecast")
    name: str = Field(default="", description="as the operators call it")
    of: tuple[str, ...] = Field(min_length=1, description="points that count, or other totals")
    less: tuple[str, ...] = Field(default=(), description="the same, subtracted: generation, for a net load")
    rating_kw: float | None = Field(default=None, gt=0, description="what it can carry; the chance of passing it is forecast [kW]")

    @property
    def parts(self) -> dict[str, float]:
        """Sign of each part."""
        return dict.fromkeys(self.of, 1.0) | dict.fromkeys(self.less, -1.0)


class Point(Place):
    """One measured quantity of one meter; `id` is `<meter>.<register>`."""

    id: str
    meter: str
    quantity: Quantity
    step_s: int = 900
    formerly: tuple[str, ...] = ()  # point ids it had before

    @property
    def stored(self) -> Quantity:
        """The quantity of its stored vectors: usage for a register, itself otherwise."""
        return self.quantity.usage or self.quantity
