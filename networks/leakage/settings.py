"""What is tuned in the leak watch, with the reason for each value; one set for every network."""

from pydantic import BaseModel, ConfigDict, Field


class LeakSettings(BaseModel):
    """Settings of the leak watch. Sigmas are high because the maximum over all pipes, windows and steps of a year must stay below."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price_per_m3: float = Field(0.80, gt=0, description="what a lost m3 costs")
    crew_call_cost: float = Field(500.0, ge=0, description="cost of a crew that finds nothing; searching near by costs a share of it")
    search_m: float = Field(300.0, gt=0, description="how far along the pipes a crew looks from the reported one")
    lifetime_days: float = Field(60.0, gt=0, description="how long a leak would run on if nobody were told")
    step_min: int = Field(30, ge=5, le=60, description="step of analysis; finer ones hold demand's noise, not news")
    learn_days: int = Field(
        12, ge=7, description="first days of history that calibration trusts: long enough for a week's flows, too short for creeping leaks"
    )
    windows: tuple[int, ...] = Field((2, 4, 8, 16, 48, 96, 192, 384), description="windows that are searched for leaks [steps]")
    short_sigma: float = Field(8.0, gt=0, description="standard deviations that prove a leak in windows below a day")
    long_sigma: float = Field(7.0, gt=0, description="standard deviations that prove a leak in windows from a day on")
    repair_sigma: float = Field(7.0, gt=0, description="standard deviations that prove a repair")
    least_m3_per_h: float = Field(0.6, gt=0, description="smaller slow leaks are not followed")
    least_burst_m3_per_h: float = Field(2.5, gt=0, description="smaller bursts, and repairs, are left to the long windows")
    same_pattern: float = Field(0.93, gt=0, le=1, description="correlation of two pipes' patterns from which they are one leak that grows")
    pattern_error: float = Field(0.07, ge=0, description="error of computed pressure patterns, share of their size")
    growth_m3_per_h: float = Field(0.3, gt=0, description="how much a known leak may change in a day, standard deviation")
    update_steps: int = Field(12, ge=1, description="steps between two estimates of all sizes [steps]")
    memory_days: int = Field(30, ge=1, description="how far back the evidence on a leak's place reaches")
    least_probability: float = Field(0.7, gt=0, le=1, description="probability within search_m below which no crew is sent")
    patience: float = Field(0.3, ge=0, description="share of the expected cost of searching that waiting for better evidence may lose")
    shrinkage: float = Field(0.3, ge=0, le=1, description="share of the noise covariance that is taken from its diagonal")
    inflation: float = Field(1.3, ge=1, description="factor on noise covariances, for weeks unlike those they were learnt in")
    drift_share: float = Field(0.5, ge=0, le=1, description="share of a day's noise variance that no longer window averages out")
