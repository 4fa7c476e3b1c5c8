"""[[weather]] of city.toml: where a weather service puts its files, and what their columns mean."""

from typing import Annotated

from pydantic import Field, field_validator

from city.named_files import Names
from city.places import Place, whole_part_of_an_hour
from service.weather_units import LIMITS


class WeatherFeed(Place):
    """The files of one weather service."""

    source: str = Field(min_length=1, max_length=80, description="short name of who sends it")
    folder: Annotated[str, Names.ELSEWHERE] = Field(
        default="weather", description="where its files are put, below the data folder or an absolute path"
    )
    place: str = Field(default="", max_length=80, description="zone id it is for; not given: the whole city")
    step_s: int = Field(default=3600, ge=300, le=3600, description="CSV: time from row to row, a whole part of an hour; JSON is hourly [s]")
    zone: str = Field(default="UTC", description="CSV: zone of times without offset, e.g. Europe/Rome")
    marks_end: bool = Field(default=False, description="CSV: the time of a mean or sum is its end")
    variables: dict[str, str] = Field(default_factory=dict, description="name in the file -> variable, beside the names that are known")
    units: dict[str, str] = Field(default_factory=dict, description="name in the file -> its unit, where the file does not say")
    max_age_h: float = Field(default=36.0, gt=0, le=240, description="older forecasts are not used [h]")
    settle_s: float = Field(default=30.0, ge=0, description="a file is taken when it has not changed for so long [s]")

    @field_validator("step_s")
    @classmethod
    def _part_of_an_hour(cls, value: int) -> int:
        return whole_part_of_an_hour(value)

    @field_validator("variables")
    @classmethod
    def _known_variables(cls, value: dict[str, str]) -> dict[str, str]:
        strange = sorted(set(value.values()) - set(LIMITS))
        if strange:
            raise ValueError(f"unknown {', '.join(strange)}; write one of {', '.join(LIMITS)}")
        return value
