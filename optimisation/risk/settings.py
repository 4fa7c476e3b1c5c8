"""What a city wants beside the least cost: prices on carbon and peak, and how much it trusts its forecasts."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Weights(BaseModel):
    """Stated weights of one objective. The weight of cost is one, so the others are prices; nobody is billed for them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    carbon_per_t: float = Field(default=0.0, ge=0, description="weight of CO2e beside the carbon price that is paid [currency/t]")
    peak_per_kw: float = Field(default=0.0, ge=0, description="weight of the highest import beside the capacity charge [currency/kW]")
    carbon_over_per_t: float | None = Field(
        default=None, ge=0, description="price of CO2e above the carbon cap [currency/t]; none: the cap is hard"
    )


class Risk(BaseModel):
    """How far a plan guards against its forecasts being wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    violation_share: float | None = Field(
        default=None, gt=0, lt=0.5, description="how often an error may pass a limit, of each step [1]; none: no reserve is kept"
    )
    reserve_h: float = Field(default=2.0, gt=0, description="how long what is stored for errors must last: until a new plan works [h]")
    reserve_from: tuple[str, ...] = Field(default=(), description="ids of assets that stand by for errors, e.g. batteries")
    reserve_price_per_kwh: float = Field(default=0.2, ge=0, description="price of reserve that is missing: a wish [currency/kWh]")
    peak_weight: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="part of the demand charge that counts at its worst paths, the rest at the mean of all [1]; none: as the medians say",
    )
    peak_tail: float = Field(default=0.1, gt=0, le=1, description="the worst paths, as a share of all [1]")

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.reserve_from)) < len(self.reserve_from):
            raise ValueError(f"reserve_from names an asset twice: {', '.join(self.reserve_from)}")
        return self

    @property
    def kept(self) -> float:
        """The probability with which a limit is kept in a step [1]."""
        return 1.0 - (self.violation_share or 0.0)
