"""The monitoring plan of an enterprise and its years in the carbon market, as they stand in city.toml.

The fields of a stream are those that China's data quality control plan asks for each parameter: how it is obtained, the instrument with
its accuracy and calibration, how often it is recorded, what is done when data lack, and who answers for it (MEE, Guidelines for
accounting and reporting of enterprise greenhouse gas emissions - power generation facilities, 2022; GB/T 32150-2015, chapter 6).
"""

from datetime import date
from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from city.places import Place

NAME = r"^[^\p{C}/\\]{1,60}$"  # no control character, no separator of folders


class Stream(Place):
    """One source stream of the monitoring plan: an account of the ledger, and how its activity is measured."""

    id: str = Field(pattern=NAME, description="short name")
    account: str = Field(description="account whose entries it is")
    parameter: str = Field(description="what is measured, such as electricity bought")
    source: Literal["measured", "invoice", "default"] = Field(default="measured", description="where the number comes from")
    instrument: str = Field(default="", description="name, model and place of the meter")
    accuracy_percent: Decimal | None = Field(
        default=None, ge=0, le=100, description="largest permitted error of the meter, taken as half-width of the 95 % interval [%]"
    )
    recorded: Literal["continuous", "hourly", "daily", "monthly"] = Field(default="hourly", description="how often it is recorded")
    calibrated_on: date | None = Field(default=None, description="day of the last calibration")
    calibration_months: int | None = Field(default=None, ge=1, description="it is calibrated again within [months]")
    responsible: str = Field(default="", description="department or person that answers for the number")
    when_missing: Literal["largest day", "none"] = Field(
        default="largest day", description="rule for days with gaps: the largest complete day of the year, or nothing is put in their place"
    )
    factor_uncertainty_percent: Decimal | None = Field(
        default=None, ge=0, description="half-width of the 95 % interval of the factor [%]; none: what the factor's source gives"
    )

    @model_validator(mode="after")
    def _metered(self) -> Self:
        if self.source == "measured" and (not self.instrument or self.accuracy_percent is None):
            raise ValueError("a measured stream names its instrument and accuracy_percent")
        return self


class Benchmark(Place):
    """A part of the allocation: benchmark x output x correction."""

    product: str = Field(description="what is made: electricity supplied, heat supplied, cement clinker, ...")
    output: Decimal = Field(ge=0, description="verified output of the year [unit]")
    unit: str = Field(description="unit of the output, such as MWh or GJ")
    t_per_unit: Decimal = Field(ge=0, description="benchmark of the year's allocation plan [tCO2/unit]")
    correction: Decimal = Field(default=Decimal(1), ge=0, description="product of the plan's correction factors [1]")


class MarketYear(Place):
    """What an enterprise was given, traded and gave back for one year, in whole allowances (one is 1 t CO2)."""

    year: int = Field(ge=2000, le=2100, description="year of the emissions")
    verified_t: int | None = Field(default=None, ge=0, description="verified emissions [t]; none: not verified yet, the ledger's stand in")
    benchmarks: tuple[Benchmark, ...] = Field(default=(), description="parts of the allocation")
    carried_in: int = Field(default=0, ge=0, description="left over from years before [allowances]")
    bought: int = Field(default=0, ge=0, description="bought for the year [allowances]")
    sold: int = Field(default=0, ge=0, description="sold [allowances]")
    surrendered: int = Field(default=0, ge=0, description="surrendered so far [allowances]")
    ccer: int = Field(default=0, ge=0, description="certified reductions surrendered in place of allowances [t]")


class Enterprise(Place):
    """An enterprise, the accounts it answers for, and its monitoring plan."""

    id: str = Field(pattern=NAME, description="short name; part of the names of its reports")
    name: str = Field(default="", description="as registered")
    name_zh: str = Field(default="", description="its Chinese name")
    credit_code: str = Field(default="", description="unified social credit code", pattern=r"^([0-9A-HJ-NPQRTUWXY]{18})?$")
    accounts: tuple[str, ...] = Field(min_length=1, description="accounts of the ledger that are its own")
    boundary: str = Field(default="", description="what belongs to it: plants, units, offices")
    plan_version: str = Field(default="", description="version and day of the data quality control plan")
    plan_changes: str = Field(default="", description="what changed since the version before, and why")
    streams: tuple[Stream, ...] = Field(default=(), description="the monitoring plan, a stream per account")
    years: tuple[MarketYear, ...] = Field(default=(), description="its years in the carbon market")

    @model_validator(mode="after")
    def _own(self) -> Self:
        foreign = sorted({stream.account for stream in self.streams} - set(self.accounts))
        if foreign:
            raise ValueError(f"streams of accounts it does not answer for: {', '.join(foreign)}")
        for what, names in (("stream", [s.id for s in self.streams]), ("account", self.accounts), ("year", [y.year for y in self.years])):
            if len(set(names)) < len(names):
                raise ValueError(f"a {what} is given twice")
        if len({stream.account for stream in self.streams}) < len(self.streams):
            raise ValueError("two streams of one account: its emissions would count twice")
        return self

    def market_year(self, year: int) -> MarketYear:
        """Its year in the market; one of zeros where none is given."""
        return next((one for one in self.years if one.year == year), MarketYear(year=year))
