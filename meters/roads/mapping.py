"""What a file of readings means, as data: the `mapping` of [[imports]], and [[drops]] of tables and of head-end messages."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from city import quality as q
from city.named_files import Names
from city.problems import PenstockError
from city.quality import Cause, Flag
from city.quantities import Quantity
from city.units import conversion

TABLE_KINDS = (".csv", ".txt", ".parquet")
XML_KINDS = (".xml",)
Status = Literal["valid", "edited", "estimated", "questionable", "derived", "projected", "missing"]

# A sender that writes "estimated" does not tell by which method; by like days is the weaker claim.
QUALITY: dict[str, int] = {
    "valid": q.VALID,
    "edited": int(Flag.EDITED),
    "estimated": int(Flag.ESTIMATED_LIKE_DAY),
    "questionable": int(Flag.QUESTIONABLE),
    "derived": int(Flag.VALID | Flag.DERIVED),
    "projected": int(Flag.PROJECTED),
    "missing": q.missing(Cause.GAP),
}


class Column(BaseModel):
    """One series of the file: a column (wide), a name in the id column (long, days), or `<id>/<column>` (table)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(description="as in the file")
    point: str = Field(description="point id, <meter>.<register>")
    quantity: Quantity | None = Field(default=None, description="what it measures; default: the mapping's")
    factor: float | None = Field(default=None, description="units of the quantity per unit of the file; default: the mapping's")
    unit: str | None = Field(default=None, description="unit of the file, instead of a factor: Wh, MWh, L/s, bar, ...")
    status: str | None = Field(default=None, description="wide: the column that holds its status")


class Mapping(BaseModel):
    """How to read one kind of file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    layout: Literal["wide", "long", "table", "days"] = Field(
        default="wide",
        description="wide: a column per series; long: a row per reading; table: a row per id and time, a column per register; "
        "days: a row per id and civil day, a column per interval",
    )
    time: str = Field(default="time_utc", description="name of the time column; days: of the date column")
    zone: str = Field(default="UTC", description="zone of times without offset, e.g. Europe/Rome")
    time_format: str | None = Field(default=None, description="strptime format; default: ISO 8601")
    time_marks: Literal["start", "end"] = Field(default="start", description="end: the time of a period is its end")
    missing_hour: Literal["refuse", "drop"] = Field(default="refuse", description="rows at local times that the spring change leaves out")
    step_s: int = Field(default=900, gt=0, description="length of an interval [s]")
    id: str | tuple[str, ...] = Field(default="point_id", description="the column that names the series; several are joined by /")
    value: str = Field(default="value", description="long: the column of values; days: the first of the interval columns")
    quantity: Quantity | None = Field(default=None, description="what the columns measure, where they do not say")
    factor: float | None = Field(default=None, description="units of the quantity per unit of the file; 1 when not given")
    unit: str | None = Field(default=None, description="unit of the file, instead of a factor")
    unit_column: str | None = Field(default=None, description="long: the column that holds the unit of each row, instead of a factor")
    status: str | None = Field(default=None, description="the column that holds the status of each row")
    statuses: dict[str, Status] = Field(
        default_factory=dict, description="what a status means; `*`: any other. One that is not listed refuses the file"
    )
    columns: tuple[Column, ...] = Field(default=(), description="the series to take; none: all of them, their names being point ids")
    skip_lines: int = Field(default=0, ge=0, le=1000, description="lines of a CSV above its header")
    header_lines: int = Field(default=1, ge=1, le=9, description="lines of the header; the names in them are joined by /")
    separator: str = Field(default=",", min_length=1, max_length=1, description="between CSV fields")
    decimal: Literal[".", ","] = Field(default=".", description="decimal sign of a CSV")
    encoding: str = Field(default="utf-8-sig", description="of a CSV")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is not an IANA time zone such as Europe/Rome") from None
        return zone

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.quantity is None and (not self.columns or any(column.quantity is None for column in self.columns)):
            raise ValueError("quantity is missing: give it for the mapping or for every column")
        if self.unit_column and self.layout != "long":
            raise ValueError("unit_column is for the long layout")
        if self.layout == "table" and not self.columns:
            raise ValueError("the table layout needs columns, each named <id>/<column>")
        for factor, unit in ((own.factor, own.unit) for own in [self, *self.columns]):  # type: ignore[attr-defined]
            if sum((factor is not None, unit is not None, self.unit_column is not None)) > 1:
                raise ValueError("factor, unit and unit_column exclude each other")
        for column in self.columns or (None,):
            self.scale(column)
        return self

    def quantity_of(self, column: Column | None) -> Quantity:
        """What a series measures; `column` is None where the mapping lists none."""
        return Quantity(str(column.quantity if column is not None and column.quantity is not None else self.quantity))

    def scale(self, column: Column | None) -> tuple[float, float]:
        """Factor and shift from the file's unit to that of the quantity. Raises `ValueError` for a unit of another kind."""
        own = column if column is not None and (column.factor is not None or column.unit is not None) else self
        if own.unit is None:
            return 1.0 if own.factor is None else own.factor, 0.0
        return factor_and_shift(own.unit, self.quantity_of(column))


class Channel(BaseModel):
    """One series of a message: a meter and what it measures there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meter: str = Field(description="mRID, or else the name of the meter in the message")
    reading_type: str = Field(
        pattern=r"^(-?\d+|\*)(\.(-?\d+|\*)){17}$", description="its 18 fields, e.g. 0.0.2.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0; * fits any"
    )
    point: str = Field(description="point id, <meter>.<register>")


class Messages(BaseModel):
    """How to read the messages of one head-end system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[Channel, ...] = Field(min_length=1, description="the series to take")
    others: Literal["refuse", "leave"] = Field(default="refuse", description="what to do with a file that has more series than these")
    zone: str = Field(default="UTC", description="zone of times without offset")
    step_s: int = Field(default=900, gt=0, description="length of an interval where the reading type does not say [s]")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        keys = [(channel.meter, channel.reading_type) for channel in self.channels]
        twice = sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
        if twice:
            raise ValueError(f"meter {twice[0][0]} has reading type {twice[0][1]} twice")
        return self


class Drop(BaseModel):
    """A folder that somebody else's system puts files into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Annotated[str, Names.ELSEWHERE] = Field(description="below the data folder, or an absolute path")
    mapping: Mapping | None = Field(default=None, description="tables: what their columns mean, as for [[imports]]")
    messages: Messages | None = Field(default=None, description="XML of a head-end: which of its series to take")
    settle_s: float = Field(default=30.0, ge=0, description="a file is taken when it has not changed for so long [s]")
    max_mb: float = Field(default=100.0, gt=0, le=2000, description="largest file that is taken [MB]")

    @model_validator(mode="after")
    def _one_format(self) -> Self:
        if (self.mapping is None) == (self.messages is None):
            raise ValueError("give either mapping (tables) or messages (XML of a head-end)")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """Endings of the files it takes."""
        return (*(XML_KINDS if self.mapping is None else TABLE_KINDS), ".zip")

    @property
    def points(self) -> frozenset[str] | None:
        """The points it delivers; None where the names in its tables are point ids themselves."""
        if self.messages is not None:
            return frozenset(channel.point for channel in self.messages.channels)
        columns = self.mapping.columns if self.mapping is not None else ()
        return frozenset(column.point for column in columns) or None


def factor_and_shift(unit: str, quantity: Quantity) -> tuple[float, float]:
    """What turns a number in `unit` into one in the unit of the quantity. Raises `ValueError` for a unit of another kind."""
    try:
        factor, shift = conversion(unit, quantity)
    except PenstockError as error:
        raise ValueError(str(error)) from None
    return float(factor), float(shift)
