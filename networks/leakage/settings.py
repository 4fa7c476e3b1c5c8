"""What is tuned in the leak watch, with the reason for each value; one set for every network."""

from pydantic import BaseModel, ConfigDict, Field


class LeakSettings(BaseModel):
    """Settings of the leak watch. Sigmas are high because the maximum over all pipes, windows and steps of a year must stay below."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price_per_m3: float = Field(default=0.80, gt=0, description="what a lost m3 costs")
    crew_call_cost: float = Field(default=500.0, ge=0, description="cost of a crew that finds nothing; a search near by costs a share")
    search_m: float = Field(default=300.0, gt=0, description="how far along the pipes a crew looks from the reported one")
    lifetime_days: float = Field(default=60.0, gt=0, description="how long a leak would run on if nobody were told")
    step_min: int = Field(default=30, ge=5, le=60, description="step of analysis; finer ones hold demand's noise, not news")
    learn_days: int = Field(
        default=12,
        ge=7,
        description="first days of history, which calibration trusts: a week's flows, and no leak has crept far",
    )
    windows: tuple[int, ...] = Field(default=(2, 4, 8, 16, 48, 96, 192, 384), description="windows that are searched for leaks [steps]")
    short_sigma: float = Field(default=8.0, gt=0, description="standard deviations that prove a leak in windows below a day")
    long_sigma: float = Field(default=7.0, gt=0, description="standard deviations that prove a leak in windows from a day on")
    repair_sigma: float = Field(default=7.0, gt=0, description="standard deviations that prove a repair")
    least_m3_per_h: float = Field(default=0.6, gt=0, description="smaller slow leaks are not followed")
    least_burst_m3_per_h: float = Field(default=2.5, gt=0, description="smaller bursts, and repairs, are left to the long windows")
    same_pattern: float = Field(default=0.93, gt=0, le=1, description="correlation of patterns from which two leaks are one that grows")
    pattern_error: float = Field(default=0.07, ge=0, description="error of computed pressure patterns, share of their size")
    growth_m3_per_h: float = Field(default=0.3, gt=0, description="how much a known leak may change in a day, standard deviation")
    update_steps: int = Field(default=12, ge=1, description="steps between two estimates of all sizes [steps]")
    memory_days: int = Field(default=30, ge=1, description="how far back the evidence on a leak's place reaches")
    least_probability: float = Field(default=0.7, gt=0, le=1, description="probability within search_m below which no crew is sent")
    patience: float = Field(default=0.3, ge=0, description="share of the expected cost of searching that waiting may lose")
    shrinkage: float = Field(default=0.3, ge=0, le=1, description="share of the noise covariance that is taken from its diagonal")
    inflation: float = Field(default=1.3, ge=1, description="factor on noise covariances, for weeks unlike those they were learnt in")
    history_share: float = Field(
        default=0.5, gt=0, le=1, description="share of what history leaves over that is noise, not errors of leaks then"
    )
    drift_share: float = Field(default=0.5, ge=0, le=1, description="share of a day's noise variance that no longer window averages out")
