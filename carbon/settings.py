"""[carbon] of city.toml: how the ledger posts, closes and proves itself."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator

from city.named_files import Names
from city.places import Place


class Carbon(Place):
    """How the ledger posts, closes and proves itself."""

    gwp: Literal["AR4", "AR5", "AR6", "GHGP2024"] = Field(default="AR6", description="warming potentials (100 years) that weigh the gases")
    entry_hours: int = Field(default=1, ge=1, le=24, description="longest period of an entry of electricity [h]; gas and water: one day")
    provisional: Literal["refuse", "latest"] = Field(
        default="refuse",
        description="a year without a published grid factor: refuse to post, or post the latest published one and mark it provisional",
    )
    materiality: Decimal = Field(
        default=Decimal("0.05"), gt=0, lt=1, description="a restatement above this share of a closed period is material [1]"
    )
    completeness: Decimal = Field(default=Decimal("0.95"), gt=0, le=1, description="a period closes from this share of usable time on [1]")
    gpc_notation: dict[str, Literal["IE", "NE", "NO", "C"]] = Field(
        default_factory=dict,
        description="GPC sub-sectors without figures: included elsewhere, not estimated, not occurring, confidential",
    )
    outside_roots: Annotated[tuple[str, ...], Names.ELSEWHERE] = Field(
        default=(), description="files outside the store to which every root is appended as well"
    )

    marginal_file: Annotated[str | None, Names.DATA] = Field(
        default=None,
        description="CSV in the data folder: time_utc, kg_co2e_per_kwh of the marginal plants, perhaps area_id; avoided emissions need it",
    )
    population: dict[int, int] = Field(default_factory=dict, description="residents per year; none: the sum of the zones, the same for all")
    meter_uncertainty_percent: dict[str, Decimal] = Field(
        default_factory=dict, description="account id = half-width of the 95 % interval of its meter [%], from its accuracy class"
    )

    vintage_months: int = Field(
        default=12, ge=0, description="a certificate may cover use that began at most so long after its production ended [months]"
    )

    @field_validator("entry_hours")
    @classmethod
    def _part_of_a_day(cls, value: int) -> int:
        if 24 % value:
            raise ValueError(f"{value} h does not divide a day; write 1, 2, 3, 4, 6, 8, 12 or 24")
        return value
