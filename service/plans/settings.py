"""What city.toml says about how plans are made: when a solve may end, what a change costs, when plans are made again."""

from pydantic import Field, field_validator

from city.places import Place

QUARTER_MINUTES = 15


class PlanSettings(Place):
    """How plans are made: when a solve may end, what changing an approved plan costs, when plans are made again."""

    rel_gap: float = Field(default=1e-3, ge=0, lt=1, description="a solve ends when its plan is at most this much dearer than the best [1]")
    max_nodes: int = Field(default=5000, ge=1, description="a solve ends after so many nodes, with its best plan; never by the clock")
    solver_limit_s: float = Field(default=900.0, gt=0, description="after this a solver that hangs is killed, its last plan taken [s]")
    change_price_per_kwh: float = Field(default=0.0, ge=0, description="price of departing from what was approved [currency/kWh]")
    replan_minutes: int | None = Field(default=None, description="`penstock work` plans again so often, a multiple of 15; none: when asked")
    refresh_forecasts: bool = Field(default=True, description="ask the forecasts anew before planning again, with what was read today")
    carbon_cap_kg: float | None = Field(
        default=None, ge=0, description="most CO2e a plan may emit over its horizon [kg]; none: priced only"
    )

    verify_rounds: int = Field(
        default=2, ge=0, description="a plan whose pumps EPANET disagrees with is corrected and made again, at most so often"
    )
    decompose_over: int = Field(
        default=2000,
        ge=1,
        description="a city of more assets whose feeders hang behind lines is planned feeder by feeder, by [night] workers",
    )

    @field_validator("replan_minutes")
    @classmethod
    def _quarters(cls, value: int | None) -> int | None:
        if value is not None and (value < QUARTER_MINUTES or value % QUARTER_MINUTES):
            raise ValueError(f"{value} is no multiple of {QUARTER_MINUTES}; write 15, 30 or 60")
        return value
