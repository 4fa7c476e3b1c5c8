"""Real losses of an area per month, with their 90 % interval: every telling weighted by its certainty."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.clock import local
from networks.losses.evidence import Telling, by_meters, by_night_flow, by_shape
from networks.losses.nominal import Customers

Z90, Z95 = 1.6449, 1.96
COLUMNS = ["month", "hours", "inflow_m3", "loss_m3", "loss_sd_m3", "low_m3", "high_m3", "shape_m3", "meters_m3", "night_m3"]


@dataclass(frozen=True)
class Errors:
    """95 % limits, as shares: of the flow meters of an area, of its customers' meters, of night use and of the hour-day factor."""

    inflow: float = 0.005
    metered: float = 0.01
    night_use: float = 0.5
    hour_day_factor: float = 0.1


def real_losses(
    inflow: pd.Series,
    who: Customers,
    first_weekday: int,
    *,
    zone: str,
    night: pd.DataFrame | None = None,
    errors: Errors | None = None,
) -> pd.DataFrame:
    """Real losses of one area, month by month of local time.

    Parameters
    ----------
    inflow: hourly net inflow by start of hour, UTC; NaN where unknown [m3/h]
    who: its customers; first_weekday: on which the pattern week begins (`evidence.weekday`) [Monday 0]
    night: rows of `night_losses` of this area, where its night use is known

    Returns month (period M), hours [h] measured, inflow_m3, loss_m3 with loss_sd_m3 and the 90 % interval low_m3 to high_m3, and
    what each telling says alone [m3]; NaN where a telling has nothing to stand on. Volumes are of the measured hours. The weighted
    mean is the one of least variance for independent tellings; the meters' errors, common to all of them, are added to it.
    """
    errors = errors or Errors()
    rest = inflow if who.metered is None else inflow - who.metered.reindex(inflow.index)
    known = rest.dropna()
    month = pd.PeriodIndex(local(pd.DatetimeIndex(known.index), zone).tz_localize(None), freq="M")
    came = inflow[known.index].groupby(month).sum()
    hours = known.groupby(month).size()
    found: dict[str, Telling | None] = {
        "shape": by_shape(rest, who.week_unmetered, first_weekday, zone),
        "meters": by_meters(rest, who, first_weekday, zone),
        "night": None if night is None else by_night_flow(night, errors.night_use, errors.hour_day_factor),
    }
    rates = pd.DataFrame({name: told.rate for name, told in found.items() if told}).reindex(came.index)
    weight = 1 / pd.DataFrame({name: told.sd for name, told in found.items() if told}).reindex(came.index).clip(lower=1e-9) ** 2
    total = weight.sum(axis=1, min_count=1)
    rate = (rates * weight).sum(axis=1, min_count=1) / total
    drawn = pd.Series(0.0, came.index) if who.metered is None else who.metered[known.index].groupby(month).sum()
    sd = np.sqrt(hours**2 / total + (errors.inflow / Z95 * came) ** 2 + (errors.metered / Z95 * drawn) ** 2)
    loss = rate * hours
    limit = came.clip(lower=0)
    made = pd.DataFrame(
        {
            "month": came.index,
            "hours": hours,
            "inflow_m3": came,
            "loss_m3": loss.clip(0, limit),
            "loss_sd_m3": sd,
            "low_m3": (loss - Z90 * sd).clip(0, limit),
            "high_m3": (loss + Z90 * sd).clip(0, limit),
            **{f"{name}_m3": rates[name] * hours if name in rates else np.nan for name in found},
        }
    )
    return made[COLUMNS].reset_index(drop=True)
