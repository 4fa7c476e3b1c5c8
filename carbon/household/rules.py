"""[households] of city.toml: how far a publication over households may go; [[buildings]]: what a building's book is divided by."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from city.places import Place

Measure = Literal["energy_kwh", "volume_m3", "gas_m3", "co2e_kg"]
SCALE: dict[str, int] = {"energy_kwh": 1_000, "volume_m3": 1_000_000, "gas_m3": 1_000_000, "co2e_kg": 1_000_000}  # stored per unit


class HouseholdRules(Place):
    """How far a publication over households may go."""

    k: int = Field(default=10, ge=3, description="a group of fewer households is never shown")
    epsilon: Decimal = Field(default=Decimal("0.1"), gt=0, le=10, description="privacy loss of one publication [1]")
    epsilon_per_year: Decimal = Field(default=Decimal(1), gt=0, le=20, description="privacy loss of a household in a year of data [1]")
    largest_per_month: dict[Measure, Decimal] = Field(
        default={"energy_kwh": Decimal(1000), "volume_m3": Decimal(50), "gas_m3": Decimal(100), "co2e_kg": Decimal(1000)},
        description="what a household counts for at most in a month; more is cut off before the noise [unit of the measure]",
    )

    @model_validator(mode="after")
    def _countable(self) -> Self:
        for name in ("epsilon", "epsilon_per_year"):
            if getattr(self, name) * 10**6 % 1:
                raise ValueError(f"{name} has more than six decimals")
        if self.epsilon > self.epsilon_per_year:
            raise ValueError("epsilon of one publication is above epsilon_per_year: nothing could ever be published")
        for measure, most in self.largest_per_month.items():
            if most <= 0 or most * SCALE[measure] % 1:
                raise ValueError(f"largest_per_month.{measure} = {most}: write a positive number of whole stored units")
        return self


class Building(Place):
    """A building: the sites whose accounts are its own, and what they are divided by."""

    id: str = Field(pattern=r"^\P{C}{1,60}$", description="short name")
    name: str = Field(default="", description="as people call it")
    sites: tuple[str, ...] = Field(min_length=1, description="site ids")
    floor_area_m2: Decimal = Field(gt=0, description="heated or cooled floor area [m2]")
    people: int | None = Field(default=None, ge=1, description="who live or work there")
