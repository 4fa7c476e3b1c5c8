"""`[retention]` of city.toml: how long things stay. What is not named stays for good."""

from pydantic import Field

from city.places import Place

LEAST_YEARS = 5  # no city file takes audit lines away that are younger, and no chain is whole that lacks them


class Retention(Place):
    """Ages from which on things go, by a night or by `penstock retention`. The ledger and the vectors it rests on never go."""

    cold_readings_years: int | None = Field(default=None, ge=1, le=100, description="readings in cold storage; their vectors stay [a]")
    audit_years: int | None = Field(default=None, ge=LEAST_YEARS, le=100, description="audit lines [a]")
    forecasts_days: int | None = Field(default=None, ge=30, description="forecasts of nights, peaks, models that none of them names [d]")
    paths_days: int | None = Field(default=None, ge=8, description="sample paths of forecasts [d]")
    plans_days: int | None = Field(default=None, ge=30, description="plans that nobody approved, with their commands and what-ifs [d]")
    alarms_days: int | None = Field(default=None, ge=30, description="alarms that are over, with their events [d]")
    runs_days: int | None = Field(default=None, ge=30, description="records of runs and steps, and the nights' reports [d]")
    notices_days: int | None = Field(default=None, ge=30, description="notices that were delivered or given up [d]")
    sessions_days: int | None = Field(default=None, ge=1, description="sessions that are over, sign-in failures that count no more [d]")
