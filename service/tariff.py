"""The electricity tariff: local clock hours to a price per step of the UTC grid."""

from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from city.clock import local
from city.named_files import Names
from city.places import Place


def _hours(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    for first, last in spans:
        if not 0 <= first < last <= 24:
            raise ValueError(f"hours [{first}, {last}] must run from 0 <= start < end <= 24; split a span over midnight in two")
    return spans


class Band(Place):
    """A price and the local hours it holds in."""

    name: str = Field(description="as on the bill: peak, flat, valley")
    price_per_kwh: float = Field(description="import price [currency/kWh]")
    hours: Annotated[tuple[tuple[int, int], ...], AfterValidator(_hours)] = Field(description="local [start, end) hours")
    weekend: bool | None = Field(default=None, description="true: only Saturday and Sunday, false: only the others, none: every day")


class Tariff(Place):
    """Time-of-use energy price, export price and the city's own price of carbon; what the connection costs stands with the grid asset."""

    bands: tuple[Band, ...] = Field(min_length=1, description="the first band that matches a step gives its price")
    export_price_per_kwh: float = Field(default=0.0, description="paid for exported energy [currency/kWh]")
    carbon_price_per_t: float = Field(default=0.0, ge=0, description="the plan's price of CO2e [currency/t]")
    price_file: Annotated[str | None, Names.DATA] = Field(
        default=None,
        description="CSV in the data folder: time_utc, import_price_per_kwh, perhaps export_price_per_kwh, available_utc; bands stand in",
    )
    intensity_file: Annotated[str | None, Names.DATA] = Field(
        default=None,
        description="CSV in the data folder: time_utc, kg_co2e_per_kwh, perhaps area_id, available_utc; the yearly factor fills in",
    )

    def import_price(self, times: pd.DatetimeIndex, zone: str) -> NDArray[np.float64]:
        """float64[t] import price [currency/kWh]; NaN where no band matches, which the coverage check then names."""
        wall = local(times, zone)
        hour, weekend = wall.hour.to_numpy(), wall.dayofweek.to_numpy() >= 5
        price = np.full(len(times), np.nan)
        for band in reversed(self.bands):
            inside = np.zeros(len(times), dtype=bool)
            for first, last in band.hours:
                inside |= (hour >= first) & (hour < last)
            if band.weekend is not None:
                inside &= weekend == band.weekend
            price[inside] = band.price_per_kwh
        return price
