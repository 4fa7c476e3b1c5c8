"""Daily means of outdoor temperature and degree days, with the days that are missing counted.

Reference: ISO 15927-6:2007 (accumulated temperature differences from daily means).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from city.problems import fault

LEAST_OF_A_DAY = 0.75
"""Share of a civil day's hours that its mean needs [1]."""


def daily_means(times_utc: pd.DatetimeIndex, degc: NDArray[np.float64], zone: str) -> pd.Series:
    """Mean temperature of each civil day in `zone` [degC] from instants on a regular grid, indexed by date.

    A day with less than `LEAST_OF_A_DAY` of its hours told is NaN; a day without any is there as well, so that it is counted.
    Raises `PenstockError` for a temperature beyond -90 and 60 degC (Fahrenheit, a fault value).
    """
    values = np.asarray(degc, np.float64)
    if (outside := (values < -90) | (values > 60)).any():
        raise fault("temperature", f"{values[outside][0]:g} degC", "-90 to 60 degC", "Check the unit of the weather data.")
    wall = local(times_utc, zone)
    frame = pd.DataFrame({"day": wall.date, "hour": wall.hour, "degc": values})
    hourly = frame.groupby(["day", "hour"])["degc"].mean().groupby("day")  # a mean of hours: unequal steps must not weigh
    made = hourly.mean().where(hourly.count() >= LEAST_OF_A_DAY * 24)
    if made.empty:
        return made
    whole = [day.date() for day in pd.date_range(made.index[0], made.index[-1])]
    return made.reindex(whole)


def heating(degc: NDArray[np.float64], base_degc: float) -> NDArray[np.float64]:
    """Heating degree days of each day [K d]: how far its mean stays below the base; NaN for a missing day."""
    return np.maximum(base_degc - degc, 0.0)


def cooling(degc: NDArray[np.float64], base_degc: float) -> NDArray[np.float64]:
    """Cooling degree days of each day [K d]: how far its mean is above the base; NaN for a missing day."""
    return np.maximum(degc - base_degc, 0.0)


def degree_days(means: pd.Series, heating_base_degc: float, cooling_base_degc: float) -> pd.DataFrame:
    """Per civil month: month, hdd, cdd [K d], days told and days missing. What is missing adds nothing; who compares months looks there."""
    if heating_base_degc > cooling_base_degc:
        observed = f"heating below {heating_base_degc:g} and cooling above {cooling_base_degc:g} degC"
        raise fault("base temperatures", observed, "heating below cooling", "Exchange them.")
    degc = means.to_numpy(np.float64)
    frame = pd.DataFrame(
        {
            "month": [f"{day:%Y-%m}" for day in means.index],
            "hdd": heating(degc, heating_base_degc),
            "cdd": cooling(degc, cooling_base_degc),
            "days": np.isfinite(degc).astype(int),
            "missing": np.isnan(degc).astype(int),
        }
    )
    return frame.groupby("month", as_index=False).sum()
